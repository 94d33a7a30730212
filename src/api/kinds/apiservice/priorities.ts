// In which order groups and versions are shown to clients: facts of what is built in, and the order itself.
// Follows cmd/kube-apiserver/app/aggregator.go, pkg/controlplane/apiserver/aggregator.go and
// kube-aggregator pkg/apis/apiregistration/v1/helper of v1.36. Pure.

import { compareVersions } from '../../custom/version-priority.ts';

/** As groupPriorityMinimum and versionPriority have it: the higher comes first. */
export interface Priority {
  group: number;
  version: number;
}

/** Of groups defined by CustomResourceDefinitions. */
export const customPriority: Priority = { group: 1000, version: 100 };

/** The aggregator's own group has no APIService and comes before all others. */
const aggregatorGroup = 'apiregistration.k8s.io';

/** Groups that are built in, by falling priority. */
const groups: readonly (readonly [string, number])[] = [
  ['', 18_000],
  ['apps', 17_800],
  ['events.k8s.io', 17_750],
  ['authentication.k8s.io', 17_700],
  ['authorization.k8s.io', 17_600],
  ['autoscaling', 17_500],
  ['batch', 17_400],
  ['certificates.k8s.io', 17_300],
  ['networking.k8s.io', 17_200],
  ['policy', 17_100],
  ['rbac.authorization.k8s.io', 17_000],
  // Of v1.19.
  ['settings.k8s.io', 16_900],
  ['storage.k8s.io', 16_800],
  ['admissionregistration.k8s.io', 16_700],
  ['apiextensions.k8s.io', 16_700],
  ['scheduling.k8s.io', 16_600],
  ['coordination.k8s.io', 16_500],
  ['node.k8s.io', 16_300],
  ['discovery.k8s.io', 16_200],
  ['resource.k8s.io', 16_200],
  ['flowcontrol.apiserver.k8s.io', 16_100],
  ['internal.apiserver.k8s.io', 16_000],
  ['storagemigration.k8s.io', 15_800],
];
const groupPriorities = new Map(groups);

/** Versions whose priority is not that of their kind. */
const versionPriorities: Readonly<Record<string, number>> = {
  '/v1': 1,
  'autoscaling/v2': 30,
  'admissionregistration.k8s.io/v1beta1': 12,
  'admissionregistration.k8s.io/v1alpha1': 9,
  'coordination.k8s.io/v1beta1': 13,
  'coordination.k8s.io/v1alpha2': 12,
  'flowcontrol.apiserver.k8s.io/v1': 21,
  'internal.apiserver.k8s.io/v1alpha1': 9,
  'settings.k8s.io/v1alpha1': 9,
  'resource.k8s.io/v1': 20,
  'resource.k8s.io/v1beta2': 15,
  'resource.k8s.io/v1alpha3': 1,
};

function versionPriority(group: string, version: string): number {
  const own = versionPriorities[`${group}/${version}`];
  if (own !== undefined) return own;
  if (/^v\d+$/.test(version)) return 15;
  return version.includes('beta') ? 9 : 1;
}

/** Of a group version that is built in; undefined for others, and for the aggregator's own. */
export function builtInPriority(group: string, version: string): Priority | undefined {
  const ofGroup = groupPriorities.get(group);
  return ofGroup === undefined ? undefined : { group: ofGroup, version: versionPriority(group, version) };
}

/** A group version in the order of discovery. */
export interface Ranked {
  group: string;
  version: string;
  priority: Priority;
}

/** The versions of each group, groups and versions in the order in which clients prefer them. */
export function inOrder<T extends Ranked>(all: readonly T[]): Map<string, T[]> {
  const byGroup = new Map<string, T[]>();
  for (const one of all) byGroup.set(one.group, [...(byGroup.get(one.group) ?? []), one]);
  for (const versions of byGroup.values())
    versions.sort((a, b) => b.priority.version - a.priority.version || compareVersions(a.version, b.version));
  const highest = (versions: readonly T[]): number => Math.max(...versions.map(({ priority }) => priority.group));
  const first = (group: string): number => (group === '' ? 2 : group === aggregatorGroup ? 1 : 0);
  return new Map(
    [...byGroup].sort(
      ([a, x], [b, y]) => first(b) - first(a) || highest(y) - highest(x) || (a < b ? -1 : a === b ? 0 : 1),
    ),
  );
}
