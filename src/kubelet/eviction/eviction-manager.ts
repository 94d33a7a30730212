// Keeps the node from running out of memory, disk and processes: looks every ten seconds, reclaims what is unused, evicts what must go.
// Follows pkg/kubelet/eviction/eviction_manager.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { isCriticalPod } from '../../api/pod/critical-pod.ts';
import { podQosClass } from '../../api/pod/qos.ts';
import { toleratesTaint } from '../../api/placement/taints.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Refusal } from '../decide/admit-pod.ts';
import { formatPod, podIdentity } from '../runtime-pod.ts';
import type { Look } from '../stats/look.ts';
import {
  decideEviction,
  describePressure,
  type Eviction,
  type EvictionAction,
  initialEvictionState,
  isRelieved,
  type NodeReclaim,
} from './decide-eviction.ts';
import { evictedReason, nodeConditionMessage } from './messages.ts';
import type { EvictionConfig, PressureCondition } from './thresholds.ts';

export interface EvictionManager {
  /** Runs until the signal aborts; never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** What the node is under, as of the last look; waits a second for the first. */
  conditions(): Promise<readonly PressureCondition[]>;
  /** What is short, in figures, as of the last look. */
  describe(): readonly string[];
  /** Why a pod may not start under the present pressure. */
  refusal(pod: Pod): Refusal | undefined;
}

export interface EvictionManagerOptions {
  config: EvictionConfig;
  look(): Promise<Look>;
  /** Pods that run or end here. */
  pods(): readonly Pod[];
  /** Ends the pod as Failed, with the time given. False when there is no such pod any more. */
  evict(podUid: string, eviction: Eviction): boolean;
  /** Nothing of the pod runs, and what it had is given back. */
  isReleased(podUid: string): boolean;
  /** Removes what nothing uses. */
  reclaim: Readonly<Record<NodeReclaim, () => Promise<void>>>;
  podEvent(pod: Pod, reason: string, message: string, annotations: Readonly<Record<string, string>>): void;
  nodeEvent(reason: string, message: string): void;
  countEviction(signal: string): void;
  /** The conditions are others than before. */
  onChange(): void;
  clock: Clock;
  logger: Logger;
}

const lookEveryMs = 10_000;
/** How long the first look is waited for: on a node full of pods it may take a while, and must not keep the node from being Ready. */
const firstLookMs = 1000;
const cleanUpWithinMs = 30_000;
const cleanUpPollMs = 1000;

/** Whether a pod may be admitted under these conditions. Follows Admit. */
export function refusalUnder(conditions: readonly PressureCondition[], pod: Pod): Refusal | undefined {
  if (conditions.length === 0 || isCriticalPod(pod)) return undefined;
  if (conditions.length === 1 && conditions[0] === 'MemoryPressure') {
    if (podQosClass(pod) !== 'BestEffort') return undefined;
    const taint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' } as const;
    if (pod.spec?.tolerations?.some((toleration) => toleratesTaint(toleration, taint))) return undefined;
  }
  return { reason: evictedReason, message: nodeConditionMessage(conditions) };
}

export function createEvictionManager(options: EvictionManagerOptions): EvictionManager {
  const { config, clock, logger } = options;
  const first = Promise.withResolvers<void>();
  let state = initialEvictionState;
  let conditions: readonly PressureCondition[] = [];
  let short: readonly string[] = [];

  /** Ends one pod; true when it was there to be ended. */
  const evict = (eviction: Eviction): boolean => {
    const { pod, message } = eviction;
    const identity = podIdentity(pod);
    if (!options.evict(identity.uid, eviction)) return false;
    options.podEvent(pod, evictedReason, message, eviction.annotations);
    options.countEviction(eviction.signal);
    logger.warn('a pod is evicted', { pod: formatPod(identity), message });
    return true;
  };

  /** Gives back what nothing uses. True when that was enough. */
  const reclaimed = async (action: Extract<EvictionAction, { type: 'relieve' }>): Promise<boolean> => {
    for (const kind of action.reclaim)
      await options.reclaim[kind]().catch((error: unknown) =>
        logger.warn('could not reclaim', { kind, error: String(error) }),
      );
    return action.reclaim.length > 0 && isRelieved(await options.look(), config);
  };

  /** Performs what was decided. Gives the pods that were evicted. */
  const perform = async (action: EvictionAction): Promise<Eviction[]> => {
    switch (action.type) {
      case 'none':
        return [];
      case 'evict':
        return action.evictions.filter(evict);
      case 'relieve': {
        options.nodeEvent('EvictionThresholdMet', `Attempting to reclaim ${action.resource}`);
        if (await reclaimed(action)) return [];
        // At most one pod at a time: it may be enough.
        const evicted = action.candidates.find(evict);
        if (evicted === undefined) logger.warn('no pod can be evicted', { resource: action.resource });
        return evicted === undefined ? [] : [evicted];
      }
      default:
        return action satisfies never;
    }
  };

  const cleanedUp = async (evicted: readonly Eviction[], signal: AbortSignal): Promise<void> => {
    const end = clock.monotonic() + cleanUpWithinMs;
    const gone = ({ pod }: Eviction): boolean => options.isReleased(podIdentity(pod).uid);
    while (!evicted.every(gone) && clock.monotonic() < end && !signal.aborted)
      await sleep(clock, cleanUpPollMs, signal);
  };

  const pass = async (signal: AbortSignal): Promise<boolean> => {
    const look = await options.look();
    const decision = decideEviction(look, options.pods(), config, state, clock.now());
    ({ state } = decision);
    const changed = decision.conditions.join() !== conditions.join();
    ({ conditions } = decision);
    short = describePressure(look, config);
    first.resolve();
    if (changed) options.onChange();
    const evicted = signal.aborted ? [] : await perform(decision.action);
    await cleanedUp(evicted, signal);
    return evicted.length > 0;
  };

  return {
    async run(signal) {
      while (!signal.aborted) {
        let again = false;
        try {
          again = await pass(signal);
        } catch (error) {
          if (!signal.aborted) logger.warn('the node could not be looked at', { error: String(error) });
          // Nobody waits for a machine that cannot be looked at.
          first.resolve();
        }
        if (!again) await sleep(clock, lookEveryMs, signal);
      }
      first.resolve();
    },
    async conditions() {
      const late = new AbortController();
      await Promise.race([first.promise, sleep(clock, firstLookMs, late.signal)]);
      late.abort();
      return conditions;
    },
    describe: () => short,
    refusal: (pod) => refusalUnder(conditions, pod),
  };
}
