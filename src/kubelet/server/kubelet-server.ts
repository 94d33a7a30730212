// The kubelet's HTTPS endpoint: lets requests in, and takes each to its handler.
// Follows pkg/kubelet/server/server.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { isRuntimeError, type RuntimeService } from '../../cri/runtime.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Files, FolderReader } from '../../lib/system.ts';
import type { KubeletPods } from '../seams.ts';
import type { StatsProvider } from '../stats/stats-provider.ts';
import { containerLogs } from './container-logs.ts';
import type { KubeletHandler, KubeletResponse, KubeletUpgrade } from './http.ts';
import type { KubeletAuth } from './kubelet-auth.ts';
import { nodeLogs } from './node-logs.ts';
import { metricsHandler, statsHandler } from './node-stats.ts';
import { type RouteHandler, sendJson, sendText } from './respond.ts';
import { HttpError, notFound, type Route, routeOf } from './route.ts';
import { runningPods } from './running-pods.ts';
import { type Connect, proxyUpgrade, refuseUpgrade } from './streaming-proxy.ts';
import { podFinder, runCommand, streamingUrl, streamRoots } from './streams.ts';

export interface KubeletServerOptions {
  pods: KubeletPods;
  runtime: RuntimeService;
  files: Files;
  clock: Clock;
  /** Says who is let in. */
  auth: KubeletAuth;
  /** Opens a TCP connection to the runtime's streaming server. */
  connect: Connect;
  stats: StatsProvider;
  /** The node's log folders by the name below /logs/; '' is the folder itself. None are shown when absent. */
  logFolders?: Readonly<Record<string, FolderReader>>;
  /** Why the pod workers' loop stands still, or undefined. */
  unhealthy?(): string | undefined;
  /** The KubeletConfiguration that /configz shows. */
  configuration?(): object;
}

const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function statusOf(error: unknown): number {
  if (error instanceof HttpError) return error.status;
  return isRuntimeError(error, 'NotFound') ? 404 : 500;
}

/** /healthz and its checks. Follows apiserver pkg/server/healthz of v1.36. */
function health(unhealthy: () => string | undefined): RouteHandler {
  const checks: Readonly<Record<string, () => string | undefined>> = {
    ping: () => undefined,
    log: () => undefined,
    syncloop: unhealthy,
  };
  return async ({ route: { parts, query } }, response) => {
    const [name] = parts;
    if (name !== undefined && name !== '') {
      const check = parts.length === 1 && Object.hasOwn(checks, name) ? checks[name] : undefined;
      if (check === undefined) throw notFound();
      const wrong = check();
      return sendText(
        response,
        wrong === undefined ? 200 : 500,
        wrong === undefined ? 'ok' : `internal server error: ${wrong}\n`,
      );
    }
    const results = Object.entries(checks).map(([check, run]) => ({ check, wrong: run() }));
    const lines = results.map(({ check, wrong }) =>
      wrong === undefined ? `[+]${check} ok\n` : `[-]${check} failed: reason withheld\n`,
    );
    if (results.some(({ wrong }) => wrong !== undefined))
      return sendText(response, 500, `${lines.join('')}healthz check failed\n`);
    return sendText(response, 200, query.has('verbose') ? `${lines.join('')}healthz check passed\n` : 'ok');
  };
}

const podList = (items: readonly Pod[]): object => ({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items });

/** A handler by the first segment of the path, and the methods that it takes. */
type Routes = Readonly<Record<string, { methods: readonly string[]; handle: RouteHandler }>>;

/** Only paths without more behind the name, but for a slash. */
const exactly =
  (handle: RouteHandler): RouteHandler =>
  (asked, response) => {
    if (asked.route.parts.some((part) => part !== '')) throw notFound();
    return handle(asked, response);
  };

const disabled =
  (why: string): RouteHandler =>
  () =>
    Promise.reject(new HttpError(405, `${why}\n`));

function routesOf(options: KubeletServerOptions): Routes {
  const { pods, runtime, files, clock } = options;
  const findPod = podFinder(pods);
  const get = (handle: RouteHandler) => ({ methods: ['GET'], handle });
  const upgradeOnly = {
    methods: ['GET', 'POST'],
    handle: () => Promise.reject(new HttpError(400, 'Upgrade request required')),
  };
  return {
    healthz: get(health(() => options.unhealthy?.())),
    pods: get(exactly((_, response) => sendJson(response, podList(pods.list())))),
    runningpods: get(
      exactly(async ({ signal }, response) => sendJson(response, podList(await runningPods(runtime, signal)))),
    ),
    configz: get(exactly((_, response) => sendJson(response, { kubeletconfig: options.configuration?.() ?? {} }))),
    stats: get(statsHandler(options.stats)),
    metrics: get(metricsHandler(options.stats)),
    logs: get(options.logFolders ? nodeLogs(options.logFolders) : disabled('logs endpoint is disabled.')),
    containerLogs: get(containerLogs({ pods, runtime, files, clock, findPod })),
    run: { methods: ['POST'], handle: runCommand({ pods, runtime, findPod }) },
    exec: upgradeOnly,
    attach: upgradeOnly,
    portForward: upgradeOnly,
  };
}

function handlerOf(routes: Routes, { root, method }: Route): RouteHandler {
  const found = Object.hasOwn(routes, root) ? routes[root] : undefined;
  if (found === undefined) throw notFound();
  if (!found.methods.includes(method))
    throw new HttpError(405, 'Method Not Allowed', { allow: found.methods.join(', ') });
  return found.handle;
}

/** The handler for host/https-server.ts. Every failure is answered; nothing is thrown. */
export function createKubeletServer(options: KubeletServerOptions): KubeletHandler {
  const { pods, runtime, auth } = options;
  const routes = routesOf(options);
  const streams = { pods, runtime, findPod: podFinder(pods) };

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
        const route = routeOf(request.method, request.url);
        await auth(request, route);
        await handlerOf(routes, route)({ route, signal: request.signal }, tracked);
      } catch (error) {
        // Once the body is under way, ending it is all that can be said.
        if (started || request.signal.aborted) response.end();
        else
          await sendText(response, statusOf(error), errorText(error), error instanceof HttpError ? error.headers : {});
      }
    },
    async upgrade(request, upgrade: KubeletUpgrade) {
      try {
        const route = routeOf(request.method, request.url);
        await auth(request, route);
        handlerOf(routes, route);
        if (!streamRoots.has(route.root)) throw notFound();
        const url = await streamingUrl(streams, route, request.signal);
        await proxyUpgrade(options.connect, url, request, upgrade);
      } catch (error) {
        refuseUpgrade(upgrade.socket, statusOf(error), errorText(error));
      }
    },
  };
}
