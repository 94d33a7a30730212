// Checks of a PersistentVolume's spec, its own or that of an attachment in place of one.
// Follows ValidatePersistentVolumeSpec in pkg/apis/core/validation/validation.go of v1.36.

import type { PersistentVolumeSpec, VolumeNodeAffinity } from '../../generated/types.ts';
import { type FieldError, type FieldPath, forbiddenField, notSupported, required } from '../../meta/errors.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import { invalidEach } from '../../meta/validate-meta.ts';
import { asGiven } from '../../schema/given-empty.ts';
import { validateNodeSelector } from '../pod/validation/scheduling.ts';
import { oneOf } from '../pod/validation/shared.ts';
import { positiveQuantity, quantityErrors, validateAccessModes, volumeModes } from './checks.ts';
import { validateSources } from './validate-sources.ts';

const reclaimPolicies = ['Delete', 'Recycle', 'Retain'];
const notInline = 'may not be specified in the context of inline volumes';

function capacityErrors(at: FieldPath, spec: PersistentVolumeSpec): FieldError[] {
  const capacity = asGiven(spec, 'capacity');
  const entries = Object.entries(capacity ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const isStorage = entries.length === 1 && capacity?.['storage'] !== undefined;
  return [
    ...(entries.length === 0 ? [required(at)] : []),
    ...(isStorage ? [] : [notSupported(at, capacity && Object.fromEntries(entries), ['storage'])]),
    ...entries.flatMap(([name, text]) => [
      ...quantityErrors(at.key(name), text),
      ...positiveQuantity(at.key(name), text),
    ]),
  ];
}

const affinityErrors = (at: FieldPath, affinity: VolumeNodeAffinity | undefined): FieldError[] => {
  if (!affinity) return [];
  const wanted = affinity.required;
  return wanted
    ? validateNodeSelector(at.child('required'), wanted)
    : [required(at.child('required'), 'must specify required node constraints')];
};

const isRoot = (path: string): boolean => /^\/[./]*$/.test(path);

function recycleErrors(at: FieldPath, { hostPath, persistentVolumeReclaimPolicy }: PersistentVolumeSpec): FieldError[] {
  if (!hostPath || persistentVolumeReclaimPolicy !== 'Recycle' || !isRoot(hostPath.path)) return [];
  return [forbiddenField(at, "may not be 'recycle' for a hostPath mount of '/'")];
}

function attributesClassErrors(
  path: FieldPath,
  { volumeAttributesClassName: name, csi }: PersistentVolumeSpec,
): FieldError[] {
  if (name === undefined) return [];
  const at = path.child('volumeAttributesClassName');
  return [
    ...(name === ''
      ? [required(at, 'an empty string is disallowed')]
      : invalidEach(at, name, nameIsSubdomain(name, false))),
    ...(csi ? [] : [required(path.child('csi'), 'has to be specified when using volumeAttributesClassName')]),
  ];
}

/** Checks the spec of the volume of that name. */
export function validateVolumeSpec(path: FieldPath, spec: PersistentVolumeSpec, name: string): FieldError[] {
  const { accessModes = [], persistentVolumeReclaimPolicy: policy, storageClassName, volumeMode } = spec;
  return [
    ...(accessModes.length === 0 ? [required(path.child('accessModes'))] : []),
    ...validateAccessModes(path.child('accessModes'), accessModes),
    ...capacityErrors(path.child('capacity'), spec),
    ...(policy ? oneOf(path.child('persistentVolumeReclaimPolicy'), policy, reclaimPolicies) : []),
    ...affinityErrors(path.child('nodeAffinity'), spec.nodeAffinity),
    ...validateSources(path, spec, name),
    ...recycleErrors(path.child('persistentVolumeReclaimPolicy'), spec),
    ...(storageClassName
      ? invalidEach(path.child('storageClassName'), storageClassName, nameIsSubdomain(storageClassName, false))
      : []),
    ...(volumeMode === undefined ? [] : oneOf(path.child('volumeMode'), volumeMode, volumeModes)),
    ...attributesClassErrors(path, spec),
  ];
}

/** Checks a volume that is no object: of CSI, with no more than its source and the ways to use it. */
export function validateInlineSpec(path: FieldPath, spec: PersistentVolumeSpec): FieldError[] {
  const { accessModes = [], persistentVolumeReclaimPolicy: policy, volumeMode, storageClassName } = spec;
  const forbid = (field: string, isSet: boolean, why = notInline): FieldError[] =>
    isSet ? [forbiddenField(path.child(field), why)] : [];
  return [
    ...forbid('claimRef', spec.claimRef !== undefined),
    ...forbid('capacity', Object.keys(spec.capacity ?? {}).length > 0),
    ...(spec.csi ? [] : [required(path.child('csi'), 'has to be specified in the context of inline volumes')]),
    ...(accessModes.length === 0 ? [required(path.child('accessModes'))] : []),
    ...validateAccessModes(path.child('accessModes'), accessModes),
    ...forbid(
      'persistentVolumeReclaimPolicy',
      Boolean(policy) && policy !== 'Retain',
      'may only be Retain in the context of inline volumes',
    ),
    ...forbid('nodeAffinity', spec.nodeAffinity !== undefined),
    ...validateSources(path, spec, ''),
    ...recycleErrors(path.child('persistentVolumeReclaimPolicy'), spec),
    ...forbid('storageClassName', Boolean(storageClassName)),
    ...forbid(
      'volumeMode',
      volumeMode !== undefined && volumeMode !== 'Filesystem',
      'may not specify volumeMode other than Filesystem in the context of inline volumes',
    ),
    ...attributesClassErrors(path, spec),
  ];
}
