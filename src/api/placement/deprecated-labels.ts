// Labels of nodes that have other names now, and the warnings of what uses the old ones. Follows pkg/api/node/util.go of v1.36.

import type { LabelSelector } from '../generated/types.ts';
import type { FieldPath } from '../meta/errors.ts';

const deprecated: ReadonlyMap<string, string> = new Map([
  ['beta.kubernetes.io/arch', 'deprecated since v1.14; use "kubernetes.io/arch" instead'],
  ['beta.kubernetes.io/os', 'deprecated since v1.14; use "kubernetes.io/os" instead'],
  ['failure-domain.beta.kubernetes.io/region', 'deprecated since v1.17; use "topology.kubernetes.io/region" instead'],
  ['failure-domain.beta.kubernetes.io/zone', 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
  ['beta.kubernetes.io/instance-type', 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'],
  ['app.kubernetes.io/created-by', 'deprecated since v1.9'],
  ['scheduler.alpha.kubernetes.io/preferAvoidPods', 'deprecated since v1.22; use Taints and Tolerations instead'],
  ['node-role.kubernetes.io/master', 'use "node-role.kubernetes.io/control-plane" instead'],
]);

/** What there is to say of a label of a node; undefined where it is as good as any other. */
export const deprecatedLabel = (key: string): string | undefined => deprecated.get(key);

/** `path: text` where the label is deprecated. */
export function labelWarnings(at: FieldPath, key: string): string[] {
  const text = deprecatedLabel(key);
  return text === undefined ? [] : [`${at.text}: ${text}`];
}

/** The warnings of a selector of nodes. */
export function labelSelectorWarnings(at: FieldPath, selector: LabelSelector | undefined): string[] {
  const { matchExpressions = [], matchLabels = {} } = selector ?? {};
  const ofExpressions = matchExpressions.flatMap(({ key }, i) => {
    const text = deprecatedLabel(key);
    return text === undefined ? [] : [`${at.child('matchExpressions').index(i).child('key').text}: ${key} is ${text}`];
  });
  const labels = at.child('matchLabels');
  return [...ofExpressions, ...Object.keys(matchLabels).flatMap((key) => labelWarnings(labels.child(key), key))];
}
