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

const isZero = (value: unknown): boolean => value === false || value === 0 || value === '';

/** What there is to do with one field. */
interface FieldPlan {
  /** Goes where it holds a zero value; others go only where they are null. */
  readonly droppable: boolean;
  /** The definition of what it holds, or holds many of. */
  readonly struct: string | undefined;
}

const plans = new Map<string, ReadonlyMap<string, FieldPlan> | undefined>();

function structOf({ type, ref, items }: FieldSchema): string | undefined {
  if (type === 'ref') return ref;
  return type === 'array' && items ? structOf(items) : undefined;
}

function makePlan(definition: string): ReadonlyMap<string, FieldPlan> | undefined {
  const schema = loadSchema().definitions[definition];
  if (!schema || pointerTypes.has(definition.slice(definition.lastIndexOf('.') + 1))) return undefined;
  return new Map(
    Object.entries(schema.fields).map(([name, field]) => {
      const droppable = !meaningful.has(name) && !schema.required.includes(name);
      return [name, { droppable, struct: structOf(field) }];
    }),
  );
}

/** Worked out once per definition; undefined where there is nothing to drop. */
function planOf(definition: string): ReadonlyMap<string, FieldPlan> | undefined {
  if (!plans.has(definition)) plans.set(definition, makePlan(definition));
  return plans.get(definition);
}

/** Drops them in place from a value of that definition, or a list of them; members that the type requires stay. */
export function dropZeros(definition: string, value: unknown): void {
  if (Array.isArray(value)) for (const item of value) dropZeros(definition, item);
  const plan = planOf(definition);
  if (plan === undefined || !isRecord(value)) return;
  for (const name of Object.keys(value)) {
    const field = plan.get(name);
    if (field === undefined) continue;
    const member = value[name];
    if (member === null || (field.droppable && isZero(member))) delete value[name];
    else if (field.struct !== undefined) dropZeros(field.struct, member);
  }
}
