// Validation of VolumeAttachments. Follows ValidateVolumeAttachment in pkg/apis/storage/validation/validation.go of v1.36, and
// ValidatePersistentVolumeSpec in pkg/apis/core/validation for volumes that are spelt out in place.

import type {
  CSIPersistentVolumeSource,
  PersistentVolumeSpec,
  SecretReference,
  VolumeAttachment,
  VolumeAttachmentSource,
  VolumeAttachmentStatus,
  VolumeError,
} from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import {
  type FieldError,
  FieldPath,
  forbiddenField,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../../meta/errors.ts';
import { byteLength } from '../../meta/go-format.ts';
import { nameIsSubdomain, rangeMessage } from '../../meta/names.ts';
import {
  immutableMessage,
  invalidEach,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from '../../meta/validate-meta.ts';
import { metaOf } from '../common.ts';
import { internalForm } from '../internal-form.ts';
import { driverNameErrors } from '../pod/validation/remote-volumes.ts';
import { need } from '../pod/validation/shared.ts';

const specPath = new FieldPath('spec');
const statusPath = new FieldPath('status');
const maxMetadataBytes = 256 * 1024;
const maxMessageBytes = 1024;
const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
const notInline = 'may not be specified in the context of inline volumes';

/** The fields of a volume that are not its source. */
const plainFields = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'csi',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
]);

function secretErrors(at: FieldPath, secret: SecretReference | undefined): FieldError[] {
  return secret ? [...need(at.child('name'), secret.name), ...need(at.child('namespace'), secret.namespace)] : [];
}

function csiErrors(at: FieldPath, csi: CSIPersistentVolumeSource): FieldError[] {
  return [
    ...driverNameErrors(at.child('driver'), csi.driver ?? ''),
    ...need(at.child('volumeHandle'), csi.volumeHandle),
    ...secretErrors(at.child('controllerPublishSecretRef'), csi.controllerPublishSecretRef),
    ...secretErrors(at.child('controllerExpandSecretRef'), csi.controllerExpandSecretRef),
    ...secretErrors(at.child('nodePublishSecretRef'), csi.nodePublishSecretRef),
    ...secretErrors(at.child('nodeExpandSecretRef'), csi.nodeExpandSecretRef),
  ];
}

function accessModeErrors(at: FieldPath, modes: readonly string[]): FieldError[] {
  if (modes.length === 0) return [required(at)];
  const errors = modes.flatMap((mode) => (accessModes.includes(mode) ? [] : [notSupported(at, mode, accessModes)]));
  const isMixed = modes.includes('ReadWriteOncePod') && modes.some((mode) => mode !== 'ReadWriteOncePod');
  return isMixed ? [...errors, forbiddenField(at, 'may not use ReadWriteOncePod with other access modes')] : errors;
}

/** A volume that is no object: of CSI, with no more than its source and the ways to use it. */
function inlineErrors(at: FieldPath, spec: PersistentVolumeSpec): FieldError[] {
  const { claimRef, capacity = {}, csi, accessModes: modes = [], nodeAffinity, volumeMode } = spec;
  const forbid = (field: string, isSet: boolean): FieldError[] =>
    isSet ? [forbiddenField(at.child(field), notInline)] : [];
  const { persistentVolumeReclaimPolicy: policy } = spec;
  return [
    ...forbid('claimRef', claimRef !== undefined),
    ...forbid('capacity', Object.keys(capacity).length > 0),
    ...(csi ? [] : [required(at.child('csi'), 'has to be specified in the context of inline volumes')]),
    ...accessModeErrors(at.child('accessModes'), modes),
    ...(policy && policy !== 'Retain'
      ? [
          forbiddenField(
            at.child('persistentVolumeReclaimPolicy'),
            'may only be Retain in the context of inline volumes',
          ),
        ]
      : []),
    ...forbid('nodeAffinity', nodeAffinity !== undefined),
    ...Object.entries(spec).flatMap(([field, value]) =>
      value === undefined || plainFields.has(field)
        ? []
        : [forbiddenField(at.child(field), 'may not specify more than 1 volume type')],
    ),
    ...(csi ? csiErrors(at.child('csi'), csi) : []),
    ...forbid('storageClassName', Boolean(spec.storageClassName)),
    ...(volumeMode === undefined || ['Block', 'Filesystem'].includes(volumeMode)
      ? []
      : [notSupported(at.child('volumeMode'), volumeMode, ['Block', 'Filesystem'])]),
    ...forbid('volumeAttributesClassName', spec.volumeAttributesClassName !== undefined),
  ];
}

function validateSource(source: VolumeAttachmentSource): FieldError[] {
  const at = specPath.child('source');
  const { inlineVolumeSpec: inline, persistentVolumeName: name } = source;
  const exactlyOne = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (inline === undefined && name === undefined) return [required(at, exactlyOne)];
  if (inline !== undefined && name !== undefined) return [forbiddenField(at, exactlyOne)];
  if (inline !== undefined) return inlineErrors(at.child('inlineVolumeSpec'), inline);
  return name === '' ? [required(at.child('persistentVolumeName'), 'must specify non empty persistentVolumeName')] : [];
}

function validateError(at: FieldPath, error: VolumeError | undefined): FieldError[] {
  if (!error) return [];
  const { message = '', errorCode } = error;
  return [
    // Upstream names the greatest size of the metadata.
    ...(byteLength(message) > maxMessageBytes ? [tooLong(at.child('message'), maxMetadataBytes)] : []),
    ...(errorCode !== undefined && errorCode < 0
      ? [invalid(at.child('errorCode'), errorCode, rangeMessage(0, 2_147_483_647))]
      : []),
  ];
}

function validateStatus({
  attachmentMetadata = {},
  attachError,
  detachError,
}: Partial<VolumeAttachmentStatus>): FieldError[] {
  const size = Object.entries(attachmentMetadata).reduce((sum, [k, v]) => sum + byteLength(k) + byteLength(v), 0);
  return [
    ...(size > maxMetadataBytes ? [tooLong(statusPath.child('attachmentMetadata'), maxMetadataBytes)] : []),
    ...validateError(statusPath.child('attachError'), attachError),
    ...validateError(statusPath.child('detachError'), detachError),
  ];
}

export function validateVolumeAttachment(object: VolumeAttachment): FieldError[] {
  const { attacher = '', source = {}, nodeName = '' } = object.spec ?? {};
  return [
    ...validateObjectMeta(metaOf(object), false, nameIsSubdomain),
    ...(attacher === '' ? [required(specPath.child('attacher'))] : []),
    ...validateSource(source),
    ...invalidEach(specPath.child('nodeName'), nodeName, nameIsSubdomain(nodeName, false)),
    ...validateStatus(object.status ?? {}),
  ];
}

/** What only new ones must satisfy as well. */
export function validateVolumeAttachmentCreate(object: VolumeAttachment): FieldError[] {
  const { attacher = '', source } = object.spec ?? {};
  const name = source?.persistentVolumeName;
  return [
    ...validateVolumeAttachment(object),
    ...driverNameErrors(specPath.child('attacher'), attacher),
    ...(name === undefined
      ? []
      : invalidEach(specPath.child('source', 'persistentVolumeName'), name, nameIsSubdomain(name, false))),
  ];
}

export function validateVolumeAttachmentUpdate(object: VolumeAttachment, old: VolumeAttachment): FieldError[] {
  const errors = [...validateObjectMetaUpdate(metaOf(object), metaOf(old)), ...validateVolumeAttachment(object)];
  return equalJson(object.spec, old.spec)
    ? errors
    : [...errors, invalid(specPath, internalForm('VolumeAttachmentSpec', object.spec ?? {}), immutableMessage)];
}
