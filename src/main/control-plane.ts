// Puts the control plane together: certificates, store, API server, scheduler and controllers, in one process.

import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { extensionClient } from '../apiserver/http/extension-client.ts';
import { dialPod, httpsKubeletConnector } from '../apiserver/http/kubelet-client.ts';
import { publishClusterInfo } from '../apiserver/bootstrap-cluster-info.ts';
import { apiServiceAddress } from '../apiserver/bootstrap-service.ts';
import { usualFrontProxyHeaders } from '../apiserver/authn/front-proxy.ts';
import type { HealthCheck } from '../apiserver/health.ts';
import { apiserverUser } from '../apiserver/request.ts';
import { gatedKinds } from '../apiserver/runtime-config.ts';
import { createApiServer } from '../apiserver/server.ts';
import { schemaMachinery } from '../apiserver/schema-machinery.ts';
import type { EnabledGates } from '../api/feature-gates.ts';
import { loadSchema } from '../api/schema/load.ts';
import type { Transport } from '../api/transport.ts';
import type { Client } from '../client/client.ts';
import { createClient } from '../client/create-client.ts';
import { createEventRecorder } from '../client/event-recorder.ts';
import { createWorkqueueMetrics } from '../client/workqueue-metrics.ts';
import { createControllerManager } from '../controllers/manager.ts';
import { hostFiles } from '../host/files.ts';
import { writeKubeconfig } from '../host/kubeconfig.ts';
import { gatewayOf } from '../host/network.ts';
import { ensurePki, frontProxyName, type Pki } from '../host/pki.ts';
import { removeHostPath } from '../host/remove-host-path.ts';
import { realClock } from '../host/real-clock.ts';
import { realRandom } from '../host/real-random.ts';
import type { Logger } from '../lib/logger.ts';
import { createRegistry, type Registry } from '../lib/metrics-registry.ts';
import { createScheduler } from '../scheduler/scheduler.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import type { AuthenticationSettings } from './authentication-settings.ts';
import { type ComponentSettings, imagePolicyWebhook } from './component-settings.ts';
import type { DataDir } from './data-dir.ts';
import { nodeRange, type Settings } from './settings.ts';
import { peapodVersion } from './version.ts';
import { watchConfig } from './watched-config.ts';

export interface ControlPlane {
  /** https://127.0.0.1:6443 */
  server: string;
  port: number;
  pki: Pki;
  /** A client that acts as that user, in this process. */
  clientAs(name: string, groups?: readonly string[]): Client;
  /** Serves on another address of this machine too, on the same port. Rejects with node's error. */
  listenAlso(host: string): Promise<void>;
  stop(): Promise<void>;
}

export interface ControlPlaneOptions {
  paths: DataDir;
  settings: Settings;
  /** 0 takes a free one. */
  port: number;
  logger: Logger;
  components: ComponentSettings;
  access: AuthenticationSettings;
}

const authenticated = 'system:authenticated';
const controllerUser = 'system:kube-controller-manager';

/** Starts it and resolves once the API answers; scheduler and controllers go on starting behind. Rejects with node's error when the port is taken. */
export async function startControlPlane({
  paths,
  settings,
  port,
  logger,
  components,
  access,
}: ControlPlaneOptions): Promise<ControlPlane> {
  const ending = new AbortController();
  const imagePolicy = await imagePolicyWebhook(components);
  const [pki, store] = await Promise.all([
    ensurePki({ dir: paths.pki, files: hostFiles, clock: realClock, hosts: apiHosts(settings) }),
    openEmbeddedStore({ path: paths.store, clock: realClock }),
  ]);
  const frontProxy = access.authentication.frontProxy ?? {
    ...usualFrontProxyHeaders,
    ca: pki.frontProxy.ca,
    allowedNames: [frontProxyName],
  };
  const kubeletClient = await pki.issueClientCert('kube-apiserver-kubelet-client', [], 'apiserver-kubelet-client');
  const metrics = createRegistry();
  const [scheduler, controllers] = [behind('scheduler'), behind('controller-manager')];
  const api = createApiServer({
    store,
    metrics,
    storageBytes: () => allocatedBytes(join(paths.store, 'data.mdb')),
    machinery: schemaMachinery(loadSchema()),
    kinds: gatedKinds(components.kinds, components.gates, ({ group, version, resource }, gate) =>
      logger.warn(`${group}/${version}/${resource} is not served: the feature gate ${gate} is off`),
    ),
    gates: components.gates,
    admissionPlugins: components.admissionPlugins,
    admissionConfiguration: components.admissionConfiguration,
    imagePolicyWebhook: imagePolicy,
    allowPrivileged: components.allowPrivileged,
    authorization: access.authorization,
    authentication: { ...access.authentication, clientCa: pki.ca, frontProxy },
    clock: realClock,
    random: realRandom,
    logger: logger.child({ component: 'apiserver' }),
    version: peapodVersion(),
    serviceCidr: settings.serviceCidr,
    serviceAccountKey: pki.serviceAccountKey,
    kubeletConnector: httpsKubeletConnector({ ...kubeletClient, ca: pki.ca }),
    dialPod,
    limits: components.limits,
    processMetrics: true,
    extensionDialer: extensionClient(pki.frontProxy.client),
    components: [scheduler.health, controllers.health],
  });
  const stop = async (): Promise<void> => {
    ending.abort();
    await api.close();
    await store.close();
  };
  try {
    for (const config of access.watched)
      watchConfig(config, { files: hostFiles, clock: realClock, logger, signal: ending.signal });
    const tls = { ...pki.apiserver, clientCa: pki.ca, frontProxyCa: frontProxy.ca };
    const [listening] = await Promise.all([api.listen({ host: '127.0.0.1', port, tls }), api.ready()]);
    await api.announce(listening.port);
    const server = `https://127.0.0.1:${listening.port}`;
    await publishClusterInfo(api.inProcess(apiserverUser), server, pki.ca);
    const admin = await pki.issueClientCert('kubernetes-admin', ['system:masters'], 'admin');
    await writeKubeconfig(paths.kubeconfig, { server, ca: pki.ca, ...admin }, hostFiles);
    const clientAs: ControlPlane['clientAs'] = (name, groups = []) =>
      createClient(api.inProcess({ name, groups: [...groups, authenticated] }));
    startScheduler(scheduler, clientAs('system:kube-scheduler'), logger, ending.signal);
    const accountGroups = ['system:serviceaccounts', 'system:serviceaccounts:kube-system'];
    startControllers(controllers, {
      transport: api.inProcess({ name: controllerUser, groups: [authenticated] }),
      clientFor: (account) => clientAs(`system:serviceaccount:kube-system:${account}`, accountGroups),
      pki,
      controllers: components.controllers,
      gates: components.gates,
      metrics,
      logger,
      signal: ending.signal,
    });
    const listenAlso = async (host: string): Promise<void> =>
      void (await api.listen({ host, port: listening.port, tls }));
    return { server, port: listening.port, pki, clientAs, listenAlso, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What else than localhost the API is called: its address inside the cluster, and where pods of this machine reach it. */
const apiHosts = ({ podCidr, serviceCidr }: Settings): string[] => [
  hostname(),
  apiServiceAddress(serviceCidr),
  gatewayOf(nodeRange(podCidr, 0)),
];

/** What a file takes on its disk: fewer bytes than its size where it has holes. */
const allocatedBytes = (path: string): number => statSync(path).blocks * 512;

/** A component that runs behind, by the name under which its health is told. */
interface Behind {
  health: HealthCheck;
  /** What ends it before the end is an error in the log, and not healthy. */
  run(logger: Logger, start: Promise<void>): void;
}

function behind(name: string): Behind {
  let fault: string | undefined = `${name} has not been started yet`;
  return {
    health: { name, check: () => fault },
    run(logger, start) {
      fault = undefined;
      start.catch((error: unknown) => {
        fault = String(error);
        logger.error(`the ${name} did not start`, { error: fault });
      });
    },
  };
}

function startScheduler({ run }: Behind, client: Client, logger: Logger, signal: AbortSignal): void {
  const own = logger.child({ component: 'scheduler' });
  const recorder = createEventRecorder({
    client,
    clock: realClock,
    random: realRandom,
    logger: own,
    component: 'default-scheduler',
    signal,
  });
  const scheduler = createScheduler({ client, clock: realClock, random: realRandom, logger: own, recorder });
  run(own, scheduler.start(signal));
}

interface ControllersStart {
  transport: Transport;
  /** Acts as that service account of kube-system. */
  clientFor(account: string): Client;
  pki: Pki;
  /** As --controllers. */
  controllers: string;
  gates: EnabledGates;
  metrics: Registry;
  logger: Logger;
  signal: AbortSignal;
}

function startControllers({ run }: Behind, start: ControllersStart): void {
  const { transport, clientFor, pki, controllers, gates, metrics, logger, signal } = start;
  const own = logger.child({ component: 'controllers' });
  const client = createClient(transport);
  const manager = createControllerManager({
    client,
    clientFor,
    transport,
    clock: realClock,
    random: realRandom,
    logger: own,
    events: (component) =>
      createEventRecorder({ client, clock: realClock, random: realRandom, logger: own, component, signal }),
    clusterCaPem: pki.ca,
    signCertificate: pki.signRequest,
    removeHostPath,
    controllers,
    gates,
    metrics: createWorkqueueMetrics(metrics, () => realClock.monotonic()),
  });
  run(own, manager.start(signal));
}
