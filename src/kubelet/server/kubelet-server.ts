// The kubelet's HTTPS endpoint: container logs, exec, attach and port-forward, the pods it runs, health.
// Follows pkg/kubelet/server/server.go and auth.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { isRuntimeError, type RuntimeService } from '../../cri/runtime.ts';
import type { Clock } from '../../lib/clock.ts';
import { metricsContentType } from '../../lib/metrics-text.ts';
import type { Files } from '../../lib/system.ts';
import { logContainerId } from '../logs/log-status.ts';
import { readLogs } from '../logs/read-logs.ts';
import type { KubeletPods } from '../seams.ts';
import type { StatsProvider } from '../stats/stats-provider.ts';
import type { KubeletHandler, KubeletRequest, KubeletResponse, KubeletUpgrade } from './http.ts';
import { logOptionsOf } from './log-options.ts';
import { type Connect, proxyUpgrade, refuseUpgrade } from './streaming-proxy.ts';

export interface KubeletServerOptions {
  pods: KubeletPods;
  runtime: RuntimeService;
  files: Files;
  clock: Clock;
  /** Opens a TCP connection to the runtime's streaming server. */
  connect: Connect;
  stats: StatsProvider;
  /** What /configz shows. */
  config?: Record<string, unknown>;
}

/** An answer that is no success; the body is plain text, as the API server expects it from kubelets. */
class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
  }
}

const apiServerUser = 'kube-apiserver-kubelet-client';
const mastersGroup = 'system:masters';

/** The node subresource that a path is authorized as. */
const subresources: Readonly<Record<string, string>> = {
  containerLogs: 'log',
  healthz: 'healthz',
  pods: 'pods',
  configz: 'configz',
  stats: 'stats',
  metrics: 'metrics',
};

function authorize({ method, user }: KubeletRequest, root: string): void {
  if (!user) throw new HttpError(401, 'Unauthorized');
  if (user.name === apiServerUser || user.groups.includes(mastersGroup)) return;
  const verb = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }[method] ?? 'get';
  const subresource = subresources[root] ?? 'proxy';
  throw new HttpError(
    403,
    `Forbidden (user=${user.name}, verb=${verb}, resource=nodes, subresource(s)=[${subresource}])\n`,
  );
}

interface Route {
  root: string;
  parts: string[];
  query: URLSearchParams;
}

function routeOf(url: string): Route {
  const { pathname, searchParams } = new URL(url, 'https://kubelet');
  const [root = '', ...parts] = pathname.split('/').slice(1);
  try {
    return { root, parts: parts.map(decodeURIComponent), query: searchParams };
  } catch {
    throw new HttpError(400, 'bad path');
  }
}

const flag = (query: URLSearchParams, name: string): boolean => query.get(name) === '1' || query.get(name) === 'true';
const quoted = JSON.stringify;

function hasContainer(pod: Pod, name: string): boolean {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [...containers, ...initContainers, ...ephemeralContainers].some((container) => container.name === name);
}

async function sendText(
  response: KubeletResponse,
  status: number,
  text: string,
  type = 'text/plain; charset=utf-8',
): Promise<void> {
  const body = Buffer.from(text);
  response.start(status, { 'content-type': type, 'content-length': String(body.length) });
  await response.write(body);
  response.end();
}

const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function statusOf(error: unknown): number {
  if (error instanceof HttpError) return error.status;
  return isRuntimeError(error, 'NotFound') ? 404 : 500;
}

/** The handler for host/https-server.ts. Every failure is answered; nothing is thrown. */
export function createKubeletServer(options: KubeletServerOptions): KubeletHandler {
  const { pods, runtime, files, clock, stats } = options;

  const podOf = (namespace = '', name = '', uid?: string): Pod => {
    const pod = pods.get(namespace, name);
    if (!pod || (uid !== undefined && pod.metadata?.uid !== uid))
      throw new HttpError(404, `pod ${quoted(name)} does not exist`);
    return pod;
  };

  const containerLogs = async (
    { parts, query }: Route,
    response: KubeletResponse,
    signal: AbortSignal,
  ): Promise<void> => {
    const [namespace, podName = '', container = ''] = parts;
    if (container === '') throw new HttpError(400, '{"message": "Missing container name."}');
    const parsed = logOptionsOf(query, clock.now());
    if ('error' in parsed) throw new HttpError(422, parsed.error);
    const pod = podOf(namespace, podName);
    if (!hasContainer(pod, container))
      throw new HttpError(404, `container ${quoted(container)} not found in pod ${quoted(podName)}`);
    const uid = pod.metadata?.uid ?? '';
    const found = logContainerId(podName, pods.status(uid) ?? pod.status, container, parsed.previous);
    if ('error' in found) throw new HttpError(400, found.error);
    const ref = pods.containers(uid, container).find(({ id }) => id === found.id);
    const path = ref?.logPath || (await logPathOf(found.id, signal));
    const isRunning = async (): Promise<boolean> => {
      try {
        return (await runtime.containerStatus(found.id, {}, signal)).state === 'running';
      } catch (error) {
        // A runtime that is away for a moment ends no container.
        return !isRuntimeError(error, 'NotFound');
      }
    };
    const chunks = readLogs({ files, clock, path, isRunning }, parsed.options, signal);
    // The first chunk is had before the status is sent, so that a missing file is an error to the client.
    const first = parsed.options.follow ? undefined : await chunks.next();
    response.start(200, { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' });
    if (first && !first.done) await response.write(first.value);
    for await (const chunk of chunks) await response.write(chunk);
    response.end();
  };

  const logPathOf = async (id: string, signal: AbortSignal): Promise<string> => {
    const { logPath } = await runtime.containerStatus(id, {}, signal);
    if (logPath === '') throw new HttpError(400, `container ${quoted(id)} has no log`);
    return logPath;
  };

  const runningContainer = (pod: Pod, container: string): string => {
    const ref = pods.containers(pod.metadata?.uid ?? '', container).find(({ running }) => running);
    if (!ref) throw new HttpError(404, `container not found (${quoted(container)})`);
    return ref.id;
  };

  /** The one-time URL at the runtime for an exec, attach or port-forward. */
  const streamingUrl = async ({ root, parts, query }: Route, signal: AbortSignal): Promise<string> => {
    if (root === 'portForward') {
      const [namespace, name, uid] = parts;
      const pod = podOf(namespace, name, uid);
      const sandbox = pods.sandboxId(pod.metadata?.uid ?? '');
      if (sandbox === undefined) throw new HttpError(404, `failed to find sandbox for pod ${quoted(name)}`);
      const ports = query
        .getAll('port')
        .flatMap((list) => list.split(','))
        .map(Number);
      if (ports.some((port) => !Number.isInteger(port) || port < 1 || port > 65_535))
        throw new HttpError(400, `invalid port ${quoted(query.getAll('port').join(','))}`);
      return runtime.portForward(sandbox, ports, signal);
    }
    // /exec/{namespace}/{pod}[/{uid}]/{container}
    const [namespace, name, third, fourth] = parts;
    const pod = podOf(namespace, name, fourth === undefined ? undefined : third);
    const id = runningContainer(pod, fourth ?? third ?? '');
    const tty = flag(query, 'tty');
    const flags = {
      stdin: flag(query, 'input'),
      stdout: flag(query, 'output'),
      stderr: flag(query, 'error') && !tty,
      tty,
    };
    if (!flags.stdin && !flags.stdout && !flags.stderr)
      throw new HttpError(400, 'you must specify at least 1 of stdin, stdout, stderr');
    return root === 'exec'
      ? runtime.exec(id, query.getAll('command'), flags, signal)
      : runtime.attach(id, flags, signal);
  };

  const statsSummary = async ({ parts, query }: Route, response: KubeletResponse): Promise<void> => {
    if (parts.length !== 1 || parts[0] !== 'summary') throw new HttpError(404, '404 page not found\n');
    const summary = await stats.summary({ onlyCpuAndMemory: flag(query, 'only_cpu_and_memory') });
    return sendText(response, 200, JSON.stringify(summary, undefined, 1), 'application/json');
  };

  const metricsOf = async ({ parts }: Route): Promise<string> => {
    switch (parts.join('/')) {
      case '':
        return stats.kubeletMetrics();
      case 'resource':
        return stats.resourceMetrics();
      case 'cadvisor':
        return stats.cadvisorMetrics();
      case 'probes':
        return stats.probeMetrics();
      default:
        throw new HttpError(404, '404 page not found\n');
    }
  };

  const answer = async (request: KubeletRequest, route: Route, response: KubeletResponse): Promise<void> => {
    switch (route.root) {
      case 'healthz':
        return sendText(response, 200, 'ok');
      case 'containerLogs':
        return containerLogs(route, response, request.signal);
      case 'pods':
        return sendText(
          response,
          200,
          JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: pods.list() }),
          'application/json',
        );
      case 'configz':
        return sendText(response, 200, JSON.stringify({ kubeletconfig: options.config ?? {} }), 'application/json');
      case 'stats':
        return statsSummary(route, response);
      case 'metrics':
        return sendText(response, 200, await metricsOf(route), metricsContentType);
      case 'exec':
      case 'attach':
      case 'portForward':
        throw new HttpError(400, 'Upgrade request required');
      default:
        throw new HttpError(404, '404 page not found\n');
    }
  };

  return {
    async handle(request, response) {
      let started = false;
      const tracked: KubeletResponse = {
        ...response,
        start(status, headers) {
          started = true;
          response.start(status, headers);
        },
      };
      try {
        const route = routeOf(request.url);
        authorize(request, route.root);
        await answer(request, route, tracked);
      } catch (error) {
        // Once the body is under way, ending it is all that can be said.
        if (started || request.signal.aborted) response.end();
        else await sendText(response, statusOf(error), errorText(error));
      }
    },
    async upgrade(request, upgrade: KubeletUpgrade) {
      try {
        const route = routeOf(request.url);
        authorize(request, route.root);
        if (!['exec', 'attach', 'portForward'].includes(route.root)) throw new HttpError(404, '404 page not found\n');
        const url = await streamingUrl(route, request.signal);
        await proxyUpgrade(options.connect, url, request, upgrade);
      } catch (error) {
        refuseUpgrade(upgrade.socket, statusOf(error), errorText(error));
      }
    },
  };
}
