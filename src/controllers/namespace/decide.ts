// What a terminating namespace's conditions say, and whether it may be let go. Pure.

import type { Namespace, NamespaceCondition } from '../../api/generated/types.ts';
import { formatTime } from '../../api/meta/time.ts';

/** "pods", "leases.coordination.k8s.io" come as group and plural name. */
export interface Counted {
  group: string;
  resource: string;
  count: number;
}

/** What one attempt to empty a namespace found. */
export interface EmptyingResult {
  /** Texts of what went wrong with discovery. */
  discoveryErrors: readonly string[];
  /** Texts of what went wrong with deleting. */
  contentErrors: readonly string[];
  /** Objects that are still there, by resource; none of zero. */
  remaining: readonly Counted[];
  /** The same by finalizer. */
  finalizers: ReadonlyMap<string, number>;
}

export const namespaceFinalizer = 'kubernetes';

export const isEmptied = (result: EmptyingResult): boolean =>
  result.discoveryErrors.length === 0 && result.contentErrors.length === 0 && result.remaining.length === 0;

/** Sorted and joined as Go prints them; the words are those of pkg/controller/namespace/deletion/status_condition_utils.go. */
function conditionsOf(result: EmptyingResult): Omit<NamespaceCondition, 'lastTransitionTime'>[] {
  const { discoveryErrors, contentErrors, remaining, finalizers } = result;
  const when = (type: string, bad: boolean, badReason: string, badText: string, reason: string, text: string) =>
    bad
      ? { type, status: 'True', reason: badReason, message: badText }
      : { type, status: 'False', reason, message: text };
  const left = remaining
    .map(({ group, resource, count }) => `${resource}.${group} has ${count} resource instances`)
    .toSorted();
  const held = [...finalizers].map(([name, count]) => `${name} in ${count} resource instances`).toSorted();
  return [
    when(
      'NamespaceDeletionDiscoveryFailure',
      discoveryErrors.length > 0,
      'DiscoveryFailed',
      `Discovery failed for some groups, ${discoveryErrors.length} failing: ${discoveryErrors.join(', ')}`,
      'ResourcesDiscovered',
      'All resources successfully discovered',
    ),
    when(
      'NamespaceDeletionGroupVersionParsingFailure',
      false,
      '',
      '',
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ),
    when(
      'NamespaceDeletionContentFailure',
      contentErrors.length > 0,
      'ContentDeletionFailed',
      `Failed to delete all resource types, ${contentErrors.length} remaining: ${contentErrors.toSorted().join(', ')}`,
      'ContentDeleted',
      'All content successfully deleted, may be waiting on finalization',
    ),
    when(
      'NamespaceContentRemaining',
      left.length > 0,
      'SomeResourcesRemain',
      `Some resources are remaining: ${left.join(', ')}`,
      'ContentRemoved',
      'All content successfully removed',
    ),
    when(
      'NamespaceFinalizersRemaining',
      held.length > 0,
      'SomeFinalizersRemain',
      `Some content in the namespace has finalizers remaining: ${held.join(', ')}`,
      'ContentHasNoFinalizers',
      'All content-preserving finalizers finished',
    ),
  ];
}

/** The namespace's status after that attempt, or undefined when it says all of that already. Other conditions stay. */
export function statusAfter(
  namespace: Namespace,
  result: EmptyingResult,
  now: number,
): Namespace['status'] | undefined {
  const old = namespace.status?.conditions ?? [];
  let changed = namespace.status?.phase !== 'Terminating';
  const fresh = conditionsOf(result).map((condition) => {
    const before = old.find(({ type }) => type === condition.type);
    const same =
      before?.status === condition.status && before.reason === condition.reason && before.message === condition.message;
    if (before && same) return before;
    changed = true;
    const since = before?.status === condition.status ? before.lastTransitionTime : undefined;
    return { ...condition, lastTransitionTime: since ?? formatTime(now) };
  });
  if (!changed) return undefined;
  const others = old.filter(({ type }) => !fresh.some((condition) => condition.type === type));
  return { ...namespace.status, phase: 'Terminating', conditions: [...others, ...fresh] };
}
