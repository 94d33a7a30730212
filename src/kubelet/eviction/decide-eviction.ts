// Decides what a look at the node calls for: which conditions it has, what is to be reclaimed, and which pods must go. Pure.
// Follows synchronize in pkg/kubelet/eviction/eviction_manager.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { byteSize } from '../../lib/byte-size.ts';
import { isCriticalPod } from '../../api/pod/critical-pod.ts';
import type { Look, PodLook } from '../stats/look.ts';
import { limitPassed } from './local-storage.ts';
import { pressureMessage } from './messages.ts';
import { type Observations, observe, thresholdsMet } from './observations.ts';
import { rankPods } from './rank-pods.ts';
import {
  type EvictionConfig,
  isHard,
  type PressureCondition,
  type Signal,
  signalFacts,
  type StarvedResource,
  type Threshold,
  unitsOf,
  withContainerFs,
} from './thresholds.ts';

/** What is remembered from one decision to the next. */
export interface EvictionState {
  /** When each threshold that is met was first seen to be, by its key. */
  readonly firstSeen: ReadonlyMap<string, number>;
  /** When each condition was last seen. */
  readonly conditionSeen: ReadonlyMap<PressureCondition, number>;
  /** Met for longer than its grace period, and not resolved yet. */
  readonly met: readonly Threshold[];
}

export const initialEvictionState: EvictionState = { firstSeen: new Map(), conditionSeen: new Map(), met: [] };

/** A pod that must go. */
export interface Eviction {
  pod: Pod;
  /** Counted under this name. */
  signal: string;
  graceSeconds: number;
  message: string;
  annotations: Readonly<Record<string, string>>;
  /** The pod is ended for the node's sake, which the condition DisruptionTarget tells. */
  disruption: boolean;
}

/** What may help before a pod must go. */
export type NodeReclaim = 'containers' | 'images';

export type EvictionAction =
  | { type: 'none' }
  /** Pods that have passed limits of their own. */
  | { type: 'evict'; evictions: readonly Eviction[] }
  /** A resource runs short: reclaim, look again, and if that was not enough evict the first of the candidates. */
  | { type: 'relieve'; resource: StarvedResource; reclaim: readonly NodeReclaim[]; candidates: readonly Eviction[] };

export interface EvictionDecision {
  state: EvictionState;
  conditions: readonly PressureCondition[];
  action: EvictionAction;
}

/** Seconds that a pod has when there is no time to lose. */
const immediateGraceSeconds = 1;
const conditionOrder: readonly PressureCondition[] = ['MemoryPressure', 'DiskPressure', 'PIDPressure'];

const keyOf = ({ signal, value, gracePeriodMs }: Threshold): string => JSON.stringify([signal, value, gracePeriodMs]);

/** `look` is fresh; `pods` are those that run or end here. `now` is ms since the epoch. */
export function decideEviction(
  look: Look,
  pods: readonly Pod[],
  config: EvictionConfig,
  state: EvictionState,
  now: number,
): EvictionDecision {
  const seen = observe(look);
  const thresholds = withContainerFs(config.thresholds, look);
  const below = thresholdsMet(thresholds, seen, false);
  const unresolved = thresholdsMet(state.met, seen, true);
  const all = [...new Map([...below, ...unresolved].map((threshold) => [keyOf(threshold), threshold])).values()];

  const firstSeen = new Map(all.map((threshold) => [keyOf(threshold), state.firstSeen.get(keyOf(threshold)) ?? now]));
  const conditionSeen = new Map(state.conditionSeen);
  for (const { signal } of all) conditionSeen.set(signalFacts[signal].condition, now);
  const conditions = conditionOrder.filter(
    (condition) => now - (conditionSeen.get(condition) ?? Number.NEGATIVE_INFINITY) < config.pressureTransitionMs,
  );
  const met = all.filter((threshold) => now - (firstSeen.get(keyOf(threshold)) ?? now) >= threshold.gracePeriodMs);
  return {
    state: { firstSeen, conditionSeen, met },
    conditions,
    action: actionFor(look, pods, config, met, seen),
  };
}

function actionFor(
  look: Look,
  pods: readonly Pod[],
  config: EvictionConfig,
  met: readonly Threshold[],
  seen: Observations,
): EvictionAction {
  const looks = new Map(look.pods.map((each) => [each.pod.metadata?.uid ?? '', each]));
  const full = overLimits(look, pods, looks);
  if (full.length > 0) return { type: 'evict', evictions: full };
  // Memory comes before all else.
  const [worst] = met.toSorted((a, b) => Number(isMemory(b.signal)) - Number(isMemory(a.signal)));
  if (worst === undefined) return { type: 'none' };
  const { resource } = signalFacts[worst.signal];
  const candidates = rankPods(pods, looks, worst.signal, look)
    .filter((pod) => !isCriticalPod(pod))
    .map((pod): Eviction => {
      const told = pressureMessage(resource, pod, looks.get(pod.metadata?.uid ?? ''), met, seen);
      return {
        pod,
        signal: worst.signal,
        graceSeconds: isHard(worst) ? immediateGraceSeconds : config.maxPodGraceSeconds,
        ...told,
        disruption: true,
      };
    });
  return { type: 'relieve', resource, reclaim: reclaimFor(worst.signal, look), candidates };
}

const isMemory = (signal: Signal): boolean => signalFacts[signal].resource === 'memory';

function overLimits(look: Look, pods: readonly Pod[], looks: ReadonlyMap<string, PodLook>): Eviction[] {
  return pods.flatMap((pod) => {
    const own = looks.get(pod.metadata?.uid ?? '');
    const passed = own && limitPassed(pod, own, look);
    if (passed === undefined || isCriticalPod(pod)) return [];
    return [{ pod, ...passed, graceSeconds: immediateGraceSeconds, annotations: {}, disruption: false }];
  });
}

/** What can be given back on the file system of a signal. */
function reclaimFor(signal: Signal, { dedicatedImageFs, splitContainerFs }: Look): NodeReclaim[] {
  const [place] = signal.split('.');
  if (place !== 'nodefs' && place !== 'imagefs' && place !== 'containerfs') return [];
  if (!dedicatedImageFs) return ['containers', 'images'];
  if (splitContainerFs) return place === 'imagefs' ? ['images'] : ['containers'];
  return place === 'nodefs' ? [] : ['containers', 'images'];
}

/** Whether nothing is short any more, after node-level resources were given back. */
export function isRelieved(look: Look, config: EvictionConfig): boolean {
  return thresholdsMet(withContainerFs(config.thresholds, look), observe(look), true).length === 0;
}

/** The thresholds that a look is below, for people: `nodefs.available is 9.0 GiB of 100.0 GiB, less than 10.0 GiB`. */
export function describePressure(look: Look, config: EvictionConfig): string[] {
  const seen = observe(look);
  return thresholdsMet(config.thresholds, seen, false).map(({ signal, value }) => {
    const { available = 0, capacity = 0 } = seen.get(signal) ?? {};
    const { resource } = signalFacts[signal];
    const print = resource === 'inodes' || resource === 'pids' ? String : byteSize;
    return `${signal} is ${print(available)} of ${print(capacity)}, less than ${print(unitsOf(value, capacity))}`;
  });
}
