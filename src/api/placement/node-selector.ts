// Whether a node matches a pod's nodeSelector and node affinity; shared by scheduler, kubelet and DaemonSet controller.

import type { Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec } from '../generated/types.ts';

type Labels = Readonly<Record<string, string>>;

/** Only plain decimal integers count for Gt and Lt, as Go's ParseInt takes them. */
const integer = /^[+-]?\d+$/;

/** Gt and Lt compare as 64-bit integers; anything else does not match. */
function compareIntegers(left: string, right: string): number | undefined {
  if (!integer.test(left) || !integer.test(right)) return undefined;
  const difference = BigInt(left) - BigInt(right);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** One requirement against one set of labels. Follows apimachinery pkg/labels Requirement.Matches. */
export function matchesRequirement(labels: Labels, requirement: NodeSelectorRequirement): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      const [bound] = values;
      if (value === undefined || bound === undefined) return false;
      const order = compareIntegers(value, bound);
      return order === (requirement.operator === 'Gt' ? 1 : -1);
    }
    default:
      // The API refuses every other operator; an unknown one matches nothing.
      return false;
  }
}

/** A term matches when all its parts do; an empty term matches no node. */
export function matchesNodeSelectorTerm(node: Node, term: NodeSelectorTerm): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  const labels = node.metadata?.labels ?? {};
  const fieldValues: Labels = { 'metadata.name': node.metadata?.name ?? '' };
  return (
    expressions.every((requirement) => matchesRequirement(labels, requirement)) &&
    fields.every((requirement) => matchesRequirement(fieldValues, requirement))
  );
}

/** Terms are alternatives; no term at all matches no node. Follows component-helpers scheduling/corev1/nodeaffinity. */
export function matchesNodeSelector(node: Node, selector: NodeSelector): boolean {
  return selector.nodeSelectorTerms.some((term) => matchesNodeSelectorTerm(node, term));
}

/** nodeSelector and required node affinity together: whether the pod may be on the node. */
export function matchesNodePlacement(spec: PodSpec, node: Node): boolean {
  const labels = node.metadata?.labels ?? {};
  for (const [key, value] of Object.entries(spec.nodeSelector ?? {})) {
    if (!Object.hasOwn(labels, key) || labels[key] !== value) return false;
  }
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || matchesNodeSelector(node, required);
}
