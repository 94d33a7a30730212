// How the tables of default roles are written down: a rule is a row of words.

import type { PolicyRule } from '../../api/generated/types.ts';

/** One rule as `[verbs, groups, resources, names?]`, words apart by spaces, or paths as `[verbs, paths]`. */
export type Row =
  | readonly [verbs: string, groups: string, resources: string, names?: string]
  | readonly [verbs: string, paths: string];

export interface DefaultRole {
  name: string;
  /** Of a Role. */
  namespace?: string;
  rules: readonly PolicyRule[];
  labels?: Readonly<Record<string, string>>;
  /** Collects the rules of cluster roles with this label. */
  aggregates?: string;
}

export interface DefaultBinding {
  name: string;
  /** Of a RoleBinding. */
  namespace?: string;
  role: { kind: 'Role' | 'ClusterRole'; name: string };
  subjects: readonly { kind: 'User' | 'Group' | 'ServiceAccount'; name: string; namespace?: string }[];
}

const words = (text: string): string[] => text.split(' ');
/** The core group has no name: a dash stands for it. */
const groupsOf = (text: string): string[] => words(text).map((group) => (group === '-' ? '' : group));

export function rule(row: Row): PolicyRule {
  const [verbs, second, resources, names] = row;
  if (resources === undefined) return { verbs: words(verbs), nonResourceURLs: words(second) };
  return {
    verbs: words(verbs),
    apiGroups: groupsOf(second),
    resources: words(resources),
    ...(names === undefined ? {} : { resourceNames: words(names) }),
  };
}

export const read = 'get list watch';
export const events: Row = ['create patch update', '- events.k8s.io', 'events'];

export const clusterRole = (name: string, rows: readonly Row[], more: Partial<DefaultRole> = {}): DefaultRole => ({
  name,
  rules: rows.map(rule),
  ...more,
});
