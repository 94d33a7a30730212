// The kubelet: takes the pods bound to its node from the API and keeps a worker for each, and cleans up what belongs to none.
// Follows pkg/kubelet/kubelet.go and pkg/kubelet/kubelet_pods.go HandlePodCleanups of v1.36.

import type { Node, Pod } from '../api/generated/types.ts';
import { formatTime } from '../api/meta/time.ts';
import { isMirrorPod, isStaticPod } from '../api/pod/static-pod.ts';
import type { Client, Resource } from '../client/client.ts';
import type { RuntimeService } from '../cri/runtime.ts';
import { runtimeSupports } from '../cri/runtime-supports.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import type { Dialer } from '../lib/dialer.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { Files } from '../lib/system.ts';
import { graceSecondsOf } from './decide/decide-termination.ts';
import type { NodeAbilities } from './decide/admit-pod.ts';
import type { Refusal } from './decide/admit-pod.ts';
import { createPodAdmission, type PodAdmission } from './pod-admission.ts';
import type { KubeletParts } from './pod-context.ts';
import type { PodEvents } from './pod-events.ts';
import { uidOfLogDirectory } from './pod-paths.ts';
import type { PodSource } from './pod-source.ts';
import { createProbeManager } from './probes/probe-manager.ts';
import { createPodWorker, type PodWorker } from './pod-worker.ts';
import type { RuntimeHandlers } from './runtime-handlers.ts';
import { formatPod, podIdentity, type RuntimePod } from './runtime-pod.ts';
import type { AllocationStore } from './resize/allocation-store.ts';
import { createResizeManager, type ResizeManager } from './resize/resize-manager.ts';
import { createRuntimeWatcher } from './runtime-watcher.ts';
import type {
  ContainerConfigBuilder,
  ImageManager,
  KubeletPods,
  NodeInfo,
  PodCgroups,
  RuntimeContainerRef,
  SandboxConfigBuilder,
  VolumeManager,
} from './seams.ts';
import { createStartLimiter } from './start-limiter.ts';
import type { ProbeCount } from './stats/kubelet-metrics.ts';
import { createStaticPods, type StaticPods } from './static-pods/static-pods.ts';
import type { PodFailure } from './status/generate-pod-status.ts';
import { isTerminalPhase } from './status/phase.ts';
import { createStatusManager, type StatusManager } from './status/status-manager.ts';
import type { UserNamespaces } from './userns/user-namespaces.ts';

export interface KubeletOptions {
  client: Client;
  /** The pods resource of client/resources.ts. */
  pods: Resource<Pod>;
  source: PodSource;
  runtime: RuntimeService;
  images: ImageManager;
  volumes: VolumeManager;
  containerConfig: ContainerConfigBuilder;
  sandboxConfig: SandboxConfigBuilder;
  /** Which runtime handler a runtime class names. */
  runtimeHandlers: RuntimeHandlers;
  /** Gives pods users of their own. */
  userNamespaces: Pick<UserNamespaces, 'load' | 'release'>;
  cgroups: PodCgroups;
  /** Keeps what pods were given over a restart. */
  allocations: AllocationStore;
  node: NodeInfo;
  /** What pods may ask of this node. */
  abilities: NodeAbilities;
  /** The Node object as the API has it now. */
  fetchNode?(signal: AbortSignal): Promise<Node>;
  events: PodEvents;
  /** Reaches containers for their probes and hooks. */
  dialer: Dialer;
  files: Files;
  /** The root of container logs: `<podLogs>/<namespace>_<name>_<uid>/<container>/<n>.log`. */
  podLogs: string;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Sandboxes and containers made at once. Default 10. */
  parallelStarts?: number;
  /** ms between listings of the runtime. Default 1000. */
  relistMs?: number;
  /** Why the node's present pressure keeps a pod from starting; asked before all else. */
  pressure?: (pod: Pod) => Refusal | undefined;
  /** Told of each probe's result. */
  countProbe?: (probe: ProbeCount) => void;
  /** ms between clean-ups of leftovers. Default 2000. */
  housekeepingMs?: number;
}

export interface Kubelet extends KubeletPods {
  /** Runs until the signal aborts; pods are left running then. Rejects never: a runtime that is away is waited for. */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves once the runtime was listed and every pod of the API has its worker. */
  readonly ready: Promise<void>;
  /** Why the node is not to be trusted with pods, or undefined. */
  unhealthy(): string | undefined;
  /** What the runtime holds of a pod, as of the last look. */
  runtimePod(podUid: string): RuntimePod | undefined;
  /** Asks for a pass over one pod soon (volumes changed, a probe's result). */
  wake(podUid: string): void;
  /** Pods that run or end here. */
  activePods(): Pod[];
  /** Ends a pod as failed, in at most that many seconds. False when nothing of it is left to end. */
  evict(podUid: string, failure: PodFailure, graceSeconds: number): boolean;
  /** Nothing of the pod runs, and what it had is given back. */
  isReleased(podUid: string): boolean;
  /** What the runtime holds of each pod, and whether it is to run. */
  heldPods(): { runtime: RuntimePod; finished: boolean }[];
}

const runtimeRetryMs = 500;

const isEnding = (worker: PodWorker): boolean =>
  worker.isGone() || worker.pod()?.metadata?.deletionTimestamp !== undefined;

/** The pod as a deletion with its own grace period leaves it: so ends a static pod whose manifest is gone. */
function deleted(pod: Pod, now: number): Pod {
  const deletionGracePeriodSeconds = pod.spec?.terminationGracePeriodSeconds ?? 30;
  const deletionTimestamp = formatTime(now + deletionGracePeriodSeconds * 1000);
  return { ...pod, metadata: { ...pod.metadata, deletionTimestamp, deletionGracePeriodSeconds } };
}

/** Makes a kubelet; `run` starts it. */
export function createKubelet(options: KubeletOptions): Kubelet {
  const { runtime, clock, logger, files } = options;
  const workers = new Map<string, PodWorker>();
  const { promise: ready, resolve: becomeReady } = Promise.withResolvers<void>();
  let version = { runtimeName: 'containerd', runtimeVersion: '' };
  let synced = false;
  let statics: StaticPods | undefined;

  const watcher = createRuntimeWatcher({
    runtime,
    files,
    clock,
    logger,
    onChange: (uid) => workers.get(uid)?.changed(),
    onRecovered() {
      for (const worker of workers.values()) worker.changed();
    },
    isBusy: (uid) => workers.get(uid)?.isBusy() === true,
    isEnding: (uid) => workers.get(uid)?.state() === 'terminating',
    isKnown: (uid) => workers.has(uid),
    ...(options.relistMs === undefined ? {} : { relistMs: options.relistMs }),
  });

  /** Pods that hold what the node has. One that was reported as finished runs nothing any more, and the scheduler has given its room away already. */
  const holders = (statuses: StatusManager): Pod[] =>
    [...workers.values()]
      .filter((w) => w.state() === 'syncing' || w.state() === 'terminating')
      .filter((w) => !isTerminalPhase(statuses.get(w.uid)?.phase))
      .map((w) => w.pod())
      .filter((pod) => pod !== undefined);

  const resizesOf = (statuses: StatusManager): ResizeManager =>
    createResizeManager({
      store: options.allocations,
      clock,
      events: options.events,
      node: () => options.node.node(),
      ready: () => synced,
      holders: () => holders(statuses),
      running: (uid) => (workers.get(uid)?.state() === 'syncing' ? workers.get(uid)?.pod() : undefined),
      wake: (uid) => workers.get(uid)?.wake(),
    });

  const start = async (signal: AbortSignal): Promise<KubeletParts> => {
    await options.allocations.load();
    await options.userNamespaces.load(await options.volumes.listPodsOnDisk());
    for (;;) {
      try {
        version = await runtime.version(signal);
        await watcher.list();
        break;
      } catch (error) {
        signal.throwIfAborted();
        logger.warn('waiting for the container runtime', { error: String(error) });
        await sleep(clock, runtimeRetryMs, signal);
      }
    }
    const statuses = createStatusManager({
      client: options.client,
      pods: options.pods,
      clock,
      logger,
      signal,
      mirrorOf: (pod) => statics?.mirrorOf(pod),
    });
    return {
      ...options,
      runtimeName: () => version.runtimeName,
      recursiveReadOnly: () => runtimeSupports(version, 'recursiveReadOnly'),
      watcher,
      statuses,
      resizes: resizesOf(statuses),
      probes: createProbeManager({ ...options, signal, onChange: (uid, kind) => workers.get(uid)?.probed(kind) }),
      signal,
      limiter: createStartLimiter(options.parallelStarts ?? 10, clock),
      endLimiter: createStartLimiter(options.parallelStarts ?? 10, clock),
    };
  };

  const addWorker = (
    parts: KubeletParts,
    identity: { uid: string; namespace: string; name: string },
    pod: Pod | undefined,
    signal: AbortSignal,
  ): void => {
    if (pod !== undefined && !isTerminalPhase(pod.status?.phase)) parts.resizes.admit(pod);
    const worker = createPodWorker({
      parts,
      identity,
      pod,
      inRuntime: watcher.get(identity.uid) !== undefined,
      signal,
    });
    workers.set(identity.uid, worker);
    if (pod !== undefined) parts.resizes.observe(pod);
    // Until the API has let go of the object the worker stays, so that nothing of the pod is begun again.
    void worker.done.then(() => {
      if (worker.isGone() || (pod !== undefined && isStaticPod(pod))) {
        workers.delete(identity.uid);
        parts.resizes.forget(identity.uid);
      }
      statics?.workerEnded(identity.namespace, identity.name);
    });
  };

  /** Workers of static pods of that name, and of pods of which only the runtime knows. */
  const staticWorkers = (namespace: string, name: string): PodWorker[] =>
    [...workers.values()].filter((worker) => {
      const { uid: _, ...identity } = worker.identity;
      const pod = worker.pod();
      return identity.namespace === namespace && identity.name === name && (pod === undefined || isStaticPod(pod));
    });

  const staticPodsOf = (parts: KubeletParts, admission: PodAdmission, signal: AbortSignal): StaticPods =>
    createStaticPods({
      client: options.client,
      pods: options.pods,
      clock,
      logger,
      signal,
      node: { name: options.node.nodeName, uid: () => options.node.node()?.metadata?.uid },
      workers: (namespace, name) =>
        staticWorkers(namespace, name).map((worker) => ({ uid: worker.uid, ending: isEnding(worker) })),
      start: (pod) => admission.offer(pod),
      update: (pod) => workers.get(podIdentity(pod).uid)?.update(pod),
      end(uid) {
        const worker = workers.get(uid);
        const pod = worker?.pod();
        if (pod !== undefined) worker?.update(deleted(pod, clock.now()));
      },
      mirrorChanged(namespace, name) {
        for (const { uid } of staticWorkers(namespace, name)) parts.statuses.mirrorChanged(uid);
      },
    });

  const subscribe = (parts: KubeletParts, signal: AbortSignal): void => {
    const admission = createPodAdmission({
      abilities: options.abilities,
      pressure: options.pressure,
      node: () => options.node.node(),
      fetchNode: options.fetchNode,
      holders: () => holders(parts.statuses).map(parts.resizes.allocated),
      isRunning: (uid) => watcher.get(uid) !== undefined,
      take: (pod) => addWorker(parts, podIdentity(pod), pod, signal),
      async preempt(pod, failure) {
        const worker = workers.get(podIdentity(pod).uid);
        // It has the time to end that it has by itself.
        if (worker?.evict(failure, graceSecondsOf(pod, { gone: false })) === true) await worker.ended;
      },
      report: (pod, status) => parts.statuses.set(pod, status),
      events: options.events,
      logger,
      signal,
    });
    const ofFiles = staticPodsOf(parts, admission, signal);
    statics = ofFiles;
    options.source.subscribe(
      {
        set(pod) {
          if (isMirrorPod(pod)) return ofFiles.setMirror(pod);
          if (isStaticPod(pod)) return ofFiles.set(pod);
          const identity = podIdentity(pod);
          parts.statuses.observe(pod);
          const worker = workers.get(identity.uid);
          if (worker === undefined) return admission.offer(pod);
          worker.update(pod);
          if (worker.state() === 'syncing') parts.resizes.observe(pod);
        },
        remove(pod) {
          if (isMirrorPod(pod)) return ofFiles.removeMirror(pod);
          admission.withdraw(podIdentity(pod).uid);
          if (isStaticPod(pod)) return ofFiles.remove(pod);
          const worker = workers.get(podIdentity(pod).uid);
          worker?.gone(pod);
          if (worker?.state() === 'removed') workers.delete(worker.uid);
        },
        synced() {
          admission.decide();
          synced = true;
          parts.resizes.roomCame();
          adoptOrphans(parts, signal);
          ofFiles.synced();
          becomeReady();
        },
      },
      signal,
    );
  };

  /** Ends pods that the runtime holds and the API does not know. */
  const adoptOrphans = (parts: KubeletParts, signal: AbortSignal): void => {
    for (const uid of watcher.uids()) {
      const held = watcher.get(uid);
      if (workers.has(uid) || held === undefined) continue;
      logger.info('ending a pod that the API does not know', { pod: formatPod(held) });
      addWorker(parts, { uid, namespace: held.namespace, name: held.name }, undefined, signal);
    }
  };

  /** Folders of container logs, by the UIDs of their pods. */
  const logFolders = async (): Promise<{ uid: string; folder: string }[]> => {
    const names = (await files.lstat(options.podLogs)) === undefined ? [] : await files.readdir(options.podLogs);
    return names.flatMap((name) => {
      const uid = uidOfLogDirectory(name);
      return uid === undefined ? [] : [{ uid, folder: `${options.podLogs}/${name}` }];
    });
  };

  /** Removes folders, cgroups and logs of pods that are neither in the API nor in the runtime. */
  const cleanUp = async (parts: KubeletParts): Promise<void> => {
    const known = (uid: string): boolean => workers.has(uid) || watcher.get(uid) !== undefined;
    parts.resizes.keepOnly(known);
    const leftovers = [...new Set([...(await parts.volumes.listPodsOnDisk()), ...(await parts.cgroups.list())])].filter(
      (uid) => !known(uid),
    );
    for (const uid of leftovers) {
      try {
        await parts.volumes.teardown(uid);
        await parts.cgroups.remove(uid);
        parts.userNamespaces.release(uid);
        logger.info('removed what was left of a pod', { uid });
      } catch (error) {
        // One that stays (something is still mounted there) keeps none of the others.
        logger.warn('could not clean up after a pod', { uid, error: String(error) });
      }
    }
    for (const { uid, folder } of await logFolders()) if (!known(uid)) await files.removeTree(folder);
  };

  const housekeep = async (parts: KubeletParts, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await sleep(clock, options.housekeepingMs ?? 2000, signal);
      if (signal.aborted) return;
      if (!synced) continue;
      adoptOrphans(parts, signal);
      await cleanUp(parts).catch((error: unknown) =>
        logger.warn('could not clean up after a pod', { error: String(error) }),
      );
    }
  };

  const podList = (): Pod[] =>
    [...workers.values()]
      .filter((w) => w.state() !== 'removed')
      .map((w) => w.pod())
      .filter((pod) => pod !== undefined)
      .map((pod) => allocatedOf(pod));
  /** The pod with what it was given, once that is known. */
  let allocatedOf = (pod: Pod): Pod => pod;
  let statusOf: KubeletPods['status'] = () => undefined;

  return {
    ready,
    async run(signal) {
      let parts: KubeletParts;
      try {
        parts = await start(signal);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      statusOf = (uid) => parts.statuses.get(uid);
      allocatedOf = parts.resizes.allocated;
      subscribe(parts, signal);
      await Promise.all([watcher.run(signal), housekeep(parts, signal)]);
      await Promise.all([...workers.values()].map((w) => w.done));
    },
    unhealthy: () => watcher.unhealthy(),
    runtimePod: (uid) => watcher.get(uid),
    wake: (uid) => workers.get(uid)?.wake(),
    activePods: () =>
      [...workers.values()]
        .filter(
          (w) => w.state() === 'terminating' || (w.state() === 'syncing' && !isTerminalPhase(statusOf(w.uid)?.phase)),
        )
        .map((w) => w.pod())
        .filter((pod) => pod !== undefined),
    evict: (uid, failure, graceSeconds) => workers.get(uid)?.evict(failure, graceSeconds) === true,
    isReleased: (uid) => workers.get(uid)?.isReleased() !== false,
    heldPods: () =>
      watcher.uids().flatMap((uid) => {
        const runtime = watcher.get(uid);
        const worker = workers.get(uid);
        // What belongs to nobody is ended as a pod of its own.
        return runtime && worker ? [{ runtime, finished: worker.isReleased() }] : [];
      }),
    list: podList,
    get: (namespace, name) => {
      const matches = podList().filter((pod) => pod.metadata?.namespace === namespace && pod.metadata.name === name);
      // After a forced deletion two of one name can be here: the one that is not ending counts.
      return matches.find((pod) => workers.get(pod.metadata?.uid ?? '')?.state() === 'syncing') ?? matches.at(-1);
    },
    getByUid: (uid) => workers.get(uid)?.pod(),
    status: (uid) => statusOf(uid),
    containers: (uid, name): RuntimeContainerRef[] =>
      (watcher.get(uid)?.containers ?? [])
        .filter((c) => c.name === name)
        .map(({ id, logPath, restartCount, state }) => ({ id, logPath, restartCount, running: state === 'running' })),
    sandboxId: (uid) => watcher.get(uid)?.sandboxes.find((s) => s.state === 'ready')?.id,
  };
}
