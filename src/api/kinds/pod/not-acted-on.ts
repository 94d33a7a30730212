// The fields of a Pod that are checked and stored but that no component acts on yet: each use gives a warning.
// Whoever makes one work takes its line out.

import type { Pod } from '../../generated/types.ts';

/** Paths as validation prints them; `[*]` stands for every entry of a list. */
export const notActedOn: readonly string[] = [
  'spec.affinity.podAffinity',
  'spec.affinity.podAntiAffinity',
  'spec.topologySpreadConstraints',
  'spec.priorityClassName',
  'spec.runtimeClassName',
  'spec.resourceClaims',
  'spec.schedulingGroup',
  'spec.containers[*].livenessProbe',
  'spec.containers[*].readinessProbe',
  'spec.containers[*].startupProbe',
  'spec.containers[*].lifecycle.postStart',
  'spec.containers[*].lifecycle.preStop',
  'spec.containers[*].resizePolicy',
  'spec.containers[*].volumeDevices',
  'spec.initContainers[*].livenessProbe',
  'spec.initContainers[*].readinessProbe',
  'spec.initContainers[*].startupProbe',
  'spec.initContainers[*].lifecycle.postStart',
  'spec.initContainers[*].lifecycle.preStop',
  'spec.initContainers[*].resizePolicy',
  'spec.initContainers[*].volumeDevices',
  'spec.volumes[*].persistentVolumeClaim',
  'spec.volumes[*].ephemeral',
  'spec.volumes[*].image',
  'spec.volumes[*].csi',
  'spec.volumes[*].nfs',
  'spec.volumes[*].iscsi',
  'spec.volumes[*].fc',
  'spec.volumes[*].flexVolume',
  'spec.volumes[*].gitRepo',
  'spec.volumes[*].gcePersistentDisk',
  'spec.volumes[*].awsElasticBlockStore',
  'spec.volumes[*].azureDisk',
  'spec.volumes[*].azureFile',
  'spec.volumes[*].vsphereVolume',
  'spec.volumes[*].portworxVolume',
  'spec.volumes[*].cinder',
  'spec.volumes[*].cephfs',
  'spec.volumes[*].rbd',
  'spec.volumes[*].glusterfs',
  'spec.volumes[*].quobyte',
  'spec.volumes[*].flocker',
  'spec.volumes[*].scaleIO',
  'spec.volumes[*].storageos',
  'spec.volumes[*].photonPersistentDisk',
  'spec.volumes[*].projected.sources[*].serviceAccountToken',
  'spec.volumes[*].projected.sources[*].clusterTrustBundle',
  'spec.volumes[*].projected.sources[*].podCertificate',
];

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isUsed = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);

/** The places in the value that a pattern names and that hold something. */
function find(value: unknown, steps: readonly string[], path: string): string[] {
  const [step, ...rest] = steps;
  if (step === undefined) return isUsed(value) ? [path] : [];
  const list = step.endsWith('[*]');
  const name = list ? step.slice(0, -3) : step;
  if (!isRecord(value) || !Object.hasOwn(value, name)) return [];
  const member = value[name];
  const at = path ? `${path}.${name}` : name;
  if (!list) return find(member, rest, at);
  return Array.isArray(member) ? member.flatMap((item, i) => find(item, rest, `${at}[${i}]`)) : [];
}

const patterns = notActedOn.map((pattern) => pattern.split('.'));

/** One warning for each such field that the pod uses. */
export const notActedOnWarnings = (pod: Pod): string[] =>
  patterns.flatMap((steps) => find(pod, steps, '')).map((path) => `${path}: accepted but not acted on`);
