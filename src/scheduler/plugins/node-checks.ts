// The filters that look at the node alone: its name, its unschedulable mark, its taints, its labels.

import { matchesNodePlacement, matchesNodeSelectorTerm } from '../../api/placement/node-selector.ts';
import { findUntoleratedTaint, toleratesTaint } from '../../api/placement/taints.ts';
import type { NodeSelectorTerm, PreferredSchedulingTerm, Taint, Toleration } from '../../api/generated/types.ts';
import { type ClusterEvent, maxNodeScore, type NodeAspect, type Plugin } from '../framework.ts';

/** True for a new node, and for one that changed in one of these. */
const nodeChanged = (event: ClusterEvent, ...aspects: NodeAspect[]): boolean =>
  event.type === 'node-added' || (event.type === 'node-updated' && aspects.some((aspect) => event.changed.has(aspect)));

const eventNode = (event: ClusterEvent) =>
  event.type === 'node-added' || event.type === 'node-updated' ? event.node : undefined;

/** Follows plugins/nodename. */
export const nodeName: Plugin = {
  name: 'NodeName',
  nodeLocal: true,
  queueingHint: (pod, event) => event.type === 'node-added' && event.node.metadata?.name === pod.nodeName,
  filter: (pod, node) =>
    pod.nodeName === '' || pod.nodeName === node.name
      ? undefined
      : { reasons: ["node(s) didn't match the requested node name"], unresolvable: true },
};

const unschedulableTaint: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** Follows plugins/nodeunschedulable. */
export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  nodeLocal: true,
  queueingHint: (_pod, event) =>
    event.type === 'pod-updated' ||
    (nodeChanged(event, 'unschedulable', 'taints') && eventNode(event)?.spec?.unschedulable !== true),
  filter(pod, node) {
    if (node.node.spec?.unschedulable !== true) return undefined;
    const tolerated = pod.pod.spec?.tolerations?.some((toleration) => toleratesTaint(toleration, unschedulableTaint));
    return tolerated ? undefined : { reasons: ['node(s) were unschedulable'], unresolvable: true };
  },
};

const hardEffects = ['NoSchedule', 'NoExecute'];

/** Follows plugins/tainttoleration. */
export const taintToleration: Plugin<unknown, readonly Toleration[]> = {
  name: 'TaintToleration',
  nodeLocal: true,
  queueingHint(pod, event) {
    if (event.type === 'pod-updated') return true;
    const node = nodeChanged(event, 'taints') ? eventNode(event) : undefined;
    return (
      node !== undefined && !findUntoleratedTaint(node.spec?.taints ?? [], pod.pod.spec?.tolerations ?? [], hardEffects)
    );
  },
  filter: (pod, node) =>
    findUntoleratedTaint(node.taints, pod.pod.spec?.tolerations ?? [], hardEffects)
      ? { reasons: ['node(s) had untolerated taint(s)'], unresolvable: true }
      : undefined,
  preScore: (pod) => ({
    kind: 'proceed',
    state: (pod.pod.spec?.tolerations ?? []).filter(({ effect }) => !effect || effect === 'PreferNoSchedule'),
  }),
  score: (_pod, node, tolerations) =>
    node.taints.filter(
      (taint) =>
        taint.effect === 'PreferNoSchedule' && !tolerations.some((toleration) => toleratesTaint(toleration, taint)),
    ).length,
  // Fewer is better.
  normalize: (count, most) => (most === 0 ? maxNodeScore : maxNodeScore - Math.trunc((count * maxNodeScore) / most)),
};

/** Names of nodes that a term's matchFields allow; undefined when it does not name any. */
function namesOf(term: NodeSelectorTerm): ReadonlySet<string> | undefined {
  const lists = (term.matchFields ?? [])
    .filter(({ key, operator }) => key === 'metadata.name' && operator === 'In')
    .map(({ values }) => new Set(values));
  return lists.length === 0
    ? undefined
    : lists.reduce((all, names) => new Set([...all].filter((name) => names.has(name))));
}

/** Follows plugins/nodeaffinity: nodeSelector, required and preferred node affinity. */
export const nodeAffinity: Plugin<undefined, readonly PreferredSchedulingTerm[]> = {
  name: 'NodeAffinity',
  nodeLocal: true,
  queueingHint(pod, event) {
    if (event.type === 'pod-updated') return true;
    const node = nodeChanged(event, 'labels') ? eventNode(event) : undefined;
    return node !== undefined && matchesNodePlacement(pod.pod.spec ?? { containers: [] }, node);
  },
  preFilter(pod) {
    const required = pod.pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    if (!required && Object.keys(pod.pod.spec?.nodeSelector ?? {}).length === 0) return { kind: 'skip' };
    if (!required || required.nodeSelectorTerms.length === 0) return { kind: 'proceed', state: undefined };
    const nodes = new Set<string>();
    for (const term of required.nodeSelectorTerms) {
      const names = namesOf(term);
      // Terms are alternatives: one that names no node leaves every node open.
      if (!names) return { kind: 'proceed', state: undefined };
      for (const name of names) nodes.add(name);
    }
    if (nodes.size === 0) {
      return { kind: 'reject', rejection: { reasons: ['pod affinity terms conflict'], unresolvable: true } };
    }
    return { kind: 'proceed', state: undefined, nodes };
  },
  filter: (pod, node) =>
    matchesNodePlacement(pod.pod.spec ?? { containers: [] }, node.node)
      ? undefined
      : { reasons: ["node(s) didn't match Pod's node affinity/selector"], unresolvable: true },
  preScore(pod) {
    const preferred = pod.pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    return preferred.length === 0 ? { kind: 'skip' } : { kind: 'proceed', state: preferred };
  },
  score: (_pod, node, preferred) =>
    preferred.reduce(
      // Unlike a required one, an empty preferred term matches every node.
      (sum, { preference, weight }) =>
        sum + (isEmpty(preference) || matchesNodeSelectorTerm(node.node, preference) ? weight : 0),
      0,
    ),
  normalize: (sum, most) => (most === 0 ? sum : Math.trunc((sum * maxNodeScore) / most)),
};

const isEmpty = (term: NodeSelectorTerm): boolean =>
  (term.matchExpressions ?? []).length === 0 && (term.matchFields ?? []).length === 0;
