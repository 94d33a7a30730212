// What a namespace's labels ask of its pods. Follows k8s.io/pod-security-admission/api/helpers.go of v1.36.

import { type FieldError, FieldPath, invalid } from '../meta/errors.ts';

export const levels = ['privileged', 'baseline', 'restricted'] as const;
export type Level = (typeof levels)[number];

/** A level as of a version of Kubernetes. */
export interface LevelVersion {
  level: Level;
  /** The minor version, or infinite for `latest`. */
  minor: number;
}

export const modes = ['enforce', 'audit', 'warn'] as const;
export type Mode = (typeof modes)[number];
export type Policy = Record<Mode, LevelVersion>;

const prefix = 'pod-security.kubernetes.io/';
const labelsPath = new FieldPath('metadata').child('labels');
const latest = Number.POSITIVE_INFINITY;

/** restricted:latest */
export const levelText = ({ level, minor }: LevelVersion): string =>
  `${level}:${minor === latest ? 'latest' : `v1.${minor}`}`;

export const isStricter = (a: Level, b: Level): boolean => levels.indexOf(a) > levels.indexOf(b);
export const sameLevel = (a: LevelVersion, b: LevelVersion): boolean => a.level === b.level && a.minor === b.minor;

function parseVersion(text: string): number | undefined {
  if (text === 'latest') return latest;
  const minor = /^v1\.(0|[1-9][0-9]*)$/.exec(text)?.[1];
  return minor === undefined ? undefined : Number(minor);
}

/** The policy of labels, and what is wrong with them: a bad level is the strictest for what is enforced, none for the rest. */
export function policyOf(labels: Readonly<Record<string, string>> = {}): { policy: Policy; errors: FieldError[] } {
  const errors: FieldError[] = [];
  const read = (mode: Mode): LevelVersion => {
    const [levelLabel, versionLabel] = [prefix + mode, `${prefix}${mode}-version`];
    const [levelValue, versionValue] = [labels[levelLabel], labels[versionLabel]];
    const level = levelValue === undefined ? 'privileged' : levels.find((known) => known === levelValue);
    const minor = versionValue === undefined ? latest : parseVersion(versionValue);
    if (level === undefined)
      errors.push(invalid(labelsPath.key(levelLabel), levelValue, `must be one of ${levels.join(', ')}`));
    if (minor === undefined)
      errors.push(invalid(labelsPath.key(versionLabel), versionValue, 'must be "latest" or "v1.x"'));
    return { level: level ?? (mode === 'enforce' ? 'restricted' : 'privileged'), minor: minor ?? latest };
  };
  return { policy: { enforce: read('enforce'), audit: read('audit'), warn: read('warn') }, errors };
}
