// Lets pods onto the node, fails them, or leaves them alone: asks what may run in the order in which pods came, and reports what may not.
// Follows HandlePodAdditions, canAdmitPod and rejectPod in pkg/kubelet/kubelet.go and pkg/kubelet/preemption/preemption.go of v1.36.

import type { Node, Pod, PodStatus } from '../api/generated/types.ts';
import { isCriticalPod } from '../api/pod/critical-pod.ts';
import type { Logger } from '../lib/logger.ts';
import { admitPod, forbiddenPrivilege, type NodeAbilities, type Refusal, wasAdmitted } from './decide/admit-pod.ts';
import { podsToPreempt, preempted } from './decide/preemption.ts';
import { errorText } from './pod-context.ts';
import type { PodEvents } from './pod-events.ts';
import { podIdentity } from './runtime-pod.ts';
import type { PodFailure } from './status/generate-pod-status.ts';

export interface PodAdmissionOptions {
  abilities: NodeAbilities;
  /** Why the node's present pressure keeps a pod from starting. */
  pressure?: ((pod: Pod) => Refusal | undefined) | undefined;
  /** The Node object as last seen; undefined before it is registered. */
  node(): Node | undefined;
  /** The Node object as the API has it now; asked where only labels that may be old speak against a pod. */
  fetchNode?: ((signal: AbortSignal) => Promise<Node>) | undefined;
  /** Pods that hold the node's resources. */
  holders(): Pod[];
  /** Whether the runtime has something of the pod, so that it was admitted before. */
  isRunning(podUid: string): boolean;
  /** Takes the pod on; a refused one comes with the status that it fails with. */
  take(pod: Pod): void;
  /** Ends a pod for want of room, with the status that it fails with; resolves when its resources are free. */
  preempt(pod: Pod, failure: PodFailure): Promise<void>;
  /** Reports the status of a refused pod. */
  report(pod: Pod, status: PodStatus): void;
  events: PodEvents;
  logger: Logger;
  signal: AbortSignal;
}

export interface PodAdmission {
  /** A pod that is not taken on yet, or its newer form. It is decided about at the end of this turn, with others that come in it. */
  offer(pod: Pod): void;
  /** The pod is gone before it was decided about. */
  withdraw(podUid: string): void;
  /** Decides about all that were offered, now. */
  decide(): void;
}

/** Those that the node has taken on before come first, since they hold its resources; then the older ones. */
function inOrder(pods: Iterable<Pod>): Pod[] {
  const age = (pod: Pod): string => pod.metadata?.creationTimestamp ?? '';
  return [...pods].sort(
    (a, b) => Number(wasAdmitted(b)) - Number(wasAdmitted(a)) || (age(a) < age(b) ? -1 : age(a) > age(b) ? 1 : 0),
  );
}

/** Makes one; see its interface. */
export function createPodAdmission(options: PodAdmissionOptions): PodAdmission {
  const offered = new Map<string, Pod>();
  /** Pods about which the API is asked for the Node. */
  const asking = new Map<string, Pod>();
  /** Critical pods for which others are, or will be, on their way out. The room that comes is theirs. */
  const making = new Map<string, Pod>();
  let turn = Promise.resolve();
  const logFailure = (what: string, error: unknown): void => options.logger.warn(what, { error: errorText(error) });
  /** Pods that are left alone, and what was said of each. */
  const ignored = new Map<string, string>();

  const refuse = (pod: Pod, { reason, message }: Refusal): void => {
    const status: PodStatus = { ...pod.status, phase: 'Failed', reason, message: `Pod was rejected: ${message}` };
    options.events.event(pod, 'Warning', reason, message);
    options.report(pod, status);
    options.take({ ...pod, status });
  };

  /** The pod stays as it is, Pending, until it is deleted. */
  const ignore = (pod: Pod, message: string): void => {
    const { uid } = podIdentity(pod);
    if (ignored.get(uid) === message) return;
    ignored.set(uid, message);
    options.events.event(pod, 'Warning', 'FailedValidation', message);
  };

  /** Ends what stands in the way of a critical pod. One makes room at a time, so that none counts on what another was promised. */
  const makeRoom = async (uid: string): Promise<void> => {
    const pod = making.get(uid);
    if (pod === undefined || options.signal.aborted) return;
    const holders = options.holders();
    const refusal = admitPod(pod, holders, options.node(), options.abilities);
    if (refusal?.shortages === undefined) {
      making.delete(uid);
      return refusal === undefined ? options.take(pod) : refuse(pod, refusal);
    }
    const chosen = podsToPreempt(pod, holders, refusal.shortages);
    if (typeof chosen === 'string') {
      making.delete(uid);
      const message = `Unexpected error while attempting to recover from admission failure: ${chosen}`;
      return refuse(pod, { reason: 'UnexpectedAdmissionError', message });
    }
    const ended = chosen.map((each) => {
      options.events.event(each, 'Warning', preempted.reason, preempted.message);
      return options.preempt(each, preempted);
    });
    await Promise.all(ended);
    const newest = making.get(uid);
    making.delete(uid);
    if (newest !== undefined && !options.signal.aborted) options.take(newest);
  };

  const judge = (pod: Pod, node: Node | undefined, fresh: boolean): void => {
    const { uid } = podIdentity(pod);
    if (wasAdmitted(pod) || options.isRunning(uid)) return options.take(pod);
    const forbidden = forbiddenPrivilege(pod, options.abilities);
    if (forbidden !== undefined) return ignore(pod, forbidden);
    const others = [...options.holders(), ...making.values()];
    const refusal = options.pressure?.(pod) ?? admitPod(pod, others, node, options.abilities);
    if (refusal === undefined) return options.take(pod);
    if (refusal.shortages !== undefined && isCriticalPod(pod)) {
      making.set(uid, pod);
      turn = turn.then(() => makeRoom(uid)).catch((error: unknown) => logFailure('could not make room', error));
      return;
    }
    if (refusal.reason !== 'NodeAffinity' || fresh || options.fetchNode === undefined) return refuse(pod, refusal);
    asking.set(uid, pod);
    void ask(uid, options.fetchNode);
  };

  const ask = async (uid: string, fetchNode: (signal: AbortSignal) => Promise<Node>): Promise<void> => {
    let node = options.node();
    try {
      node = await fetchNode(options.signal);
    } catch (error) {
      logFailure('could not ask for the node', error);
    }
    const pod = asking.get(uid);
    asking.delete(uid);
    if (pod !== undefined && !options.signal.aborted) judge(pod, node, true);
  };

  const decide = (): void => {
    const pods = inOrder(offered.values());
    offered.clear();
    for (const pod of pods) judge(pod, options.node(), false);
  };

  return {
    decide,
    offer(pod) {
      const { uid } = podIdentity(pod);
      if (asking.has(uid)) return void asking.set(uid, pod);
      if (making.has(uid)) return void making.set(uid, pod);
      if (offered.size === 0)
        queueMicrotask(() => {
          if (!options.signal.aborted) decide();
        });
      offered.set(uid, pod);
    },
    withdraw(uid) {
      offered.delete(uid);
      asking.delete(uid);
      making.delete(uid);
      ignored.delete(uid);
    },
  };
}
