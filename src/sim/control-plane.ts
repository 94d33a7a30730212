// The control plane on virtual time in one process: memory store, API server, scheduler and controllers.

import { allKinds } from '../api/kinds/all.ts';
import { loadSchema } from '../api/schema/load.ts';
import { servedKinds } from '../apiserver/runtime-config.ts';
import { schemaMachinery } from '../apiserver/schema-machinery.ts';
import { type ApiServer, createApiServer } from '../apiserver/server.ts';
import type { Transport } from '../api/transport.ts';
import type { Client } from '../client/client.ts';
import { createClient } from '../client/create-client.ts';
import { createEventRecorder, type EventRecorder } from '../client/event-recorder.ts';
import { createControllerManager } from '../controllers/manager.ts';
import { type Logger, silentLogger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { createScheduler } from '../scheduler/scheduler.ts';
import { createMemoryStore } from '../store/memory.ts';
import type { Store } from '../store/store.ts';
import { createSeededRandom } from './seeded-random.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';

export interface SimulatedControlPlaneOptions {
  seed?: number;
  logger?: Logger;
  /** As --controllers; all when absent. */
  controllers?: string;
  /** As --runtime-config; what is served by default when absent. */
  runtimeConfig?: string;
}

export interface SimulatedControlPlane {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly store: Store;
  readonly api: ApiServer;
  /** Acts as an administrator. */
  readonly client: Client;
  transportAs(name: string, groups?: readonly string[]): Transport;
  clientAs(name: string, groups?: readonly string[]): Client;
  recorder(client: Client, component: string, host?: string): EventRecorder;
  /** Lets everything under way come to rest without moving time. */
  settle(): Promise<void>;
  stop(): Promise<void>;
  readonly signal: AbortSignal;
}

// The watch cache and the informers hand a write on over several turns of the event loop.
const settleRounds = 10;

/** Starts it and resolves once scheduler and controllers work. */
export async function startSimulatedControlPlane(
  options: SimulatedControlPlaneOptions = {},
): Promise<SimulatedControlPlane> {
  const clock = createVirtualClock();
  const random = createSeededRandom(options.seed ?? 1);
  const logger = options.logger ?? silentLogger;
  const store = createMemoryStore({ clock });
  const ending = new AbortController();
  const { signal } = ending;
  const machinery = schemaMachinery(loadSchema());
  const kinds = options.runtimeConfig === undefined ? allKinds : servedKinds(allKinds, options.runtimeConfig);
  const api = createApiServer({ store, machinery, kinds, clock, random, logger, version: '0.0.0' });
  await api.ready();
  const transportAs = (name: string, groups: readonly string[] = []): Transport =>
    api.inProcess({ name, groups: [...groups, 'system:authenticated'] });
  const clientAs = (name: string, groups: readonly string[] = []): Client => createClient(transportAs(name, groups));
  const recorder = (client: Client, component: string, host?: string): EventRecorder =>
    createEventRecorder({ client, clock, random, logger, component, signal, ...(host === undefined ? {} : { host }) });

  const schedulerClient = clientAs('system:kube-scheduler');
  const scheduler = createScheduler({
    client: schedulerClient,
    clock,
    random,
    logger,
    recorder: recorder(schedulerClient, 'default-scheduler'),
  });
  const accountGroups = ['system:serviceaccounts', 'system:serviceaccounts:kube-system'];
  const managerClient = clientAs('system:kube-controller-manager');
  const manager = createControllerManager({
    client: managerClient,
    clientFor: (account) => clientAs(`system:serviceaccount:kube-system:${account}`, accountGroups),
    transport: transportAs('system:kube-controller-manager'),
    clock,
    random,
    logger,
    events: (component) => recorder(managerClient, component),
    clusterCaPem: 'the CA of a simulated cluster',
    signCertificate: () => Promise.reject(new Error('a simulated cluster has no CA')),
    ...(options.controllers === undefined ? {} : { controllers: options.controllers }),
  });
  await Promise.all([scheduler.start(signal), manager.start(signal)]);
  const settle = async (): Promise<void> => {
    for (let i = 0; i < settleRounds; i++) await clock.settle();
  };
  await settle();
  return {
    clock,
    random,
    store,
    api,
    client: clientAs('kubernetes-admin', ['system:masters']),
    transportAs,
    clientAs,
    recorder,
    settle,
    signal,
    async stop() {
      ending.abort();
      await clock.settle();
      await api.close();
      await store.close();
    },
  };
}
