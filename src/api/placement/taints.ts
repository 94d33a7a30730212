// Which taints a pod tolerates; shared by scheduler, kubelet and the node lifecycle controller.

import type { Taint, Toleration } from '../generated/types.ts';

/** Whether one toleration covers one taint. Follows component-helpers scheduling/corev1 ToleratesTaint. */
export function toleratesTaint(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  switch (toleration.operator) {
    case undefined:
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '');
    case 'Exists':
      return true;
    default:
      // Lt and Gt are behind a gate (TaintTolerationComparisonOperators) that is off; an empty text is Equal.
      return (toleration.operator as string) === '' && (toleration.value ?? '') === (taint.value ?? '');
  }
}

/** The first taint with one of these effects that no toleration covers. */
export function findUntoleratedTaint(
  taints: readonly Taint[],
  tolerations: readonly Toleration[],
  effects: readonly string[],
): Taint | undefined {
  return taints.find(
    (taint) => effects.includes(taint.effect) && !tolerations.some((toleration) => toleratesTaint(toleration, taint)),
  );
}
