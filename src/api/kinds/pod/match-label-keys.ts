// Turns matchLabelKeys of affinity terms and spread constraints into selectors on the new pod's own labels.
// Follows mutatePodAffinity and mutateTopologySpreadConstraints in pkg/registry/core/pod/strategy.go of v1.36.

import type { LabelSelector, Pod } from '../../generated/types.ts';

interface Keyed {
  labelSelector?: LabelSelector;
  matchLabelKeys?: string[];
  mismatchLabelKeys?: string[];
}

function fold(term: Keyed, labels: Record<string, string>): void {
  const { labelSelector } = term;
  if (!labelSelector) return;
  const add = (keys: string[] | undefined, operator: 'In' | 'NotIn'): void => {
    for (const key of keys ?? []) {
      const value = labels[key];
      if (value === undefined) continue;
      (labelSelector.matchExpressions ??= []).push({ key, operator, values: [value] });
    }
  };
  add(term.matchLabelKeys, 'In');
  add(term.mismatchLabelKeys, 'NotIn');
}

/** Extends the selectors of the pod in place. */
export function foldMatchLabelKeys(pod: Pod): void {
  const labels = pod.metadata?.labels ?? {};
  const { affinity, topologySpreadConstraints } = pod.spec ?? {};
  for (const rules of [affinity?.podAffinity, affinity?.podAntiAffinity]) {
    for (const term of rules?.requiredDuringSchedulingIgnoredDuringExecution ?? []) fold(term, labels);
    for (const { podAffinityTerm } of rules?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
      fold(podAffinityTerm, labels);
  }
  for (const constraint of topologySpreadConstraints ?? []) fold(constraint, labels);
}
