// What the status of a disruption budget should be, and which pods no longer are about to go. Pure.
// Follows pkg/controller/disruption/disruption.go of v1.36.

import {
  disruptionAllowed,
  isConditionCurrent,
  syncFailed,
  withAllowedCondition,
} from '../../api/disruption/budgets.ts';
import type {
  LabelSelector,
  OwnerReference,
  Pod,
  PodDisruptionBudget,
  PodDisruptionBudgetStatus,
} from '../../api/generated/types.ts';
import { equalJson } from '../../api/meta/equal.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import { scaledValue } from '../../api/meta/int-or-percent.ts';
import { matchesLabels, selectorOf } from '../../api/meta/label-selector.ts';
import { withStatusCondition } from '../../api/meta/set-condition.ts';
import { getCondition, isPodReady, isTerminal } from '../../api/pod/conditions.ts';

/** How long after an eviction its pod is taken to be about to go, in ms. */
const deletionTimeoutMs = 2 * 60_000;
/** How long a pod that somebody wanted to go may stay before that is taken back, in ms. */
const staleAfterMs = 2 * 60_000;

/** How many pods a controller wants, and who that is: for the pods of a Deployment that, not the ReplicaSet. */
export interface Scale {
  uid: string;
  replicas: number;
}

/** What became of a question for a pod's controller; 'none' where it is not there. */
export type FoundScale = Scale | 'none' | { error: string };

export interface BudgetSnapshot {
  budget: PodDisruptionBudget;
  /** All of the budget's namespace. */
  pods: readonly Pod[];
  /** By the uid in the pods' references, for those of controllersToAsk. */
  scales: ReadonlyMap<string, FoundScale>;
}

/** Tells of the budget, or of a pod, in an event. */
export interface TellAction {
  do: 'tell';
  about: PodDisruptionBudget | Pod;
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

export type BudgetAction =
  | TellAction
  | { do: 'write'; status: PodDisruptionBudgetStatus }
  /** Looks again by itself. */
  | { do: 'recheck'; afterMs: number };

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The budget's pods of those of its namespace. Throws SelectorError. */
function podsOf({ spec }: PodDisruptionBudget, pods: readonly Pod[]): Pod[] {
  const selector = selectorOf(spec?.selector);
  return pods.filter(({ metadata }) => matchesLabels(selector, metadata?.labels));
}

const controllerOf = ({ metadata }: Pod): OwnerReference | undefined =>
  metadata?.ownerReferences?.find(({ controller }) => controller === true);

/** Whether it matters how many pods there should be, not how many there are. */
const needsScale = ({ spec }: PodDisruptionBudget): boolean =>
  spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string';

/** The controllers whose scale decideBudget needs, each once; none where the budget has a wrong selector. */
export function controllersToAsk(budget: PodDisruptionBudget, pods: readonly Pod[]): OwnerReference[] {
  if (!needsScale(budget)) return [];
  try {
    const references = podsOf(budget, pods).flatMap((pod) => controllerOf(pod) ?? []);
    return [...new Map(references.map((one) => [one.uid, one])).values()];
  } catch {
    return [];
  }
}

interface Expected {
  expected: number;
  desired: number;
  /** Pods that no controller has, where those count. */
  unmanaged: readonly Pod[];
}

/** The sum of what all controllers of the pods want. Throws an Error where one cannot be found. */
function expectedScale(pods: readonly Pod[], scales: BudgetSnapshot['scales']): Omit<Expected, 'desired'> {
  const wanted = new Map<string, number>();
  const unmanaged: Pod[] = [];
  for (const pod of pods) {
    const controller = controllerOf(pod);
    if (controller === undefined) {
      unmanaged.push(pod);
      continue;
    }
    const found = scales.get(controller.uid) ?? 'none';
    if (found === 'none') throw new Error(`found no controllers for pod ${goQuote(pod.metadata?.name ?? '')}`);
    if ('error' in found) throw new Error(found.error);
    wanted.set(found.uid, found.replicas);
  }
  return { expected: [...wanted.values()].reduce((sum, replicas) => sum + replicas, 0), unmanaged };
}

/** How many pods there should be, and how many of them healthy. Throws an Error. */
function expectedPods({ spec }: PodDisruptionBudget, pods: readonly Pod[], scales: BudgetSnapshot['scales']): Expected {
  const { maxUnavailable, minAvailable } = spec ?? {};
  if (maxUnavailable !== undefined) {
    const scale = expectedScale(pods, scales);
    return { ...scale, desired: Math.max(0, scale.expected - scaledValue(maxUnavailable, scale.expected)) };
  }
  if (minAvailable === undefined) return { expected: 0, desired: 0, unmanaged: [] };
  if (typeof minAvailable === 'number') return { expected: pods.length, desired: minAvailable, unmanaged: [] };
  const scale = expectedScale(pods, scales);
  return { ...scale, desired: scaledValue(minAvailable, scale.expected) };
}

/** Those evicted pods that are still to go, by name, and when the first of them should have (ms). */
interface Disrupted {
  pods: Record<string, string>;
  firstDue: number | undefined;
  /** Those that should have gone by now. */
  overdue: readonly Pod[];
}

function disruptedPods({ status }: PodDisruptionBudget, pods: readonly Pod[], now: number): Disrupted {
  const noted = status?.disruptedPods ?? {};
  const found: Disrupted & { overdue: Pod[] } = { pods: {}, firstDue: undefined, overdue: [] };
  for (const pod of pods) {
    const { name = '', deletionTimestamp } = pod.metadata ?? {};
    const since = Object.hasOwn(noted, name) ? noted[name] : undefined;
    if (since === undefined || deletionTimestamp !== undefined) continue;
    const due = Date.parse(since) + deletionTimeoutMs;
    if (due < now) {
      found.overdue.push(pod);
      continue;
    }
    found.pods[name] = since;
    found.firstDue = Math.min(due, found.firstDue ?? due);
  }
  return found;
}

/** Pods that are ready, and not about to go. */
function countHealthy(pods: readonly Pod[], disrupted: Disrupted, now: number): number {
  const isGoing = (name: string): boolean => {
    const since = Object.hasOwn(disrupted.pods, name) ? disrupted.pods[name] : undefined;
    return since !== undefined && Date.parse(since) + deletionTimeoutMs > now;
  };
  return pods.filter(
    (pod) => pod.metadata?.deletionTimestamp === undefined && !isGoing(pod.metadata?.name ?? '') && isPodReady(pod),
  ).length;
}

/** The status that stops every eviction, for nobody knows how many may be. `now` in ms. */
export function failedStatus(
  { status = {} }: PodDisruptionBudget,
  why: string,
  now: number,
): PodDisruptionBudgetStatus {
  const { observedGeneration } = status;
  const change = { type: disruptionAllowed, status: 'False', reason: syncFailed, message: why } as const;
  const conditions = withStatusCondition(status.conditions, { ...change, observedGeneration }, now);
  return { ...status, disruptionsAllowed: 0, conditions };
}

const tell = (
  about: PodDisruptionBudget | Pod,
  type: TellAction['type'],
  reason: string,
  message: string,
): TellAction => ({ do: 'tell', about, type, reason, message });

/** A selector as Go prints it. */
function goSelector(selector: LabelSelector | undefined): string {
  if (selector === undefined) return 'nil';
  const labels = Object.entries(selector.matchLabels ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}: ${value},`);
  const requirements = (selector.matchExpressions ?? []).map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${labels.join('')}},MatchExpressions:[]LabelSelectorRequirement{${requirements.join('')}},}`;
}

const tellUnmanaged = (budget: PodDisruptionBudget): TellAction =>
  tell(
    budget,
    'Warning',
    'UnmanagedPods',
    `Pods selected by this PodDisruptionBudget (selector: ${goSelector(budget.spec?.selector)}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`,
  );

/** What is to be done about a budget. `now` in ms. */
export function decideBudget({ budget, pods: all, scales }: BudgetSnapshot, now: number): BudgetAction[] {
  const failed = (reason: string, what: string, error: unknown): BudgetAction[] => [
    tell(budget, 'Warning', reason, `${what}: ${messageOf(error)}`),
    { do: 'write', status: failedStatus(budget, messageOf(error), now) },
  ];
  let pods: Pod[];
  try {
    pods = podsOf(budget, all);
  } catch (error) {
    return failed('NoPods', 'Failed to get pods', error);
  }
  const actions: BudgetAction[] = pods.length === 0 ? [tell(budget, 'Normal', 'NoPods', 'No matching pods found')] : [];
  let counted: Expected;
  try {
    counted = expectedPods(budget, pods, scales);
  } catch (error) {
    const what = 'Failed to calculate the number of expected pods';
    return [...actions, ...failed('CalculateExpectedPodCountFailed', what, error)];
  }
  if (counted.unmanaged.length > 0) actions.push(tellUnmanaged(budget));
  const disrupted = disruptedPods(budget, pods, now);
  const { namespace = '' } = budget.metadata ?? {};
  // Upstream, too, names the namespace twice.
  const late = `Pod was expected by PDB ${namespace}/${namespace} to be deleted but it wasn't`;
  actions.push(...disrupted.overdue.map((pod) => tell(pod, 'Warning', 'NotDeleted', late)));
  const status = countedStatus(budget, counted, countHealthy(pods, disrupted, now), disrupted, now);
  if (status !== undefined) actions.push({ do: 'write', status });
  if (disrupted.firstDue !== undefined) actions.push({ do: 'recheck', afterMs: disrupted.firstDue - now });
  return actions;
}

/** The status with those numbers; undefined where it has them. */
function countedStatus(
  budget: PodDisruptionBudget,
  { expected, desired }: Expected,
  healthy: number,
  disrupted: Disrupted,
  now: number,
): PodDisruptionBudgetStatus | undefined {
  const { status = {}, metadata: { generation = 0 } = {} } = budget;
  const numbers = {
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    // A budget without pods must not let the first of them go before it was looked at again.
    disruptionsAllowed: expected <= 0 ? 0 : Math.max(0, healthy - desired),
  };
  const isSame = Object.entries(numbers).every(
    ([field, value]) => (status[field as keyof typeof numbers] ?? 0) === value,
  );
  if (isSame && equalJson(status.disruptedPods ?? {}, disrupted.pods) && isConditionCurrent(budget)) return undefined;
  const noted = Object.keys(disrupted.pods).length === 0 ? {} : { disruptedPods: disrupted.pods };
  const conditions = status.conditions === undefined ? {} : { conditions: status.conditions };
  return withAllowedCondition({ ...numbers, ...noted, ...conditions, observedGeneration: generation }, now);
}

/**
 * In how many ms it is to be taken back that the pod is about to go: 0 where that is due, undefined where nobody says so, or it will.
 * What the kubelet says of a pod may take as long as it likes to become true.
 */
export function staleIn(pod: Pod, now: number): number | undefined {
  if (pod.metadata?.deletionTimestamp !== undefined || isTerminal(pod)) return undefined;
  const condition = getCondition(pod, 'DisruptionTarget');
  if (condition?.status !== 'True' || condition.reason === 'TerminationByKubelet') return undefined;
  const since = Date.parse(condition.lastTransitionTime ?? '');
  return Number.isNaN(since) ? 0 : Math.max(0, since + staleAfterMs - now);
}
