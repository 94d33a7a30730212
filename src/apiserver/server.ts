// Puts the API server together: caches over a store, the pipeline, and the ways in.

import type { Service } from '../api/generated/types.ts';
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
import { type LookupKind, objectLookup } from './admission/object-lookup.ts';
import type { PluginConfiguration } from './admission/plugin-configuration.ts';
import type { PluginName } from './admission/plugin-names.ts';
import { createPlugins } from './admission/plugins.ts';
import { accessCheck } from './admission/policy/access-check.ts';
import { webhookConditions } from './admission/policy/match-conditions.ts';
import { serviceAddresses } from './admission/service-addresses.ts';
import { systemPriorityClassGuard } from './admission/system-priority-classes.ts';
import type { WebhookCaller } from './admission/webhook/webhook-caller.ts';
import { type AuthenticationOptions, createAuthentication } from './authn/create-authentication.ts';
import { createWhoAsks } from './authn/who-asks.ts';
import { createAuthorizer, type RuleSource } from './authz/authorizer.ts';
import { bootstrapRules } from './authz/bootstrap-rules.ts';
import { defaultIssuer } from './tokens/claims.ts';
import { createServiceAccountTokens } from './tokens/service-account-tokens.ts';
import { createTokenSigner, newSigningKey } from './tokens/jwt.ts';
import { type AuthorizationMode, authorizerOf, defaultModes } from './authz/modes.ts';
import { createNodeGraph } from './authz/node-graph.ts';
import { createRoleIndex } from './authz/role-index.ts';
import { rbacEscalation } from './admission/rbac-escalation.ts';
import { bootstrapService } from './bootstrap-service.ts';
import { bootstrapRbac } from './bootstrap-rbac.ts';
import { publishTrust } from './bootstrap-trust.ts';
import { bootstrapDefaultAccount, bootstrapNamespaces, bootstrapPriorityClasses } from './bootstrap.ts';
import { createCustomResources } from './custom-resources/custom-resources.ts';
import { createFlowControl } from './flow-control/flow-control.ts';
import { addressLookup, createServiceRange } from './service-range/service-range.ts';
import { createDiscovery } from './discovery/discovery.ts';
import { openApiHandler } from './discovery/openapi.ts';
import { versionInfo } from './health.ts';
import type { ExchangeDeps } from './http/exchange.ts';
import {
  listen as listenHttps,
  type Listener,
  type ListenOptions,
  type TlsMaterial,
  type UpgradeHandler,
} from './http/listener.ts';
import { callWebhook } from './http/webhook-client.ts';
import { upgradeHandler } from './http/upgrade.ts';
import { requestMetrics } from './http/metrics.ts';
import { createInProcessTransport } from './in-process.ts';
import { createPipeline } from './pipeline.ts';
import { CacheFeed } from './registry/cache-feed.ts';
import { leaseIssuer, type RegistryDeps } from './registry/commit.ts';
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
  /** How webhooks are reached; over HTTPS when absent. */
  callWebhook?: WebhookCaller;
  /** The admission plugins that run; those of enabledPlugins([], []) when absent. */
  admissionPlugins?: ReadonlySet<PluginName>;
  /** What the admission plugins are told. */
  admissionConfiguration?: PluginConfiguration;
  /** Whether privileged containers are let in. Default true. */
  allowPrivileged?: boolean;
  /** Further admission after the built-in plugins. */
  admission?: readonly AdmissionPlugin[];
  /** Rules by user; those of roles and of the bootstrap when absent. */
  rules?: RuleSource;
  /** The addresses of services. Default 10.43.0.0/16. */
  serviceCidr?: string;
  /** Node and RBAC when absent. */
  authorizationModes?: readonly AuthorizationMode[];
  /** How clients are known, beside their certificates and the tokens of service accounts. */
  authentication?: AuthenticationOptions;
  /** PEM of the ECDSA key that signs service account tokens; a new one for this run when absent. */
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

const compactEveryMs = 5 * 60_000;
const announceEveryMs = 10_000;

const serviceLookup: LookupKind<Service> = { group: '', resource: 'services' };

/** Makes an API server; it loads its caches from the store at once. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { store, machinery, kinds, clock, random, logger } = options;
  // Kinds that are only posted (bindings) have no storage.
  const stored = kinds.filter((k) => k.verbs.includes('get'));
  const resources = resourceTable(stored);
  const feed = new CacheFeed(store, resources.all, clock, logger);
  const roles = createRoleIndex(resources, feed);
  const pods = resources.find('', 'v1', 'pods');
  const graph = pods && createNodeGraph(feed, pods);
  const authorizer =
    options.rules !== undefined || roles === undefined
      ? createAuthorizer(options.rules ?? bootstrapRules)
      : authorizerOf(options.authorizationModes ?? defaultModes, graph, roles);
  const closing = new AbortController();
  const objects = objectLookup(resources, feed);
  const { serviceCidr = '10.43.0.0/16' } = options;
  const services = resources.find('', 'v1', 'services') && (() => objects.list(serviceLookup, ''));
  const mayDo: MayDo = async (user, request) => {
    if (authorizer.allowed(user, request)) return true;
    await feed.caughtUp();
    return authorizer.allowed(user, request);
  };
  const access = accessCheck(authorizer);
  const plugins = createPlugins(
    {
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
      call: options.callWebhook ?? callWebhook,
      access,
      conditionsHold: webhookConditions(access),
      transport: () => createInProcessTransport(pipeline, apiserverUser),
    },
    options.admissionPlugins,
  );
  const admission = admissionChain(plugins, [
    systemPriorityClassGuard,
    deviceAdminAccess(objects),
    ...(services === undefined
      ? []
      : [serviceAddresses({ serviceCidr, services, others: () => objects.list(addressLookup, ''), clock, random })]),
    ...(options.admission ?? []),
    ...(roles === undefined ? [] : [rbacEscalation({ authorizer, roles, caughtUp: () => feed.caughtUp() })]),
  ]);
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
  };
  const address = (): string => `127.0.0.1:${listeners[0]?.port ?? 6443}`;
  const { authentication: authenticationOptions = {} } = options;
  const { serviceAccountIssuers: issuers = [defaultIssuer], apiAudiences: audiences = issuers.slice(0, 1) } =
    authenticationOptions;
  const tokens = createServiceAccountTokens({
    registry,
    resources,
    signer: createTokenSigner(options.serviceAccountKey ?? newSigningKey()),
    issuers,
    audiences,
    address,
  });
  const authentication = createAuthentication(authenticationOptions, {
    serviceAccounts: tokens,
    audiences,
    objects,
    logger,
    now: () => clock.now(),
  });
  const subresources = installSubresources({
    registry,
    tokens,
    resources,
    authorizer,
    connector: options.kubeletConnector,
    dialPod: options.dialPod,
    closing: closing.signal,
  });
  const reviewDeps = { authorizer, machinery, now: () => clock.now(), caughtUp: () => feed.caughtUp() };
  const virtual: VirtualResource[] = [
    ...identityReviews({ ...reviewDeps, tokens: authentication.tokens, audiences }),
    ...accessReviews(reviewDeps),
    ...subresources.virtual,
  ];
  const { custom, locate } = subresources;
  const metrics = requestMetrics((group, version, resource) => resources.find(group, version, resource) !== undefined);
  const openApi = openApiHandler({
    schema: machinery.schema,
    descriptions: loadDescriptions,
    kinds: () => [...kinds.filter((kind) => !stored.includes(kind)), ...resources.all.map(({ kind }) => kind)],
    generation: () => resources.generation,
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
      transport: () => createInProcessTransport(pipeline, apiserverUser),
    });
  const listeners: Listener[] = [];
  /** The port of the service `kubernetes`. */
  let announced: number | undefined;
  let isReady = false;
  const pipeline = createPipeline({
    resources,
    registry,
    authorizer,
    discovery: createDiscovery(resources, virtual, address),
    virtual,
    custom,
    health: [
      { name: 'ping', check: () => undefined },
      { name: 'log', check: () => undefined },
      { name: 'etcd', check: () => undefined },
      { name: 'informer-sync', readyOnly: true, check: () => (isReady ? undefined : 'caches are not loaded') },
      { name: 'poststarthook/bootstrap-namespaces', check: () => (isReady ? undefined : 'not finished') },
      {
        name: 'shutdown',
        readyOnly: true,
        check: () => (closing.signal.aborted ? 'process is shutting down' : undefined),
      },
    ],
    settled: (resource) => (resource === definitions ? customResources?.settled() : undefined),
    version: versionInfo(options.version, options.platform ?? 'linux/amd64', '') as JsonObject,
    extra: async (request) => metrics.answer(request) ?? tokens.answer(request) ?? (await openApi(request)),
  });
  const identify = createWhoAsks(authentication.identify, authorizer, () => feed.caughtUp());
  const exchangeDeps: ExchangeDeps = {
    pipeline,
    identify,
    logger,
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    observe: metrics.observe,
    closing: closing.signal,
  };
  const own = (): Transport => createInProcessTransport(pipeline, apiserverUser);
  const keepers = { resources, feed, objects, clock, logger, transport: own, signal: closing.signal };
  const flowControl = createFlowControl(keepers);
  const serviceRange = createServiceRange({ ...keepers, serviceCidr });
  const start = async (): Promise<void> => {
    await feed.start();
    await customResources?.start();
    const transport = own();
    await bootstrapNamespaces(transport);
    if (resources.find('', 'v1', 'serviceaccounts') !== undefined) await bootstrapDefaultAccount(transport);
    if (resources.find('scheduling.k8s.io', 'v1', 'priorityclasses') !== undefined)
      await bootstrapPriorityClasses(transport);
    await Promise.all([
      roles === undefined ? undefined : bootstrapRbac(transport),
      publishTrust(transport, authenticationOptions),
      flowControl?.start(),
      serviceRange?.start(),
    ]);
    isReady = true;
  };
  const starting = start();
  // Whoever awaits ready() sees the failure.
  starting.catch((error: unknown) => logger.error('the API server did not start', { error: String(error) }));
  const compaction = compactRegularly(store, clock, logger);
  return {
    async listen(listenOptions) {
      const connector = options.kubeletConnector;
      const upgrade: UpgradeHandler =
        connector === undefined
          ? (_request, socket) => socket.destroy()
          : upgradeHandler({ locate, identify, connector, logger });
      const listener = await listenHttps(listenOptions, exchangeDeps, upgrade);
      listeners.push(listener);
      return { port: listener.port };
    },
    async announce(port) {
      await starting;
      if (services === undefined) return;
      const isFirst = announced === undefined;
      announced = port;
      const make = (): Promise<void> =>
        bootstrapService(createInProcessTransport(pipeline, apiserverUser), serviceCidr, announced ?? port);
      await make();
      if (isFirst) void keepMade(make, clock, logger, closing.signal);
    },
    renew(tls) {
      for (const listener of listeners) listener.renew(tls);
    },
    inProcess: (user) => createInProcessTransport(pipeline, user),
    ready: () => starting,
    async close() {
      closing.abort();
      compaction.cancel();
      customResources?.stop();
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
