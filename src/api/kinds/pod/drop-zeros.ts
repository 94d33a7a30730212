// Drops members of a PodSpec that hold a zero value which means the same as none, as upstream's types do when they are written.

import { loadSchema } from '../../schema/load.ts';
import type { FieldSchema } from '../../schema/schema.ts';

// Here false, 0 and "" are values of their own.
const meaningful = new Set([
  'activeDeadlineSeconds',
  'allowPrivilegeEscalation',
  'automountServiceAccountToken',
  'defaultMode',
  'enableServiceLinks',
  'expirationSeconds',
  'fsGroup',
  'fsType',
  'hostProcess',
  'hostUsers',
  'hostnameOverride',
  'lun',
  'minDomains',
  'mode',
  'optional',
  'partition',
  'priority',
  'privileged',
  'readOnlyRootFilesystem',
  'runAsGroup',
  'runAsNonRoot',
  'runAsUser',
  'runAsUserName',
  'runtimeClassName',
  'service',
  'setHostnameAsFQDN',
  'shareProcessNamespace',
  'storageClassName',
  'terminationGracePeriodSeconds',
  'tolerationSeconds',
  'type',
  'volumeMode',
]);

// Types whose members are all pointers upstream.
const pointerTypes = new Set([
  'PodDNSConfigOption',
  'AzureDiskVolumeSource',
  'ClusterTrustBundleProjection',
  'WindowsSecurityContextOptions',
]);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isZero = (value: unknown): boolean => value === false || value === 0 || value === '' || value === null;

function dropMember(schema: FieldSchema, value: unknown): void {
  if (schema.type === 'ref' && schema.ref !== undefined) dropZeros(schema.ref, value);
  else if (schema.type === 'array' && schema.items && Array.isArray(value)) {
    for (const item of value) dropMember(schema.items, item);
  }
}

/** Drops them in place from a value of that definition; members that the type requires stay. */
export function dropZeros(definition: string, value: unknown): void {
  const schema = loadSchema().definitions[definition];
  if (!schema || !isRecord(value) || pointerTypes.has(definition.slice(definition.lastIndexOf('.') + 1))) return;
  for (const [name, member] of Object.entries(value)) {
    const field = schema.fields[name];
    if (!field) continue;
    const droppable = member === null || !(meaningful.has(name) || schema.required.includes(name));
    if (isZero(member) && droppable) delete value[name];
    else dropMember(field, member);
  }
}
