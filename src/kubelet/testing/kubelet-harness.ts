// A kubelet on the simulated runtime and virtual time, with an API that holds just its pods: for tests.

import { alreadyExists, notFound } from '../../api/meta/errors.ts';
import { equalJson } from '../../api/meta/equal.ts';
import { formatTime } from '../../api/meta/time.ts';
import type { Pod } from '../../api/generated/types.ts';
import { podQosClass } from '../../api/pod/qos.ts';
import type { Client } from '../../client/client.ts';
import { pods as podResource } from '../../client/resources.ts';
import { SimulatedRuntime } from '../../cri/simulated/simulated-runtime.ts';
import type { RuntimeService } from '../../cri/runtime.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { Random } from '../../lib/random.ts';
import type { Files } from '../../lib/system.ts';
import { ableNode } from './able-node.ts';
import { containerAnnotations, containerLabels, sandboxAnnotations, sandboxLabels } from '../runtime-labels.ts';
import { linuxResources, type MachineLimits } from '../container-config/resources.ts';
import { createKubelet, type Kubelet, type KubeletOptions } from '../kubelet.ts';
import type { PodHandlers } from '../pod-source.ts';
import { createAllocationStore } from '../resize/allocation-store.ts';
import { createRuntimeHandlers } from '../runtime-handlers.ts';
import { podIdentity } from '../runtime-pod.ts';

/** The virtual clock's shape, which lives with the simulation. */
export interface TestClock {
  now(): number;
  monotonic(): number;
  after(ms: number, callback: () => void): { cancel(): void };
  advance(ms: number): Promise<void>;
  settle(): Promise<void>;
}

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const keys: Record<string, string> = { conditions: 'type', podIPs: 'ip', hostIPs: 'ip' };

function mergeList(key: string, old: unknown, patch: readonly unknown[], order: readonly unknown[]): unknown[] {
  const items = new Map((Array.isArray(old) ? old : []).filter(isFields).map((item) => [item[key], item]));
  for (const change of patch.filter(isFields)) {
    if (change['$patch'] === 'delete') items.delete(change[key]);
    else items.set(change[key], mergeFields(items.get(change[key]) ?? {}, change));
  }
  return order.filter(isFields).map((o) => items.get(o[key]));
}

/** Strategic merge as far as pod statuses go. */
function mergeFields(old: Fields, patch: Fields): Fields {
  const merged: Fields = { ...old };
  for (const [name, value] of Object.entries(patch)) {
    const key = keys[name];
    const order = patch[`$setElementOrder/${name}`];
    if (name.startsWith('$')) continue;
    if (value === null) delete merged[name];
    else if (key !== undefined && Array.isArray(value) && Array.isArray(order))
      merged[name] = mergeList(key, old[name], value, order);
    else merged[name] = value;
  }
  return merged;
}

/** The API's side: pods by name, and every status that was written. */
export class FakeApi {
  readonly #clock: { now(): number };
  readonly #pods = new Map<string, Pod>();
  #handlers: PodHandlers | undefined;
  #version = 1;
  /** Answers the next calls with this error instead. */
  failWith: Error | undefined;
  /** Hears of every change of a pod, and undefined when it goes. */
  onChange: ((pod: Pod | undefined) => void) | undefined;
  readonly statuses: { name: string; status: NonNullable<Pod['status']> }[] = [];

  constructor(clock: { now(): number }) {
    this.#clock = clock;
  }

  #store(pod: Pod): Pod {
    const stored = { ...pod, metadata: { ...pod.metadata, resourceVersion: String(++this.#version) } };
    this.#pods.set(stored.metadata.name ?? '', stored);
    this.onChange?.(stored);
    // Watches are heard later than the write's answer.
    queueMicrotask(() => this.#handlers?.set(stored));
    return stored;
  }

  create(pod: Pod): Pod {
    const now = formatTime(this.#clock.now());
    const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: now };
    return this.#store({
      ...pod,
      metadata: {
        namespace: 'default',
        uid: `uid-${pod.metadata?.name}`,
        generation: 1,
        creationTimestamp: now,
        ...pod.metadata,
      },
      status: pod.status ?? { phase: 'Pending', qosClass: 'BestEffort', conditions: [scheduled] },
    });
  }

  update(name: string, change: (pod: Pod) => Pod): void {
    const pod = this.get(name);
    const changed = change({ ...pod, metadata: { ...pod.metadata, generation: (pod.metadata?.generation ?? 0) + 1 } });
    const { deletionGracePeriodSeconds, finalizers = [] } = changed.metadata ?? {};
    if (deletionGracePeriodSeconds === 0 && finalizers.length === 0) return this.#drop(name);
    this.#store(changed);
  }

  /** A graceful deletion, as kubectl delete asks for; 0 removes the object at once, as it was. */
  delete(name: string, graceSeconds: number): void {
    if (graceSeconds === 0 && !this.get(name).metadata?.finalizers?.length) return this.#drop(name);
    const deletionTimestamp = formatTime(this.#clock.now() + graceSeconds * 1000);
    this.update(name, (pod) => ({
      ...pod,
      metadata: { ...pod.metadata, deletionTimestamp, deletionGracePeriodSeconds: graceSeconds },
    }));
  }

  #drop(name: string): void {
    const pod = this.#pods.get(name);
    this.#pods.delete(name);
    this.onChange?.(undefined);
    if (pod) queueMicrotask(() => this.#handlers?.remove(pod));
  }

  find(name: string): Pod | undefined {
    return this.#pods.get(name);
  }

  get(name: string): Pod {
    const pod = this.#pods.get(name);
    if (pod === undefined) throw notFound(podResource, name);
    return pod;
  }

  readonly source = {
    subscribe: (handlers: PodHandlers, signal: AbortSignal): void => {
      this.#handlers = handlers;
      signal.addEventListener('abort', () => {
        if (this.#handlers === handlers) this.#handlers = undefined;
      });
      for (const pod of this.#pods.values()) handlers.set(pod);
      handlers.synced();
    },
  };

  /** Handlers of the runtime classes that there are, by name. */
  readonly runtimeClasses = new Map<string, string>();

  readonly client: Pick<Client, 'create' | 'get' | 'patch' | 'delete'> = {
    get: async (_resource, { name }) => {
      const handler = this.runtimeClasses.get(name);
      if (handler === undefined) throw notFound({ group: 'node.k8s.io', resource: 'runtimeclasses' }, name);
      return { handler } as never;
    },
    // What a kubelet makes is a mirror pod.
    create: async (_resource, object) => {
      if (this.failWith) throw this.failWith;
      const pod = object as Pod;
      const name = pod.metadata?.name ?? '';
      if (this.find(name)) throw alreadyExists(podResource, name);
      return this.create({ ...pod, metadata: { ...pod.metadata, uid: `${name}-${++this.#version}` } }) as never;
    },
    patch: async (_resource, { name }, { body }) => {
      if (this.failWith) throw this.failWith;
      const pod = this.get(name);
      if (!isFields(body) || !isFields(body['status']) || !isFields(body['metadata']))
        throw new Error('not a status patch');
      if (body['metadata']['uid'] !== pod.metadata?.uid) throw notFound(podResource, name);
      const status = mergeFields({ ...pod.status }, body['status']);
      if (equalJson(status, pod.status)) return pod as never;
      const stored = this.#store({ ...pod, status });
      this.statuses.push({ name, status: stored.status ?? {} });
      return stored as never;
    },
    delete: async (_resource, { name }, options) => {
      if (this.failWith) throw this.failWith;
      const pod = this.get(name);
      if (options?.preconditions?.uid !== pod.metadata?.uid || options?.gracePeriodSeconds !== 0)
        throw new Error('unexpected delete');
      if (pod.metadata?.finalizers?.length)
        this.#store({ ...pod, metadata: { ...pod.metadata, deletionGracePeriodSeconds: 0 } });
      else this.#drop(name);
      return {};
    },
  };
}

export interface Harness {
  clock: TestClock;
  api: FakeApi;
  runtime: SimulatedRuntime;
  files: Files;
  /** `type reason message` with the container's path where there is one. */
  events: string[];
  /** UIDs whose volumes were given back, and those on disk. */
  disk: Set<string>;
  cgroups: Set<string>;
  kubelet(): Kubelet;
  /** Stops the kubelet without touching pods, and starts another on the same runtime and API. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  /** Pod phase, deletion, and its container states in short. */
  show: (name: string) => string;
  /** Parts to replace in the next start. */
  overrides: Partial<KubeletOptions>;
}

export interface HarnessOptions {
  clock: TestClock;
  random: Random;
  files: Files;
  overrides?: Partial<KubeletOptions>;
}

/** Starts a kubelet; `await harness.stop()` at the end. */
export async function startHarness({ clock, random, files, overrides = {} }: HarnessOptions): Promise<Harness> {
  const api = new FakeApi(clock);
  const runtime = new SimulatedRuntime({ clock, random, files, podCidr: '10.42.0.0/24' });
  const events: string[] = [];
  const disk = new Set<string>();
  const cgroups = new Set<string>();
  let current: { kubelet: Kubelet; controller: AbortController; done: Promise<void> } | undefined;

  const harness: Harness = {
    clock,
    api,
    runtime,
    files,
    events,
    disk,
    cgroups,
    overrides,
    kubelet: () => {
      if (!current) throw new Error('the kubelet is not running');
      return current.kubelet;
    },
    async restart() {
      await harness.stop();
      const controller = new AbortController();
      const kubelet = createKubelet({ ...optionsOf(harness, runtime, random), ...harness.overrides });
      current = { kubelet, controller, done: kubelet.run(controller.signal) };
      await clock.settle();
    },
    async stop() {
      if (current === undefined) return;
      current.controller.abort();
      let over = false;
      const done = current.done.finally(() => {
        over = true;
      });
      for (let i = 0; i < 5; i++) await clock.settle();
      // A call of the runtime that is under way is waited for: time goes on.
      for (let seconds = 0; !over && seconds < 600; seconds++) await clock.advance(1000);
      await done;
      current = undefined;
    },
    show: (name) => showPod(api.find(name)),
  };
  await harness.restart();
  return harness;
}

function showPod(pod: Pod | undefined): string {
  if (pod === undefined) return 'gone';
  const states = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])].map((s) => {
    const { waiting, running, terminated } = s.state ?? {};
    const state = waiting?.reason ?? (running ? 'running' : `${terminated?.reason}/${terminated?.exitCode}`);
    return `${s.name}:${state}${s.restartCount > 0 ? `#${s.restartCount}` : ''}`;
  });
  return [pod.status?.phase, ...(pod.metadata?.deletionTimestamp ? ['deleting'] : []), ...states].join(' ');
}

const harnessMachine: MachineLimits = {
  memoryCapacity: 8 * 2 ** 30,
  cgroupVersion: 1,
  hugePageSizes: [],
  minOomScoreAdj: -1000,
  swapControllerAvailable: false,
};

function optionsOf(
  harness: Harness,
  runtime: RuntimeService & Pick<SimulatedRuntime, 'images' | 'dialer'>,
  random: Random,
): KubeletOptions {
  const { api, clock, files, events, disk, cgroups } = harness;
  const podLogs = '/var/log/pods';
  return {
    client: api.client as Client,
    pods: podResource,
    source: api.source,
    runtime,
    dialer: runtime.dialer,
    files,
    clock,
    random,
    podLogs,
    logger: silentLogger,
    allocations: createAllocationStore({ files, root: '/var/lib/kubelet', clock, logger: silentLogger }),
    events: {
      event: (_pod, type, reason, message, path) =>
        void events.push(`${type} ${reason} ${message}${path ? ` @${path}` : ''}`),
    },
    abilities: ableNode,
    node: { nodeName: 'n', hostIPs: () => ['192.0.2.1'], node: () => undefined, networkError: () => undefined },
    runtimeHandlers: createRuntimeHandlers(api.client as Client),
    userNamespaces: { load: async () => {}, release() {} },
    volumes: {
      prepare: async (pod) => {
        disk.add(podIdentity(pod).uid);
        return { ok: true, mounts: new Map() };
      },
      teardown: async (uid) => void disk.delete(uid),
      listPodsOnDisk: async () => [...disk],
    },
    cgroups: {
      ensure: async (pod) => {
        cgroups.add(podIdentity(pod).uid);
        return `/pods/${podIdentity(pod).uid}`;
      },
      remove: async (uid) => void cgroups.delete(uid),
      list: async () => [...cgroups],
      limits: async () => undefined,
      limit: async () => {},
      memoryUsage: async () => undefined,
    },
    images: {
      async checkPullSecrets() {},
      lookAhead: async () => undefined,
      async ensureImage(_pod, container, sandboxConfig, signal) {
        try {
          return {
            ok: true,
            imageRef: await runtime.images.pullImage(container.image ?? '', undefined, sandboxConfig, signal),
          };
        } catch (error) {
          return { ok: false, reason: 'ErrImagePull', message: error instanceof Error ? error.message : String(error) };
        }
      },
    },
    sandboxConfig: {
      build: async (pod, { attempt, cgroupParent }) => {
        const identity = podIdentity(pod);
        return {
          metadata: { ...identity, attempt },
          logDirectory: `${podLogs}/${identity.namespace}_${identity.name}_${identity.uid}`,
          labels: sandboxLabels(pod),
          annotations: sandboxAnnotations(pod),
          linux: { cgroupParent },
        };
      },
    },
    containerConfig: {
      resources: (pod, container) => linuxResources(pod, container, podQosClass(pod), harnessMachine),
      build: async (pod, container, { restartCount, imageRef }) => ({
        metadata: { name: container.name, attempt: restartCount },
        image: { image: imageRef },
        labels: containerLabels(pod, container),
        annotations: containerAnnotations(pod, container, restartCount),
        logPath: `${container.name}/${restartCount}.log`,
      }),
    },
  };
}
