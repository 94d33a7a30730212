// Gives pods what they ask for where the node has it, keeps those waiting that must wait, and tells how each resize goes.
// Follows pkg/kubelet/allocation/allocation_manager.go and the resize conditions of pkg/kubelet/status/status_manager.go of v1.36.

import type { Container, Node, Pod, PodCondition, ResourceRequirements } from '../../api/generated/types.ts';
import { podQosClass } from '../../api/pod/qos.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { PodEvents } from '../pod-events.ts';
import { podIdentity } from '../runtime-pod.ts';
import {
  actuationOf,
  allocationOf,
  type ContainerActuation,
  reportedAllocation,
  withAllocation,
} from './allocation.ts';
import type { AllocationStore } from './allocation-store.ts';
import { comparePending, decideResize, growsRequests, type PendingResize } from './decide-resize.ts';
import {
  conditionOf,
  nextState,
  reportedState,
  type ResizeConditionType,
  resizeConditionTypes,
  resizeMessage,
  type ResizeState,
  sameState,
} from './resize-conditions.ts';

/** How a pod's resources are on this node. */
export interface ResizeView {
  /** With what it was given in place of what it asks for. */
  pod: Pod;
  /** What the runtime was last told of a container. */
  actuated(container: string): ContainerActuation | undefined;
  /** What the pod as a whole has, where it has resources of its own. */
  podResources: ResourceRequirements | undefined;
  conditions: readonly PodCondition[];
}

export interface ResizeManager {
  /** Reads what an earlier life has given; before pods are taken on. */
  load(): Promise<void>;
  /** Sets aside what a pod that was let onto the node asks for, unless that was done before. */
  admit(pod: Pod): void;
  /** The pod, or another form of it, was seen: where it asks for something else than it has, that is decided about. */
  observe(pod: Pod): void;
  /** Others may fit now. */
  roomCame(): void;
  /** Forgets a pod that is gone. */
  forget(podUid: string): void;
  /** Forgets what an earlier life has given to pods that are no more. */
  keepOnly(isKnown: (podUid: string) => boolean): void;
  view(pod: Pod): ResizeView;
  /** The pod as it was given its resources. */
  allocated(pod: Pod): Pod;
  /** A container was started, or told anew, with what `pod` (as allocated) gives it. */
  actuated(pod: Pod, container: Container, actuation?: ContainerActuation): void;
  /** Running containers have something else than they were given. */
  progressing(pod: Pod): void;
  /** An attempt to give them that went well, or ended in this error. */
  attempted(pod: Pod, error?: string): void;
  /** All running containers have what they were given. */
  settled(pod: Pod): void;
  /** Resolves once all that was given is on disk. */
  saved(): Promise<void>;
}

export interface ResizeManagerOptions {
  store: AllocationStore;
  clock: Clock;
  events: PodEvents;
  node(): Node | undefined;
  /** Whether every pod of the node is known: before, none is decided about. */
  ready(): boolean;
  /** Pods that hold the node's resources, as the API has them. */
  holders(): Pod[];
  /** A pod that shall run, as the API has it; undefined for any other. */
  running(podUid: string): Pod | undefined;
  /** Asks for a pass over the pod. */
  wake(podUid: string): void;
}

/** Waiting pods are asked about again at least this often. */
const retryMs = 180_000;

type States = Partial<Record<ResizeConditionType, ResizeState>>;

export function createResizeManager(options: ResizeManagerOptions): ResizeManager {
  const { store, clock, events } = options;
  const pending = new Set<string>();
  const states = new Map<string, States>();
  const views = new Map<string, { pod: Pod; record: unknown; allocated: Pod }>();
  let timer: Timer | undefined;

  const statesOf = (podUid: string): States => {
    let found = states.get(podUid);
    if (found === undefined) states.set(podUid, (found = {}));
    return found;
  };
  const generationOf = (pod: Pod): number => pod.metadata?.generation ?? 0;

  const allocated = (pod: Pod): Pod => {
    const { uid } = podIdentity(pod);
    const record = store.get(uid)?.allocated;
    if (record === undefined) return pod;
    const known = views.get(uid);
    if (known?.pod === pod && known.record === record) return known.allocated;
    const made = withAllocation(pod, record);
    views.set(uid, { pod, record, allocated: made });
    return made;
  };

  /** With what its containers have, so that more of it counts than was given where a resize is under way. */
  const held = (pod: Pod): Pod => {
    const actuated = store.get(podIdentity(pod).uid)?.actuated ?? {};
    const containerStatuses = Object.entries(actuated).map(([name, { resources }]) => ({
      name,
      resources,
      image: '',
      imageID: '',
      ready: false,
      restartCount: 0,
    }));
    return { ...allocated(pod), status: { containerStatuses } };
  };

  const give = (pod: Pod): void => {
    const { uid } = podIdentity(pod);
    const before = store.get(uid);
    const replaced = before?.replaced ?? before?.allocated.resources;
    store.set(uid, {
      allocated: allocationOf(pod),
      actuated: before?.actuated ?? {},
      ...(replaced === undefined ? {} : { replaced }),
    });
    const own = statesOf(uid);
    delete own.PodResizePending;
    const generation = generationOf(pod);
    own.PodResizeInProgress = nextState(undefined, clock.now(), { reason: '', message: '', generation });
    events.event(pod, 'Normal', 'ResizeStarted', resizeMessage('Pod resize started', pod, generation));
  };

  /** Keeps the pod waiting; true where that was not known yet. */
  const hold = (pod: Pod, reason: 'Deferred' | 'Infeasible', message: string): boolean => {
    const own = statesOf(podIdentity(pod).uid);
    const generation = generationOf(pod);
    const state = nextState(own.PodResizePending, clock.now(), { reason, message, generation });
    if (sameState(own.PodResizePending, state)) return false;
    own.PodResizePending = state;
    const text = resizeMessage(`Pod resize ${reason}`, pod, generation, message);
    events.event(pod, 'Warning', `Resize${reason}`, text);
    return true;
  };

  /** Decides about one pod; gives whether it goes on waiting. */
  const decide = (pod: Pod): boolean => {
    const { uid } = podIdentity(pod);
    const others = options
      .holders()
      .filter((other) => podIdentity(other).uid !== uid)
      .map(held);
    const verdict = decideResize({ pod, allocated: allocated(pod), others, node: options.node() });
    switch (verdict.type) {
      case 'none': {
        const own = statesOf(uid);
        if (own.PodResizePending !== undefined) options.wake(uid);
        delete own.PodResizePending;
        return false;
      }
      case 'allocate':
        give(pod);
        options.wake(uid);
        return false;
      case 'deferred':
        if (hold(pod, 'Deferred', verdict.message)) options.wake(uid);
        return true;
      case 'infeasible':
        if (hold(pod, 'Infeasible', verdict.message)) options.wake(uid);
        return false;
      default:
        return verdict satisfies never;
    }
  };

  const waiting = (pod: Pod): PendingResize => ({
    grows: growsRequests(pod, allocated(pod)),
    priority: pod.spec?.priority ?? 0,
    qos: podQosClass(pod),
    since: statesOf(podIdentity(pod).uid).PodResizePending?.since,
  });

  const decideAll = (): void => {
    if (!options.ready()) return;
    timer?.cancel();
    const pods = [...pending].map((uid) => options.running(uid)).filter((pod) => pod !== undefined);
    pending.clear();
    const queue = pods
      .map((pod) => ({ pod, order: waiting(pod) }))
      .toSorted((a, b) => comparePending(a.order, b.order));
    for (const { pod } of queue) if (decide(pod)) pending.add(podIdentity(pod).uid);
    if (pending.size > 0) timer = clock.after(retryMs, decideAll);
  };

  return {
    load: () => store.load(),
    admit(pod) {
      const { uid } = podIdentity(pod);
      const own = statesOf(uid);
      for (const type of resizeConditionTypes) {
        const reported = reportedState(pod, type);
        if (reported !== undefined) own[type] ??= reported;
      }
      if (store.get(uid) === undefined) store.set(uid, { allocated: reportedAllocation(pod), actuated: {} });
    },
    observe(pod) {
      const { uid } = podIdentity(pod);
      if (allocated(pod) === pod && states.get(uid)?.PodResizePending === undefined) return;
      pending.add(uid);
      decideAll();
    },
    roomCame() {
      if (pending.size > 0) decideAll();
    },
    forget(podUid) {
      pending.delete(podUid);
      states.delete(podUid);
      views.delete(podUid);
      store.remove(podUid);
    },
    keepOnly(isKnown) {
      for (const uid of store.uids()) if (!isKnown(uid)) store.remove(uid);
    },
    view(pod) {
      const { uid } = podIdentity(pod);
      const own = states.get(uid) ?? {};
      const given = allocated(pod);
      return {
        pod: given,
        actuated: (container) => store.get(uid)?.actuated[container],
        podResources: given.spec?.resources && (store.get(uid)?.replaced ?? given.spec.resources),
        conditions: resizeConditionTypes.flatMap((type) => {
          const state = own[type];
          return state === undefined ? [] : [conditionOf(type, state)];
        }),
      };
    },
    allocated,
    actuated(pod, container, actuation = actuationOf(pod, container)) {
      const { uid } = podIdentity(pod);
      const record = store.get(uid);
      if (record === undefined) return;
      store.set(uid, { ...record, actuated: { ...record.actuated, [container.name]: actuation } });
    },
    progressing(pod) {
      const own = statesOf(podIdentity(pod).uid);
      const generation = generationOf(pod);
      own.PodResizeInProgress ??= nextState(undefined, clock.now(), { reason: '', message: '', generation });
    },
    attempted(pod, error = '') {
      const own = statesOf(podIdentity(pod).uid);
      const before = own.PodResizeInProgress;
      // The pod's cgroup alone was behind, which is nobody's resize.
      if (before === undefined && error === '') return;
      const generation = before?.generation ?? generationOf(pod);
      const state = nextState(before, clock.now(), { reason: error === '' ? '' : 'Error', message: error, generation });
      if (sameState(before, state)) return;
      own.PodResizeInProgress = state;
      if (error !== '')
        events.event(pod, 'Warning', 'ResizeError', resizeMessage('Pod resize error', pod, generation, error));
    },
    settled(pod) {
      const own = states.get(podIdentity(pod).uid);
      const state = own?.PodResizeInProgress;
      if (own === undefined || state === undefined) return;
      delete own.PodResizeInProgress;
      const record = store.get(podIdentity(pod).uid);
      if (record?.replaced !== undefined) {
        const { replaced: _, ...rest } = record;
        store.set(podIdentity(pod).uid, rest);
      }
      const text = resizeMessage('Pod resize completed', allocated(pod), state.generation);
      events.event(pod, 'Normal', 'ResizeCompleted', text);
      if (pending.size > 0) decideAll();
    },
    saved: () => store.saved(),
  };
}
