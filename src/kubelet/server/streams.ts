// What runs or reaches into containers: /exec, /attach and /portForward by a one-time URL of the runtime, and /run at once.
// Follows getExec, getAttach, getPortForward and getRun in pkg/kubelet/server/server.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import type { RuntimeService } from '../../cri/runtime.ts';
import type { KubeletPods } from '../seams.ts';
import { type RouteHandler, sendText } from './respond.ts';
import { flag, HttpError, type Route } from './route.ts';

/** Quotes as Go's %q does, for the names that occur here. */
export const quoted = JSON.stringify;

/** The pod of that name, and uid where one is given. Throws 404. */
export type FindPod = (namespace: string | undefined, name: string | undefined, uid?: string) => Pod;

export function podFinder(pods: KubeletPods): FindPod {
  return (namespace = '', name = '', uid) => {
    const pod = pods.get(namespace, name);
    if (!pod || (uid !== undefined && pod.metadata?.uid !== uid))
      throw new HttpError(404, `pod ${quoted(name)} does not exist`);
    return pod;
  };
}

export interface StreamOptions {
  pods: KubeletPods;
  runtime: RuntimeService;
  findPod: FindPod;
}

export const streamRoots: ReadonlySet<string> = new Set(['exec', 'attach', 'portForward']);

/** NAMESPACE/POD[/UID]/CONTAINER: the id of that container, which must run. Throws 404. */
function runningContainer({ pods, findPod }: StreamOptions, parts: readonly string[]): string {
  const [namespace, name, third, fourth] = parts;
  const pod = findPod(namespace, name, fourth === undefined ? undefined : third);
  const container = fourth ?? third ?? '';
  const ref = pods.containers(pod.metadata?.uid ?? '', container).find(({ running }) => running);
  if (!ref) throw new HttpError(404, `container not found (${quoted(container)})`);
  return ref.id;
}

function portForwardUrl(options: StreamOptions, { parts, query }: Route, signal: AbortSignal): Promise<string> {
  const [namespace, name, uid] = parts;
  const pod = options.findPod(namespace, name, uid);
  const sandbox = options.pods.sandboxId(pod.metadata?.uid ?? '');
  if (sandbox === undefined) throw new HttpError(404, `failed to find sandbox for pod ${quoted(name)}`);
  const ports = query
    .getAll('port')
    .flatMap((list) => list.split(','))
    .map(Number);
  if (ports.some((port) => !Number.isInteger(port) || port < 1 || port > 65_535))
    throw new HttpError(400, `invalid port ${quoted(query.getAll('port').join(','))}`);
  return options.runtime.portForward(sandbox, ports, signal);
}

/** The one-time URL at the runtime for an exec, attach or port-forward. */
export async function streamingUrl(options: StreamOptions, route: Route, signal: AbortSignal): Promise<string> {
  if (route.root === 'portForward') return portForwardUrl(options, route, signal);
  const { root, parts, query } = route;
  const id = runningContainer(options, parts);
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
    ? options.runtime.exec(id, query.getAll('command'), flags, signal)
    : options.runtime.attach(id, flags, signal);
}

/** POST /run: runs a command (words parted by blanks) to its end and gives what it wrote. */
export function runCommand(options: StreamOptions): RouteHandler {
  return async ({ route: { parts, query }, signal }, response) => {
    const id = runningContainer(options, parts);
    const { exitCode, stdout, stderr } = await options.runtime.execSync(
      id,
      (query.get('cmd') ?? '').split(' '),
      0,
      signal,
    );
    if (exitCode !== 0) {
      const output = Buffer.concat([stdout, stderr]).toString();
      throw new HttpError(500, `command terminated with exit code ${exitCode}: ${output}`);
    }
    await sendText(response, 200, Buffer.concat([stdout, stderr]).toString(), { 'content-type': 'application/json' });
  };
}
