// What a check of the Pod Security Standards is, and how findings are worded. Follows k8s.io/pod-security-admission/policy of v1.36.

import type { Container, EphemeralContainer, Pod, PodSpec } from '../generated/types.ts';
import { visitContainers } from '../pod/containers.ts';

/** Why a pod breaks a check, in short, and what of it does. */
export interface Finding {
  reason: string;
  detail: string;
}

/** One revision of a check. */
export interface CheckVersion {
  /** The minor version of policies from which on it counts. */
  since: number;
  check(spec: PodSpec, pod: Pod): Finding | undefined;
}

export interface Check {
  id: string;
  level: 'baseline' | 'restricted';
  /** In ascending order; the newest that a policy's version reaches counts. */
  versions: readonly CheckVersion[];
  /** A baseline check that this one stands for in the restricted policy. */
  overrides?: string;
}

type Revision = [since: CheckVersion['since'], check: CheckVersion['check']];

/** The check of that name, in its revisions. */
export const checkOf = (level: Check['level'], id: string, ...revisions: Revision[]): Check => ({
  id,
  level,
  versions: revisions.map(([since, check]) => ({ since, check })),
});

/** The check where the pod's root is root outside of it, too. */
export const butOwnUsers =
  (check: CheckVersion['check']): CheckVersion['check'] =>
  (spec, pod) =>
    spec.hostUsers === false ? undefined : check(spec, pod);

/** The check but for pods of Windows, to which Linux security means nothing. */
export const butWindows =
  (check: CheckVersion['check']): CheckVersion['check'] =>
  (spec, pod) =>
    spec.os?.name === 'windows' ? undefined : check(spec, pod);

export type AnyContainer = Container | EphemeralContainer;

export const containersOf = (spec: PodSpec): AnyContainer[] =>
  [...visitContainers(spec)].map(({ container }) => container);

/** "a", "b" */
export const quoted = (items: readonly string[]): string => items.map((item) => `"${item}"`).join(', ');

export const plural = (one: string, many: string, items: { length: number }): string =>
  items.length === 1 ? one : many;

/** containers "a", "b" */
export const containersText = (names: readonly string[]): string =>
  `${plural('container', 'containers', names)} ${quoted(names)}`;

/** Each once, in order. */
export const distinct = (items: readonly string[]): string[] => [...new Set(items)].toSorted();

/** The names of the containers that it is true of. */
export const namesWhere = (spec: PodSpec, isBad: (container: AnyContainer) => boolean): string[] =>
  containersOf(spec)
    .filter(isBad)
    .map(({ name }) => name);

/** Who sets something bad: `pod and container "a"`. */
export const settersText = (pod: boolean, names: readonly string[], more: readonly string[] = []): string =>
  [...(pod ? ['pod'] : []), ...(names.length > 0 ? [containersText(names)] : []), ...more].join(' and ');
