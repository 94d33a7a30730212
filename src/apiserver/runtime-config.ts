// Which kinds are served with a --runtime-config list: API versions and resources turned off by name.
// Follows apiserver pkg/server/options/api_enablement.go and pkg/server/resourceconfig/helpers.go of v1.36.

import { type EnabledGates, parseBool, type SwitchableGate } from '../api/feature-gates.ts';
import type { AnyKind } from '../api/scheme.ts';

/** The groups of v1.36 with their versions, and settings.k8s.io of v1.19 for PodPresets; those not served by default come last. */
const knownVersions: Readonly<Record<string, readonly string[]>> = {
  'admissionregistration.k8s.io': ['v1', 'v1beta1', 'v1alpha1'],
  'apiextensions.k8s.io': ['v1'],
  'apiregistration.k8s.io': ['v1'],
  apps: ['v1'],
  'authentication.k8s.io': ['v1'],
  'authorization.k8s.io': ['v1'],
  autoscaling: ['v1', 'v2'],
  batch: ['v1'],
  'certificates.k8s.io': ['v1', 'v1beta1', 'v1alpha1'],
  'coordination.k8s.io': ['v1', 'v1beta1', 'v1alpha2'],
  'discovery.k8s.io': ['v1'],
  'events.k8s.io': ['v1'],
  'flowcontrol.apiserver.k8s.io': ['v1'],
  'internal.apiserver.k8s.io': ['v1alpha1'],
  'networking.k8s.io': ['v1', 'v1beta1'],
  'node.k8s.io': ['v1'],
  policy: ['v1'],
  'rbac.authorization.k8s.io': ['v1'],
  'resource.k8s.io': ['v1', 'v1beta2', 'v1beta1', 'v1alpha3'],
  'scheduling.k8s.io': ['v1', 'v1alpha2'],
  'settings.k8s.io': ['v1alpha1'],
  'storage.k8s.io': ['v1', 'v1beta1', 'v1alpha1'],
  'storagemigration.k8s.io': ['v1beta1', 'v1alpha1'],
};

/** Keys that stand for many versions. */
const matchers: Readonly<Record<string, RegExp>> = {
  'api/all': /^v/,
  'api/ga': /^v\d+$/,
  'api/beta': /^v\d+beta\d+$/,
  'api/alpha': /^v\d+alpha\d+$/,
};

function valueOf(key: string, text: string): boolean {
  const value = text === '' ? true : parseBool(text);
  if (value !== undefined) return value;
  const why = `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`;
  throw new Error(`invalid value of ${key}: ${text}, err: ${why}`);
}

function parse(list: string): Map<string, boolean> {
  const found = new Map<string, boolean>();
  for (const item of list.split(',').map((one) => one.trim())) {
    if (item === '') continue;
    const [key = '', text = ''] = item.split('=', 2).map((part) => part.trim());
    found.set(key, valueOf(key, text));
  }
  return found;
}

/** Checks one key that names a version or a resource; `wanted` is whether it shall be served. */
function checkKey(key: string, wanted: boolean, kinds: readonly AnyKind[]): void {
  const [group = '', version = '', resource, ...more] = key === 'v1' ? ['', 'v1'] : key.split('/');
  if (version === '' || more.length > 0) throw new Error(`runtime-config invalid key ${key}`);
  if (group === '') {
    if (!wanted) throw new Error('runtime-config v1=false: Peapod itself needs the core API');
    return;
  }
  const versions = knownVersions[group];
  if (versions === undefined) throw new Error(`unknown api groups ${group}`);
  if (!versions.includes(version)) throw new Error(`group version ${group}/${version} that has not been registered`);
  const served = kinds.some(
    (kind) =>
      kind.group === group && kind.version === version && (resource === undefined || kind.resource === resource),
  );
  if (wanted && !served) throw new Error(`runtime-config ${key}: not built into Peapod`);
}

/**
 * The kinds that are served: more exact keys win over less exact ones, and all of `kinds` in versions that are neither alpha
 * nor beta where nothing is said.
 * Throws an Error on a key or value that is unknown, and where something is asked for that is not built.
 */
export function servedKinds(kinds: readonly AnyKind[], list: string): AnyKind[] {
  const settings = parse(list);
  if (settings.size === 1 && settings.get('api/all') === false) throw new Error('invalid key with only api/all=false');
  for (const [key, wanted] of settings) {
    const matcher = matchers[key];
    if (matcher === undefined) checkKey(key, wanted, kinds);
    else if (wanted && !kinds.some(({ version }) => matcher.test(version)))
      throw new Error(`runtime-config ${key}=true: no such API is built into Peapod`);
  }
  const broad = (version: string): boolean | undefined => {
    const exact = ['api/ga', 'api/beta', 'api/alpha'].find((key) => settings.has(key) && matchers[key]?.test(version));
    return settings.get(exact ?? 'api/all');
  };
  return kinds.filter(({ group, version, resource }) => {
    if (group === '') return true;
    const own = settings.get(`${group}/${version}/${resource}`) ?? settings.get(`${group}/${version}`);
    return own ?? broad(version) ?? !/alpha|beta/.test(version);
  });
}

/** Of those kinds, the ones whose feature gate is on, or that need none; `leaveOut` is told of every other one. */
export const gatedKinds = (
  kinds: readonly AnyKind[],
  gates: EnabledGates,
  leaveOut: (kind: AnyKind, gate: SwitchableGate) => void,
): AnyKind[] =>
  kinds.filter((kind) => {
    if (kind.gate === undefined || gates.has(kind.gate)) return true;
    leaveOut(kind, kind.gate);
    return false;
  });
