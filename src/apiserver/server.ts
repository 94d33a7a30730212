// Puts the API server together: caches over a store, the pipeline, and the ways in.

import type { JsonObject } from '../api/meta/types.ts';
import { loadDescriptions } from '../api/schema/load.ts';
import type { Transport } from '../api/transport.ts';
import { createAggregation, type Aggregation } from './aggregation/aggregation.ts';
import { createAdmission } from './assembly/admission.ts';
import { announcer } from './assembly/announce.ts';
import { createAuthorization } from './assembly/authorization.ts';
import { compactRegularly } from './assembly/compaction.ts';
import { type Foundation, layFoundation } from './assembly/foundation.ts';
import { createIdentity } from './assembly/identity.ts';
import type { ApiServer, ApiServerOptions } from './assembly/options.ts';
import { createStartup, storeAnswers } from './assembly/startup.ts';
import { createWhoAsks } from './authn/who-asks.ts';
import type { Authorizer } from './authz/authorizer.ts';
import { authorize } from './authz/decided.ts';
import { componentStatuses } from './component-statuses.ts';
import { createCustomResources, type CustomResources } from './custom-resources/custom-resources.ts';
import { createDiscovery } from './discovery/discovery.ts';
import { openApiHandler } from './discovery/openapi.ts';
import { versionInfo } from './health.ts';
import { extensionClient } from './http/extension-client.ts';
import { inFlight } from './http/limits.ts';
import { listen as listenHttps, type Listener } from './http/listener.ts';
import { processMetrics } from './http/process-metrics.ts';
import { upgradeHandler } from './http/upgrade.ts';
import { callWebhook } from './http/webhook-client.ts';
import { createInProcessTransport } from './in-process.ts';
import { answerMetrics } from './metrics/answer.ts';
import { authorizationAttempts } from './metrics/authorization-metrics.ts';
import { meteredIdentify } from './metrics/authentication-metrics.ts';
import { healthMetrics } from './metrics/health-metrics.ts';
import { requestMetrics } from './metrics/request-metrics.ts';
import { restClientMetrics } from './metrics/rest-client-metrics.ts';
import { aggregatorMetrics, inFlightMetrics, objectMetrics, storageSizeMetrics } from './metrics/server-metrics.ts';
import { watchCacheMetrics } from './metrics/watch-cache-metrics.ts';
import { createPipeline } from './pipeline.ts';
import { leaseIssuer, type RegistryDeps } from './registry/commit.ts';
import { requestInfo } from './request-info.ts';
import { apiserverUser, type UserInfo } from './request.ts';
import { accessReviews } from './reviews/access-reviews.ts';
import { identityReviews } from './reviews/identity-reviews.ts';
import { installSubresources, type Subresources } from './subresources/install.ts';
import { noKubelets } from './subresources/kubelet-connector.ts';
import type { VirtualResource } from './virtual.ts';

export type { ApiServer, ApiServerOptions } from './assembly/options.ts';

/** Makes an API server; it loads its caches from the store at once. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const foundation = layFoundation(options);
  const { machinery, clock, random, logger, limits, measured, slis, resources, feed, objects, closing } = foundation;
  const { monotonic, caughtUp } = foundation;
  const listeners: Listener[] = [];
  const address = (): string => `127.0.0.1:${listeners[0]?.port ?? 6443}`;
  const metrics = requestMetrics(
    measured,
    (...asked) => isServed(foundation, virtual, ...asked),
    (...asked) => isDeprecated(foundation, virtual, ...asked),
  );
  const clientMetrics = restClientMetrics(measured, address);
  const inProcess = (user: UserInfo): Transport =>
    createInProcessTransport(pipeline, user, { server: metrics, client: clientMetrics, monotonic });
  const own = (): Transport => inProcess(apiserverUser);

  const authorization = createAuthorization(foundation);
  const { authorizer, roles } = authorization;
  const registry: RegistryDeps = {
    store: foundation.store,
    feed,
    clock,
    random,
    logger,
    machinery,
    admission: createAdmission(foundation, authorization, own),
    leases: leaseIssuer(foundation.store, clock),
    allowPrivileged: options.allowPrivileged ?? true,
    gates: foundation.gates,
    minWatchMs: limits.minRequestTimeoutMs,
  };
  const { tokens, authentication, audiences } = createIdentity(foundation, registry, address);
  const subresources = installSubresources({
    registry,
    tokens,
    resources,
    authorizer,
    connector: options.kubeletConnector,
    dialPod: options.dialPod,
    objects,
    random,
    transport: () => inProcess(apiserverUser),
    closing: closing.signal,
  });
  const reviewDeps = { authorizer, machinery, now: () => clock.now(), caughtUp };
  const virtual: VirtualResource[] = [
    ...identityReviews({ ...reviewDeps, tokens: authentication.tokens, audiences }),
    ...accessReviews(reviewDeps),
    ...subresources.virtual,
    componentStatuses([...(options.components ?? []), { name: 'etcd-0', check: storeAnswers(foundation) }]),
  ];
  const aggregation = aggregationOf(foundation, virtual, own);
  const customResources = customResourcesOf(foundation, registry, own);
  const startup = createStartup(foundation, { roles, customResources, aggregation, transport: own });
  const requestsInFlight = inFlight(limits);
  inFlightMetrics(measured, requestsInFlight);
  tellOfItself(foundation, aggregation);
  const openApi = openApiOf(foundation, virtual, aggregation);
  const definitions = definitionsOf(foundation);
  const pipeline = createPipeline({
    resources,
    registry,
    authorizer,
    attempts: authorizationAttempts(measured, monotonic),
    discovery: createDiscovery(resources, virtual, address, aggregation),
    ...(aggregation === undefined ? {} : { remote: aggregation.answer }),
    virtual,
    custom: subresources.custom,
    health: startup.checks,
    observeHealth: healthMetrics(slis),
    settled: (resource) => (resource === definitions ? customResources?.settled() : undefined),
    version: versionInfo(options.version, options.platform ?? 'linux/amd64', '') as JsonObject,
    extra: async (request) =>
      answerMetrics(measured, slis, request) ?? tokens.answer(request) ?? (await openApi(request)),
  });
  const identify = createWhoAsks(
    meteredIdentify(measured, monotonic, () => clock.now(), authentication.identify),
    authorizer,
    caughtUp,
  );
  const starting = startup.run();
  // Whoever awaits ready() sees the failure.
  starting.catch((error: unknown) => logger.error('the API server did not start', { error: String(error) }));
  const compaction = compactRegularly(foundation.store, clock, logger);
  const announce = announcer(foundation, own);
  return {
    async listen(listenOptions) {
      const listener = await listenHttps(
        listenOptions,
        {
          pipeline,
          identify,
          logger,
          now: () => clock.now(),
          monotonic,
          clock,
          limits,
          inFlight: requestsInFlight,
          metrics,
          closing: closing.signal,
          isRemote: (path) => aggregation?.apis.ofPath(path) !== undefined,
        },
        upgradeHandler({
          locate: locateAnywhere(subresources.locate, aggregation, authorizer, caughtUp),
          identify,
          connector: options.kubeletConnector ?? noKubelets,
          logger,
        }),
      );
      listeners.push(listener);
      return { port: listener.port };
    },
    async announce(port) {
      await starting;
      if (resources.find('', 'v1', 'services') !== undefined) await announce(port);
    },
    renew(tls) {
      for (const listener of listeners) listener.renew(tls);
    },
    inProcess,
    ready: () => starting,
    async close() {
      closing.abort();
      compaction.cancel();
      customResources?.stop();
      aggregation?.stop();
      await Promise.all(listeners.map((listener) => listener.close()));
      await starting.catch(() => {});
      await feed.close();
    },
  };
}

const virtualOf = (virtual: readonly VirtualResource[], group: string, version: string, resource: string) =>
  virtual.find((one) => one.resource === resource && one.group === group && one.version === version);

function isServed(
  { resources }: Foundation,
  virtual: readonly VirtualResource[],
  group: string,
  version: string,
  resource: string,
  subresource: string,
): boolean {
  const found = resources.find(group, version, resource);
  if (found === undefined) return subresource === '' && virtualOf(virtual, group, version, resource) !== undefined;
  return subresource === '' || found.kind.subresources?.[subresource] !== undefined;
}

/** Whether answers of that resource warn that it will not stay. */
function isDeprecated(
  { resources }: Foundation,
  virtual: readonly VirtualResource[],
  group: string,
  version: string,
  resource: string,
): boolean {
  const { requestWarnings } =
    resources.find(group, version, resource)?.kind ?? virtualOf(virtual, group, version, resource) ?? {};
  return requestWarnings !== undefined;
}

function aggregationOf(
  { options, resources, feed, objects, random, clock, logger, closing }: Foundation,
  virtual: VirtualResource[],
  transport: () => Transport,
): Aggregation | undefined {
  const services = resources.find('apiregistration.k8s.io', 'v1', 'apiservices');
  if (services === undefined) return undefined;
  return createAggregation({
    resources,
    virtual,
    feed,
    services,
    objects,
    random,
    clock,
    logger,
    dialer: options.extensionDialer ?? extensionClient(undefined),
    transport,
    signal: closing.signal,
  });
}

const definitionsOf = ({ resources }: Foundation) =>
  resources.find('apiextensions.k8s.io', 'v1', 'customresourcedefinitions');

function customResourcesOf(
  foundation: Foundation,
  registry: RegistryDeps,
  transport: () => Transport,
): CustomResources | undefined {
  const { options, resources, objects, random, clock } = foundation;
  const definitions = definitionsOf(foundation);
  if (definitions === undefined) return undefined;
  const webhooks = { objects, random, clock, call: options.callWebhook ?? callWebhook };
  return createCustomResources({ registry, resources, definitions, webhooks, transport });
}

/** The metrics of what is there, beside those of what is done. */
function tellOfItself({ options, measured, resources, feed }: Foundation, aggregation: Aggregation | undefined): void {
  objectMetrics(measured, resources, feed);
  watchCacheMetrics(measured, resources, feed);
  if (options.storageBytes !== undefined) storageSizeMetrics(measured, options.storageBytes);
  if (aggregation !== undefined) aggregatorMetrics(measured, aggregation.apis);
  if (options.processMetrics === true) processMetrics(measured);
}

function openApiOf(
  { options, machinery, unstored, resources }: Foundation,
  virtual: readonly VirtualResource[],
  aggregation: Aggregation | undefined,
): ReturnType<typeof openApiHandler> {
  const posted = virtual.flatMap((one) => {
    const definition = machinery.schema.ofKind(one.group, one.version, one.kind)?.name;
    return one.create === undefined || definition === undefined ? [] : [{ ...one, definition }];
  });
  return openApiHandler({
    schema: machinery.schema,
    descriptions: loadDescriptions,
    kinds: () => [...unstored, ...posted, ...resources.all.map(({ kind }) => kind)],
    generation: () => resources.generation + (aggregation?.generation ?? 0),
    remote: () => aggregation?.described() ?? [],
    build: options.version,
  });
}

/** Where an upgraded connection leads, in this server or in one that is aggregated. */
const locateAnywhere =
  (
    locate: Subresources['locate'],
    aggregation: Aggregation | undefined,
    authorizer: Authorizer,
    caughtUp: () => Promise<void>,
  ): Subresources['locate'] =>
  async (method, path, query, user, warnings) => {
    if (aggregation?.apis.ofPath(path) === undefined) return await locate(method, path, query, user, warnings);
    await authorize(authorizer, caughtUp, user, requestInfo(method, path, query));
    return (await aggregation.upgrade(path, query, user)) ?? (await locate(method, path, query, user, warnings));
  };
