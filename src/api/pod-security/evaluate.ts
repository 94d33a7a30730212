// Holds a pod against a level of the Pod Security Standards. Follows k8s.io/pod-security-admission/policy/registry.go of v1.36.

import type { Pod } from '../generated/types.ts';
import { baselineChecks } from './baseline.ts';
import type { Check, CheckVersion, Finding } from './check.ts';
import type { LevelVersion } from './policy.ts';
import { restrictedChecks } from './restricted.ts';

/** The revision of the check that a policy of that minor version has; undefined where it has none. */
const versionOf = ({ versions }: Check, minor: number): CheckVersion | undefined =>
  versions.findLast(({ since }) => since <= minor);

/** What of the pod breaks the level; nothing when it keeps to it. */
export function evaluatePod(pod: Pod, { level, minor }: LevelVersion): Finding[] {
  const { spec } = pod;
  if (level === 'privileged' || !spec) return [];
  const added = level === 'restricted' ? restrictedChecks.filter((check) => versionOf(check, minor)) : [];
  const overridden = new Set(added.map(({ overrides }) => overrides));
  return [...baselineChecks.filter(({ id }) => !overridden.has(id)), ...added].flatMap(
    (check) => versionOf(check, minor)?.check(spec, pod) ?? [],
  );
}

/** hostPort (container "a" uses hostPort 80), privileged (…) */
export const findingsText = (findings: readonly Finding[]): string =>
  findings.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`)).join(', ');
