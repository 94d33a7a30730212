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
  'spec.securityContext.fsGroupChangePolicy',
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
  'spec.volumes[*].persistentVolumeClaim',
  'spec.volumes[*].ephemeral',
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
  'spec.volumes[*].projected.sources[*].clusterTrustBundle',
  'spec.volumes[*].projected.sources[*].podCertificate',
];

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isUsed = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);

interface Place {
  path: string;
  value: unknown;
}

const stepForm = /^([^[]+)(\[\*\])?$/;

/** The places below the holder that a pattern names. */
function find(holder: unknown, steps: readonly string[], path: string): Place[] {
  const [step = '', ...rest] = steps;
  const [, name = '', each] = stepForm.exec(step) ?? [];
  if (!isRecord(holder) || !Object.hasOwn(holder, name)) return [];
  const value = holder[name];
  const at = path ? `${path}.${name}` : name;
  const on = (child: Place): Place[] => (rest.length === 0 ? [child] : find(child.value, rest, child.path));
  if (each === undefined) return on({ path: at, value });
  return Array.isArray(value) ? value.flatMap((item, i) => on({ path: `${at}[${i}]`, value: item })) : [];
}

const patterns = notActedOn.map((pattern) => pattern.split('.'));

/** One warning for each such field that the pod uses. */
export const notActedOnWarnings = (pod: Pod): string[] =>
  patterns
    .flatMap((steps) => find(pod, steps, '').filter(({ value }) => isUsed(value)))
    .map(({ path }) => `${path}: accepted but not acted on`);
