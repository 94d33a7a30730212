// The fields of a Pod that are checked and stored but that no component acts on yet: each use gives a warning.
// Whoever makes one work takes its line out.

import type { Pod } from '../../generated/types.ts';

/** Paths as validation prints them; `[*]` stands for every entry of a list. */
export const notActedOn: readonly string[] = [
  'spec.affinity.podAffinity',
  'spec.affinity.podAntiAffinity',
  'spec.topologySpreadConstraints',
  'spec.resourceClaims',
  'spec.schedulingGroup',
  'spec.securityContext.seLinuxChangePolicy',
  // The instance's containerd sets no SELinux labels.
  'spec.securityContext.seLinuxOptions',
  'spec.securityContext.windowsOptions',
  'spec.containers[*].securityContext.seLinuxOptions',
  'spec.containers[*].securityContext.windowsOptions',
  'spec.containers[*].volumeDevices',
  'spec.initContainers[*].securityContext.seLinuxOptions',
  'spec.initContainers[*].securityContext.windowsOptions',
  'spec.initContainers[*].volumeDevices',
  'spec.ephemeralContainers[*].securityContext.seLinuxOptions',
  'spec.ephemeralContainers[*].securityContext.windowsOptions',
  'spec.volumes[*].nfs',
  'spec.volumes[*].iscsi',
  'spec.volumes[*].fc',
  'spec.volumes[*].flexVolume',
  'spec.volumes[*].gcePersistentDisk',
  'spec.volumes[*].awsElasticBlockStore',
  'spec.volumes[*].azureDisk',
  'spec.volumes[*].azureFile',
  'spec.volumes[*].vsphereVolume',
  'spec.volumes[*].portworxVolume',
  'spec.volumes[*].cinder',
];

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isUsed = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);

/** A step of a pattern: a field, or every entry of the list in it. */
interface Step {
  readonly name: string;
  readonly each: boolean;
}

/** Warns of each place below the holder that a pattern names, from its step number `from` on, and that is used. */
function warnOf(holder: unknown, steps: readonly Step[], from: number, path: string, warnings: string[]): void {
  const step = steps[from];
  if (step === undefined) {
    if (isUsed(holder)) warnings.push(`${path}: accepted but not acted on`);
    return;
  }
  if (!isRecord(holder) || !Object.hasOwn(holder, step.name)) return;
  const value = holder[step.name];
  const at = path === '' ? step.name : `${path}.${step.name}`;
  if (!step.each) warnOf(value, steps, from + 1, at, warnings);
  else if (Array.isArray(value)) value.forEach((item, i) => warnOf(item, steps, from + 1, `${at}[${i}]`, warnings));
}

const patterns = notActedOn.map((pattern) =>
  pattern.split('.').map((step): Step => ({ name: step.replace('[*]', ''), each: step.endsWith('[*]') })),
);

/** The patterns as a tree of their steps; a leaf is a field that is not acted on. */
interface Branches extends Map<string, Branches> {}

function treeOf(all: readonly (readonly Step[])[]): Branches {
  const root: Branches = new Map();
  for (const steps of all) {
    let at = root;
    for (const { name } of steps) {
      const below = at.get(name) ?? new Map();
      at.set(name, below);
      at = below;
    }
  }
  return root;
}

const tree = treeOf(patterns);

/** Whether the value uses any field that the tree names. Most pods use none, which this sees in one walk. */
function usesAny(value: unknown, below: Branches): boolean {
  if (below.size === 0) return isUsed(value);
  if (Array.isArray(value)) return value.some((item) => usesAny(item, below));
  if (!isRecord(value)) return false;
  for (const name in value) {
    const branch = below.get(name);
    if (branch !== undefined && usesAny(value[name], branch)) return true;
  }
  return false;
}

/** One warning for each such field that the pod uses. */
export function notActedOnWarnings(pod: Pod): string[] {
  const warnings: string[] = [];
  if (!usesAny(pod, tree)) return warnings;
  for (const steps of patterns) warnOf(pod, steps, 0, '', warnings);
  return warnings;
}
