// Checks of PersistentVolumeClaims, new, changed, and their status. Follows pkg/apis/core/validation/validation.go of v1.36.

import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, FieldPath, forbiddenField, invalid, notSupported, required } from '../../meta/errors.ts';
import { nameIsSubdomain, qualifiedName } from '../../meta/names.ts';
import { compareQuantity, parseQuantity } from '../../meta/quantity.ts';
import {
  immutableField,
  immutableMessage,
  invalidEach,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from '../../meta/validate-meta.ts';
import { classAnnotation } from '../../storage/storage-class-of.ts';
import { cloneAsGiven } from '../../schema/given-empty.ts';
import { metaOf } from '../common.ts';
import { internalText } from '../internal-form.ts';
import { quantityErrors } from '../persistentvolume/checks.ts';
import { unifiedDiff } from '../pod/unified-diff.ts';
import { isNative } from '../pod/validation/resources.ts';
import { validateClaimSpec } from './validate-spec.ts';

const path = new FieldPath('spec');
const storagePath = path.child('resources', 'requests', 'storage');
const attributesPath = path.child('volumeAttributesClassName');

export const validateClaim = (claim: PersistentVolumeClaim): FieldError[] => [
  ...validateObjectMeta(metaOf(claim), true, nameIsSubdomain),
  ...validateClaimSpec(path, claim.spec),
];

const annotated = (claim: PersistentVolumeClaim): string | undefined => claim.metadata?.annotations?.[classAnnotation];

/** The class was named in the annotation, and is now named, the same, by the field. */
function movesClassToField(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean {
  const [before, after] = [annotated(old), annotated(claim)];
  if (before === undefined || old.spec?.storageClassName !== undefined) return false;
  return claim.spec?.storageClassName === before && (after === undefined || after === before);
}

/** A claim that said nothing of its class may be given one. */
function getsClass(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean {
  const name = claim.spec?.storageClassName;
  if (name === undefined || old.spec?.storageClassName !== undefined) return false;
  const before = annotated(old);
  return before === undefined || before === name;
}

/** The new spec with the fields put back that may change. */
function restored(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): PersistentVolumeClaimSpec {
  const spec: PersistentVolumeClaimSpec = cloneAsGiven(claim.spec ?? {});
  const before = old.spec ?? {};
  if (movesClassToField(claim, old)) delete spec.storageClassName;
  else if (getsClass(claim, old)) delete spec.storageClassName;
  if (claim.status?.phase !== 'Bound') return spec;
  const size = before.resources?.requests?.['storage'];
  if (spec.resources?.requests && size !== undefined) spec.resources.requests['storage'] = size;
  if (before.volumeAttributesClassName === undefined) delete spec.volumeAttributesClassName;
  else spec.volumeAttributesClassName = before.volumeAttributesClassName;
  return spec;
}

function fixedErrors(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const before: PersistentVolumeClaimSpec = { ...old.spec };
  // The binder names the volume, once.
  if (!before.volumeName && claim.spec?.volumeName) before.volumeName = claim.spec.volumeName;
  const after = restored(claim, old);
  if (equalJson(before, after)) return [];
  const difference = unifiedDiff(
    internalText('PersistentVolumeClaimSpec', before),
    internalText('PersistentVolumeClaimSpec', after),
  );
  const fixed =
    'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
  return [forbiddenField(path, `${fixed}\n${difference}`)];
}

const sizeOf = (list: Readonly<Record<string, string>> | undefined) => parseQuantity(list?.['storage'] ?? '0');

/** It may become smaller while it is being grown, but not below what it has. */
function sizeErrors(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const size = sizeOf(claim.spec?.resources?.requests);
  const shrinks = compareQuantity(size, sizeOf(old.spec?.resources?.requests)) < 0;
  const isBelow = compareQuantity(size, sizeOf(old.status?.capacity)) <= 0;
  return shrinks && isBelow ? [forbiddenField(storagePath, 'field can not be less than status.capacity')] : [];
}

/** A class of attributes that was applied may be exchanged, not taken away. */
function attributesClassErrors(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const [name, before] = [claim.spec?.volumeAttributesClassName, old.spec?.volumeAttributesClassName];
  if (name === before || name || old.status?.currentVolumeAttributesClassName === undefined) return [];
  const to = name === undefined ? 'nil' : 'empty string';
  const applied = `update to ${to} is forbidden when status.currentVolumeAttributesClassName is not nil`;
  return [forbiddenField(attributesPath, applied)];
}

function annotationErrors(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  if (movesClassToField(claim, old)) return [];
  const name = annotated(claim) ?? '';
  if (name === (annotated(old) ?? '')) return [];
  return [invalid(new FieldPath('metadata').child('annotations', classAnnotation), name, immutableMessage)];
}

export const validateClaimUpdate = (claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] => [
  ...validateObjectMetaUpdate(metaOf(claim), metaOf(old)),
  ...validateClaim(claim),
  ...annotationErrors(claim, old),
  ...fixedErrors(claim, old),
  ...sizeErrors(claim, old),
  ...immutableField(new FieldPath('volumeMode'), claim.spec?.volumeMode, old.spec?.volumeMode),
  ...attributesClassErrors(claim, old),
];

const resizeStates = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizePending',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
].toSorted();

function resourceErrors(at: FieldPath, name: string): FieldError[] {
  const errors = invalidEach(at, name, qualifiedName(name));
  if (errors.length > 0) return errors;
  return isNative(name) && name !== 'storage' ? [notSupported(at, name, ['storage'])] : [];
}

export function validateClaimStatusUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const { capacity = {}, allocatedResources = {}, allocatedResourceStatuses = {} } = claim.status ?? {};
  const at = new FieldPath('status');
  const states = at.child('allocatedResourceStatuses');
  const allocated = at.child('allocatedResources');
  return [
    ...validateObjectMetaUpdate(metaOf(claim), metaOf(old)),
    ...(claim.metadata?.resourceVersion ? [] : [required(new FieldPath('resourceVersion'))]),
    ...(claim.spec?.accessModes?.length ? [] : [required(new FieldPath('Spec').child('accessModes'))]),
    ...Object.entries(capacity).flatMap(([name, text]) => quantityErrors(at.child('capacity').key(name), text)),
    ...Object.entries(allocatedResourceStatuses).flatMap(([name, state]) => [
      ...resourceErrors(states, name),
      ...(resizeStates.includes(state) ? [] : [notSupported(states, name, resizeStates)]),
    ]),
    ...Object.entries(allocatedResources).flatMap(([name, text]) => {
      const errors = resourceErrors(allocated, name);
      return errors.length > 0 ? errors : quantityErrors(allocated.key(name), text);
    }),
  ];
}
