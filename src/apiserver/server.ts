// Puts the API server together: caches over a store, the pipeline, and the ways in.

import { type EnabledGates, noGates } from '../api/feature-gates.ts';
import type { Service } from '../api/generated/types.ts';
import { serviceUnavailable } from '../api/meta/errors.ts';
import type { JsonObject } from '../api/meta/types.ts';
import type { AnyKind } from '../api/scheme.ts';
import { loadDescriptions } from '../api/schema/load.ts';
import type { Transport } from '../api/transport.ts';
import { type Clock, sleep, type Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { Store } from '../store/store.ts';
import { admissionChain, type AdmissionPlugin } from './admission/admission.ts';
import type { MayDo } from './admission/certificates.ts';
import { deviceAdminAccess } from './admission/device-admin-access.ts';
import type { ImagePolicyWebhook } from './admission/image-policy.ts';
import { type LookupKind, objectLookup } from './admission/object-lookup.ts';
import type { PluginConfiguration } from './admission/plugin-configuration.ts';
import type { PluginName } from './admission/plugin-names.ts';
import { createPlugins } from './admission/plugins.ts';
import { accessCheck } from './admission/policy/access-check.ts';
import { meteredMatch, webhookConditions } from './admission/policy/match-conditions.ts';
import { serviceAddresses } from './admission/service-addresses.ts';
import { systemPriorityClassGuard } from './admission/system-priority-classes.ts';
import type { WebhookCaller } from './admission/webhook/webhook-caller.ts';
import { type AuthenticationOptions, createAuthentication } from './authn/create-authentication.ts';
import { createWhoAsks } from './authn/who-asks.ts';
import { createAuthorizer, type RuleSource } from './authz/authorizer.ts';
import { defaultIssuer } from './tokens/claims.ts';
import { createServiceAccountTokens } from './tokens/service-account-tokens.ts';
import { createTokenSigner, newSigningKey } from './tokens/jwt.ts';
import { authorize, decided } from './authz/decided.ts';
import { authorizerOf, type ConfiguredAuthorizer, defaultModes } from './authz/modes.ts';
import { createNodeGraph } from './authz/node-graph.ts';
import { createRoleIndex } from './authz/role-index.ts';
import { componentStatuses } from './component-statuses.ts';
import { createAggregation } from './aggregation/aggregation.ts';
import type { ExtensionDialer } from './aggregation/extension-dialer.ts';
import { rbacEscalation } from './admission/rbac-escalation.ts';
import { bootstrapService } from './bootstrap-service.ts';
import { bootstrapRbac } from './bootstrap-rbac.ts';
import { publishTrust } from './bootstrap-trust.ts';
import { bootstrapDefaultAccount, bootstrapNamespaces, bootstrapPriorityClasses } from './bootstrap.ts';
import { createCustomResources } from './custom-resources/custom-resources.ts';
import { createFlowControl } from './flow-control/flow-control.ts';
import { addressLookup, createServiceRange, rangesInUse } from './service-range/service-range.ts';
import { createDiscovery } from './discovery/discovery.ts';
import { openApiHandler } from './discovery/openapi.ts';
import { type HealthCheck, startHooks, versionInfo } from './health.ts';
import type { ExchangeDeps } from './http/exchange.ts';
import { listen as listenHttps, type Listener, type ListenOptions, type TlsMaterial } from './http/listener.ts';
import { extensionClient } from './http/extension-client.ts';
import { callWebhook } from './http/webhook-client.ts';
import { upgradeHandler } from './http/upgrade.ts';
import { defaultLimits, inFlight, type RequestLimits } from './http/limits.ts';
import { processMetrics } from './http/process-metrics.ts';
import { admissionMetrics } from './metrics/admission-metrics.ts';
import { answerMetrics } from './metrics/answer.ts';
import { meteredIdentify } from './metrics/authentication-metrics.ts';
import { authorizationMetrics } from './metrics/authorization-metrics.ts';
import { healthMetrics } from './metrics/health-metrics.ts';
import { createRegistry, type Registry } from '../lib/metrics-registry.ts';
import { mutationMetrics, policyMetrics } from './metrics/policy-metrics.ts';
import { requestMetrics } from './metrics/request-metrics.ts';
import { restClientMetrics } from './metrics/rest-client-metrics.ts';
import {
  aggregatorMetrics,
  inFlightMetrics,
  objectMetrics,
  storageSizeMetrics,
  timedStore,
} from './metrics/server-metrics.ts';
import { watchCacheMetrics } from './metrics/watch-cache-metrics.ts';
import { createInProcessTransport } from './in-process.ts';
import { createPipeline } from './pipeline.ts';
import { CacheFeed } from './registry/cache-feed.ts';
import { leaseIssuer, type RegistryDeps } from './registry/commit.ts';
import { requestInfo } from './request-info.ts';
import { apiserverUser, type UserInfo } from './request.ts';
import { resourceTable } from './resources.ts';
import type { ObjectMachinery } from './machinery.ts';
import { accessReviews } from './reviews/access-reviews.ts';
import { identityReviews } from './reviews/identity-reviews.ts';
import { installSubresources } from './subresources/install.ts';
import type { KubeletConnector } from './subresources/kubelet-connector.ts';
import type { PodDialer } from './subresources/pod-proxy.ts';
import type { VirtualResource } from './virtual.ts';

export interface ApiServerOptions {
  store: Store;
  /** Of the API's schema: schemaMachinery(loadSchema()). */
  machinery: ObjectMachinery;
  kinds: readonly AnyKind[];
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Peapod's own version, shown as v1.36.0+peapod.<version>. */
  version: string;
  /** Shown by /version: linux/amd64. */
  platform?: string;
  /** How kubelets are reached (log, exec, attach, port-forward, nodes/proxy); 503 without. */
  kubeletConnector?: KubeletConnector;
  /** How pods are reached (pods/proxy); 503 without. */
  dialPod?: PodDialer;
  /** How much is served at once and how long it may take; upstream's defaults for what is absent. */
  limits?: Partial<RequestLimits>;
  /** Whether /metrics tells of this process too. */
  processMetrics?: boolean;
  /** How extension API servers are reached; over HTTPS, with no certificate of a front proxy, when absent. */
  extensionDialer?: ExtensionDialer;
  /** How webhooks are reached; over HTTPS when absent. */
  callWebhook?: WebhookCaller;
  /** The admission plugins that run; those of enabledPlugins([], []) when absent. */
  admissionPlugins?: ReadonlySet<PluginName>;
  /** What the admission plugins are told. */
  admissionConfiguration?: PluginConfiguration;
  /** Who decides about images, for the plugin ImagePolicyWebhook. */
  imagePolicyWebhook?: ImagePolicyWebhook | undefined;
  /** Whether privileged containers are let in. Default true. */
  allowPrivileged?: boolean;
  /** The feature gates that are on beside those of v1.36 itself. Default none. */
  gates?: EnabledGates;
  /** Further admission after the built-in plugins. */
  admission?: readonly AdmissionPlugin[];
  /** Rules by user; those of roles and of the bootstrap when absent. */
  rules?: RuleSource;
  /** The addresses of services. Default 10.43.0.0/16. */
  serviceCidr?: string;
  /** Who decides what may be done, as configured now; Node and RBAC when absent. */
  authorization?: () => readonly ConfiguredAuthorizer[];
  /** How clients are known, beside their certificates and the tokens of service accounts. */
  authentication?: AuthenticationOptions;
  /** Where metrics are kept that /metrics tells; a registry of its own when absent. */
  metrics?: Registry;
  /** Bytes that the store takes on its disk; told at /metrics. */
  storageBytes?: () => number;
  /** The scheduler and the like, where they run: v1/componentstatuses tells of them. */
  components?: readonly HealthCheck[];
  /** PEM of the key that signs service account tokens where the options name none; a new one for this run when absent. */
  serviceAccountKey?: string;
}

export interface ApiServer {
  /** Serves HTTPS; gives the port. May be called again for another address of the same server. */
  listen(options: ListenOptions): Promise<{ port: number }>;
  /** Makes the service `kubernetes`, with the port on which pods reach the server, and keeps it. */
  announce(port: number): Promise<void>;
  /** Takes renewed certificates for new connections. */
  renew(tls: TlsMaterial): void;
  /** A transport that acts as that user, without a socket. */
  inProcess(user: UserInfo): Transport;
  /** Resolves once the caches are loaded and the system's namespaces exist. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

/** Where no way to kubelets was given. */
const noKubelets: KubeletConnector = {
  request: () => Promise.reject(serviceUnavailable('this API server has no way to kubelets')),
  connect: () => Promise.reject(serviceUnavailable('this API server has no way to kubelets')),
};

/** What is done at the start, under the names of upstream's hooks that do the same. */
const startSteps = [
  'start-apiextensions-controllers',
  'start-system-namespaces-controller',
  'start-cluster-authentication-info-controller',
  'start-service-ip-repair-controllers',
  'rbac/bootstrap-roles',
  'scheduling/bootstrap-system-priority-classes',
  'priority-and-fairness-config-producer',
  'kube-apiserver-autoregistration',
] as const;

/** Nothing is there: that the store says so is what counts. */
const healthKey = '/registry/health';

const compactEveryMs = 5 * 60_000;
const announceEveryMs = 10_000;

const serviceLookup: LookupKind<Service> = { group: '', resource: 'services' };

/** Makes an API server; it loads its caches from the store at once. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { machinery, kinds, clock, random, logger } = options;
  const { gates = noGates } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const measured = options.metrics ?? createRegistry();
  const slis = createRegistry();
  const store = timedStore(options.store, measured, () => clock.monotonic());
  // Kinds that are only posted (bindings), or only worked out (statuses of components), have no storage.
  const stored = kinds.filter((k) => k.verbs.includes('watch'));
  const resources = resourceTable(stored);
  const feed = new CacheFeed(store, resources.all, clock, logger);
  const roles = createRoleIndex(resources, feed);
  const pods = resources.find('', 'v1', 'pods');
  const graph = pods && createNodeGraph(feed, pods, resources.find('', 'v1', 'persistentvolumes'));
  const closing = new AbortController();
  const authorizer =
    options.rules !== undefined
      ? createAuthorizer(options.rules)
      : authorizerOf(options.authorization ?? (() => defaultModes), {
          graph,
          roles,
          gates,
          webhooks: { clock, random, logger, signal: closing.signal },
          decisions: authorizationMetrics(measured),
        });
  const objects = objectLookup(resources, feed);
  const { serviceCidr = '10.43.0.0/16' } = options;
  const services = resources.find('', 'v1', 'services') && (() => objects.list(serviceLookup, ''));
  const caughtUp = (): Promise<void> => feed.caughtUp();
  const mayDo: MayDo = async (user, request) => (await decided(authorizer, caughtUp, user, request)).allowed;
  const isServed = (group: string, version: string, resource: string, subresource: string): boolean => {
    const found = resources.find(group, version, resource);
    return found !== undefined && (subresource === '' || found.kind.subresources?.[subresource] !== undefined);
  };
  const metrics = requestMetrics(measured, isServed);
  const clientMetrics = restClientMetrics(measured, () => address());
  const inProcess = (user: UserInfo): Transport =>
    createInProcessTransport(pipeline, user, {
      server: metrics,
      client: clientMetrics,
      monotonic: () => clock.monotonic(),
    });
  const access = accessCheck(authorizer);
  const admissionTimes = admissionMetrics(measured);
  const match = meteredMatch({ metrics: admissionTimes, monotonic: () => clock.monotonic() });
  const plugins = createPlugins(
    {
      metrics: admissionTimes,
      observePolicy: policyMetrics(measured),
      observeMutation: mutationMetrics(measured),
      objects,
      logger,
      random,
      mayDo,
      sleep: (ms) => sleep(clock, ms, closing.signal),
      now: () => clock.now(),
      clock,
      resources,
      machinery,
      configuration: options.admissionConfiguration ?? {},
      imagePolicyWebhook: options.imagePolicyWebhook,
      signal: closing.signal,
      call: options.callWebhook ?? callWebhook,
      access,
      match,
      conditionsHold: webhookConditions(access, match, admissionTimes),
      transport: () => inProcess(apiserverUser),
    },
    options.admissionPlugins,
  );
  const admission = admissionChain(
    plugins,
    [
      systemPriorityClassGuard,
      deviceAdminAccess(objects),
      ...(services === undefined
        ? []
        : [
            serviceAddresses({
              ranges: () => rangesInUse(serviceCidr, objects),
              services,
              others: () => objects.list(addressLookup, ''),
              clock,
              random,
            }),
          ]),
      ...(options.admission ?? []),
      ...(roles === undefined ? [] : [rbacEscalation({ authorizer, roles, caughtUp: () => feed.caughtUp() })]),
    ],
    { metrics: admissionTimes, monotonic: () => clock.monotonic() },
  );
  const registry: RegistryDeps = {
    store,
    feed,
    clock,
    random,
    logger,
    machinery,
    admission,
    leases: leaseIssuer(store, clock),
    allowPrivileged: options.allowPrivileged ?? true,
    gates,
    minWatchMs: limits.minRequestTimeoutMs,
  };
  const address = (): string => `127.0.0.1:${listeners[0]?.port ?? 6443}`;
  const { authentication: authenticationOptions = {} } = options;
  const { serviceAccountIssuers: issuers = [defaultIssuer], apiAudiences: audiences = issuers.slice(0, 1) } =
    authenticationOptions;
  const tokens = createServiceAccountTokens({
    registry,
    resources,
    signer: createTokenSigner(
      authenticationOptions.serviceAccountSigningKey ?? options.serviceAccountKey ?? newSigningKey(),
      authenticationOptions.serviceAccountKeys,
    ),
    issuers,
    audiences,
    address,
  });
  const authentication = createAuthentication(authenticationOptions, {
    serviceAccounts: tokens,
    audiences,
    objects,
    logger,
    clock,
    random,
    signal: closing.signal,
  });
  const subresources = installSubresources({
    registry,
    tokens,
    resources,
    authorizer,
    connector: options.kubeletConnector,
    dialPod: options.dialPod,
    objects,
    random,
    closing: closing.signal,
  });
  const reviewDeps = { authorizer, machinery, now: () => clock.now(), caughtUp: () => feed.caughtUp() };
  const storeAnswers = async (): Promise<string | undefined> => {
    await store.get(healthKey);
    return undefined;
  };
  const virtual: VirtualResource[] = [
    ...identityReviews({ ...reviewDeps, tokens: authentication.tokens, audiences }),
    ...accessReviews(reviewDeps),
    ...subresources.virtual,
    componentStatuses([...(options.components ?? []), { name: 'etcd-0', check: storeAnswers }]),
  ];
  const { custom, locate } = subresources;
  const apiServices = resources.find('apiregistration.k8s.io', 'v1', 'apiservices');
  const aggregation =
    apiServices &&
    createAggregation({
      resources,
      virtual,
      feed,
      services: apiServices,
      objects,
      random,
      clock,
      logger,
      dialer: options.extensionDialer ?? extensionClient(undefined),
      transport: () => inProcess(apiserverUser),
      signal: closing.signal,
    });
  const requestsInFlight = inFlight(limits);
  objectMetrics(measured, resources, feed);
  watchCacheMetrics(measured, resources, feed);
  if (options.storageBytes !== undefined) storageSizeMetrics(measured, options.storageBytes);
  inFlightMetrics(measured, requestsInFlight);
  if (aggregation !== undefined) aggregatorMetrics(measured, aggregation.apis);
  if (options.processMetrics === true) processMetrics(measured);
  const openApi = openApiHandler({
    schema: machinery.schema,
    descriptions: loadDescriptions,
    kinds: () => [...kinds.filter((kind) => !stored.includes(kind)), ...resources.all.map(({ kind }) => kind)],
    generation: () => resources.generation + (aggregation?.generation ?? 0),
    remote: () => aggregation?.described() ?? [],
    build: options.version,
  });
  const definitions = resources.find('apiextensions.k8s.io', 'v1', 'customresourcedefinitions');
  const customResources =
    definitions &&
    createCustomResources({
      registry,
      resources,
      definitions,
      webhooks: { objects, random, clock, call: options.callWebhook ?? callWebhook },
      transport: () => inProcess(apiserverUser),
    });
  const listeners: Listener[] = [];
  /** The port of the service `kubernetes`. */
  let announced: number | undefined;
  let cachesLoaded = false;
  let registered = aggregation === undefined;
  const hooks = startHooks(startSteps);
  const pipeline = createPipeline({
    resources,
    registry,
    authorizer,
    discovery: createDiscovery(resources, virtual, address, aggregation),
    ...(aggregation === undefined ? {} : { remote: aggregation.answer }),
    virtual,
    custom,
    health: [
      { name: 'ping', check: () => undefined },
      { name: 'log', check: () => undefined },
      { name: 'etcd', check: storeAnswers },
      { name: 'etcd-readiness', readyOnly: true, check: storeAnswers },
      { name: 'informer-sync', readyOnly: true, check: () => (cachesLoaded ? undefined : 'caches are not loaded') },
      ...hooks.checks,
      { name: 'autoregister-completion', check: () => (registered ? undefined : 'APIServices are missing') },
      {
        name: 'shutdown',
        readyOnly: true,
        check: () => (closing.signal.aborted ? 'process is shutting down' : undefined),
      },
    ],
    observeHealth: healthMetrics(slis),
    settled: (resource) => (resource === definitions ? customResources?.settled() : undefined),
    version: versionInfo(options.version, options.platform ?? 'linux/amd64', '') as JsonObject,
    extra: async (request) =>
      answerMetrics(measured, slis, request) ?? tokens.answer(request) ?? (await openApi(request)),
  });
  const identifySender = meteredIdentify(measured, () => clock.monotonic(), authentication.identify);
  const identify = createWhoAsks(identifySender, authorizer, () => feed.caughtUp());
  const exchangeDeps: ExchangeDeps = {
    pipeline,
    identify,
    logger,
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    clock,
    limits,
    inFlight: requestsInFlight,
    metrics,
    closing: closing.signal,
    isRemote: (path) => aggregation?.apis.ofPath(path) !== undefined,
  };
  const locateAnywhere: typeof locate = async (method, path, query, user, warnings) => {
    if (aggregation?.apis.ofPath(path) === undefined) return await locate(method, path, query, user, warnings);
    await authorize(authorizer, caughtUp, user, requestInfo(method, path, query));
    return (await aggregation.upgrade(path, query, user)) ?? (await locate(method, path, query, user, warnings));
  };
  const own = (): Transport => inProcess(apiserverUser);
  const keepers = { resources, feed, objects, clock, logger, transport: own, signal: closing.signal };
  const flowControl = createFlowControl(keepers);
  const serviceRange = createServiceRange({ ...keepers, serviceCidr });
  const start = async (): Promise<void> => {
    await feed.start();
    cachesLoaded = true;
    await hooks.run('start-apiextensions-controllers', () => customResources?.start());
    const transport = own();
    await hooks.run('start-system-namespaces-controller', async () => {
      await bootstrapNamespaces(transport);
      if (resources.find('', 'v1', 'serviceaccounts') !== undefined) await bootstrapDefaultAccount(transport);
    });
    await hooks.run('scheduling/bootstrap-system-priority-classes', async () => {
      if (resources.find('scheduling.k8s.io', 'v1', 'priorityclasses') !== undefined)
        await bootstrapPriorityClasses(transport);
    });
    await Promise.all([
      hooks.run('rbac/bootstrap-roles', () => (roles === undefined ? undefined : bootstrapRbac(transport, gates))),
      hooks.run('start-cluster-authentication-info-controller', () => publishTrust(transport, authenticationOptions)),
      hooks.run('priority-and-fairness-config-producer', () => flowControl?.start()),
      hooks.run('start-service-ip-repair-controllers', () => serviceRange?.start()),
      hooks.run('kube-apiserver-autoregistration', () => aggregation?.start()),
    ]);
    registered = true;
  };
  const starting = start();
  // Whoever awaits ready() sees the failure.
  starting.catch((error: unknown) => logger.error('the API server did not start', { error: String(error) }));
  const compaction = compactRegularly(store, clock, logger);
  return {
    async listen(listenOptions) {
      const connector = options.kubeletConnector ?? noKubelets;
      const upgrade = upgradeHandler({ locate: locateAnywhere, identify, connector, logger });
      const listener = await listenHttps(listenOptions, exchangeDeps, upgrade);
      listeners.push(listener);
      return { port: listener.port };
    },
    async announce(port) {
      await starting;
      if (services === undefined) return;
      const isFirst = announced === undefined;
      announced = port;
      const make = (): Promise<void> => bootstrapService(inProcess(apiserverUser), serviceCidr, announced ?? port);
      await make();
      if (isFirst) void keepMade(make, clock, logger, closing.signal);
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

/** Makes it again, should somebody have taken it away. As upstream's controller of the service does. */
async function keepMade(make: () => Promise<void>, clock: Clock, logger: Logger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(clock, announceEveryMs, signal);
    if (signal.aborted) return;
    await make().catch((error: unknown) =>
      logger.warn('the service kubernetes is not as it should be', { error: String(error) }),
    );
  }
}

/** Every five minutes the history of five minutes before goes, as upstream's compactor has it. */
function compactRegularly(store: Store, clock: Clock, logger: Logger): { cancel(): void } {
  let timer: Timer | undefined;
  let cancelled = false;
  let before = store.revision();
  const schedule = (): void => {
    timer = clock.after(compactEveryMs, () => {
      const now = store.revision();
      store
        .compact(before)
        .catch((error: unknown) => logger.warn('compaction failed', { error: String(error) }))
        .finally(() => {
          before = now;
          if (!cancelled) schedule();
        });
    });
  };
  schedule();
  return {
    cancel() {
      cancelled = true;
      timer?.cancel();
    },
  };
}
