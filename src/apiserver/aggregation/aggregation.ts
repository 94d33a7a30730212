// API aggregation: APIServices of what this server answers for, and the way to the extension servers of all others.
// Follows kube-aggregator pkg/apiserver/apiserver.go of v1.36.

import type { APIService } from '../../api/generated/types.ts';
import { saysSo, withAvailability } from '../../api/kinds/apiservice/conditions.ts';
import { equalJson } from '../../api/meta/equal.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import { keyLoop } from '../custom-resources/key-loop.ts';
import type { UpgradeTarget } from '../http/upgrade.ts';
import type { ApiRequest, ApiResponse, UserInfo } from '../request.ts';
import { checkAvailability } from './check-availability.ts';
import type { ExtensionTarget } from './extension-dialer.ts';
import { locateExtension } from './locate-extension.ts';
import { type ProxyDeps, proxyToExtension, upgradeTarget } from './proxy.ts';
import { proxyHeaders } from './proxy-headers.ts';
import { apiServicesPath, createRegistration, type RegistrationDeps } from './registration.ts';
import { type Fetch, fetchDocuments, groupVersionRoot, type RemoteDocuments } from './remote-documents.ts';
import { type RemoteApi, remoteApis, type RemoteApis } from './remote-apis.ts';

export type AggregationDeps = ProxyDeps & RegistrationDeps & { clock: Clock };

/** A group version of an extension server, with what the server last said of it. */
export type DescribedRemote = RemoteApi & RemoteDocuments;

export interface Aggregation {
  readonly apis: RemoteApis;
  /** Grows whenever what discovery and OpenAPI show changes. */
  readonly generation: number;
  described(): DescribedRemote[];
  /** The answer of the extension server, where the path is one's. */
  answer(request: ApiRequest): Promise<ApiResponse> | undefined;
  /** Where an upgrade goes, in the name of the user; undefined where the path is this server's own. Rejects with 503. */
  upgrade(path: string, query: URLSearchParams, user: UserInfo): Promise<UpgradeTarget> | undefined;
  /** Registers what is served, and looks after all APIServices from then on. */
  start(): Promise<void>;
  stop(): void;
}

const aggregatorUser: UserInfo = { name: 'system:kube-aggregator', groups: ['system:masters'] };

/** How often servers are asked again whether they are there, and what they serve. */
const lookEveryMs = 30_000;
const checkMs = 5000;
const checks = 5;
const nothingKnown: RemoteDocuments = { resources: [], isCurrent: false, openApiV3: undefined, openApiV2: undefined };

export function createAggregation(deps: AggregationDeps): Aggregation {
  const { feed, services, resources, objects, random, clock, dialer, logger, signal } = deps;
  const apis = remoteApis(feed, services);
  const cache = feed.cache(services);
  const documents = new Map<string, RemoteDocuments>();
  let documentsGeneration = 0;
  const registration = createRegistration(deps);

  /** One GET in the aggregator's own name, which takes a few seconds at most. */
  const get = async (target: ExtensionTarget, path: string, accept: string) => {
    const limit = new AbortController();
    const timer = clock.after(checkMs, () => limit.abort());
    try {
      return await dialer.request(target, {
        method: 'GET',
        path,
        headers: { accept, ...proxyHeaders(aggregatorUser) },
        signal: AbortSignal.any([limit.signal, signal]),
      });
    } finally {
      timer.cancel();
    }
  };
  /** Whoever has the network could forge the answer, and would gain nothing: the certificate is not looked at. */
  const probe = async (remote: RemoteApi): Promise<void> => {
    const target = { ...(await locateExtension(objects, random, remote)), insecure: true };
    const path = groupVersionRoot(remote);
    const host = target.host.includes(':') ? `[${target.host}]` : target.host;
    const url = `https://${host}:${target.port}${path}`;
    const fail = (why: string): Error => new Error(`failing or missing response from ${url}: ${why}`);
    const answer = await get(target, path, '*/*').catch((error: unknown) => {
      throw fail(`Get ${goQuote(url)}: ${error instanceof Error ? error.message : String(error)}`);
    });
    await answer.body[Symbol.asyncIterator]().return?.(undefined);
    if (answer.status < 200 || answer.status >= 300) throw fail(`bad status from ${url}: ${answer.status}`);
  };
  /** One success of several is enough: one pod of the service may be ill. */
  const ask = async (remote: RemoteApi): Promise<void> => {
    try {
      await Promise.any(Array.from({ length: checks }, () => probe(remote)));
    } catch (error) {
      throw error instanceof AggregateError ? error.errors.at(-1) : error;
    }
  };
  const note = (name: string, found: RemoteDocuments | undefined): void => {
    if (equalJson(documents.get(name), found)) return;
    if (found === undefined) documents.delete(name);
    else documents.set(name, found);
    documentsGeneration++;
  };
  const learn = async (remote: RemoteApi): Promise<void> => {
    try {
      const target = await locateExtension(objects, random, remote);
      const fetch: Fetch = (path, accept) => get(target, path, accept);
      note(remote.name, await fetchDocuments(remote, fetch));
    } catch (error) {
      logger.warn('an extension server does not say what it serves', { name: remote.name, error: String(error) });
      note(remote.name, { ...(documents.get(remote.name) ?? nothingKnown), isCurrent: false });
    }
  };
  const look = async (name: string): Promise<void> => {
    await feed.caughtUp();
    const object = cache.objects.get(services.keyPrefix + name)?.object() as APIService | undefined;
    const remote = apis.all.find((one) => one.name === name);
    if (object === undefined || remote === undefined) return note(name, undefined);
    const availability = await checkAvailability(objects, remote, () => ask(remote));
    if (signal.aborted) return;
    // Who waits for the condition finds the resources.
    if (availability.status === 'True') await learn(remote);
    else note(name, { ...(documents.get(name) ?? nothingKnown), isCurrent: false });
    if (!saysSo(object.status, availability))
      await tell({ ...object, status: withAvailability(object.status, availability, clock.now()) });
    if (availability.reason === 'FailedDiscoveryCheck') throw new Error(availability.message);
  };
  const tell = async (object: APIService): Promise<void> => {
    const path = `${apiServicesPath}/${object.metadata?.name ?? ''}/status`;
    try {
      await deps.transport().request({ method: 'PUT', path, body: object });
    } catch (error) {
      // Whoever was faster has it looked at again.
      if (!isApiError(error, 'Conflict') && !isApiError(error, 'NotFound')) throw error;
    }
  };
  const loop = keyLoop(clock, look, (name, error) => {
    if (!signal.aborted) logger.debug('an APIService is not available', { name, error: String(error) });
  });
  const lookAtAll = (): void => {
    for (const { name } of apis.all) loop.add(name);
    for (const name of documents.keys()) loop.add(name);
  };
  /** A change of a service or a pod may be a server's coming or going. */
  const follow = (resource: string): void => {
    const info = resources.find('', 'v1', resource);
    if (info === undefined) return;
    feed.cache(info).observe({
      changed(current, previous) {
        const namespace = (current ?? previous)?.namespace;
        for (const { name, service } of apis.all) if (service.namespace === namespace) loop.add(name);
      },
      loaded: lookAtAll,
    });
  };
  const keepLooking = async (): Promise<void> => {
    while (!signal.aborted) {
      await sleep(clock, lookEveryMs, signal);
      if (!signal.aborted) lookAtAll();
    }
  };
  const ofOpenApi = (path: string): RemoteApi | undefined =>
    path.startsWith('/openapi/v3/') ? apis.ofPath(path.slice('/openapi/v3'.length)) : undefined;
  return {
    apis,
    get generation() {
      return apis.generation + documentsGeneration;
    },
    described: () => apis.all.map((remote) => ({ ...remote, ...(documents.get(remote.name) ?? nothingKnown) })),
    answer(request) {
      const remote = apis.ofPath(request.path);
      if (remote !== undefined) return proxyToExtension(deps, remote, request);
      const described = ofOpenApi(request.path);
      return described && proxyToExtension(deps, described, { ...request, user: aggregatorUser });
    },
    upgrade(path, query, user) {
      const remote = apis.ofPath(path);
      return remote && upgradeTarget(deps, remote, path, query, user);
    },
    async start() {
      await registration.start();
      cache.observe({
        changed: (current, previous) => loop.add((current ?? previous)?.name ?? ''),
        loaded: lookAtAll,
      });
      follow('services');
      follow('pods');
      lookAtAll();
      void keepLooking();
    },
    stop: () => loop.stop(),
  };
}
