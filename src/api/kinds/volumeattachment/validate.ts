// Validation of VolumeAttachments. Follows ValidateVolumeAttachment in pkg/apis/storage/validation/validation.go of v1.36.

import type {
  VolumeAttachment,
  VolumeAttachmentSource,
  VolumeAttachmentStatus,
  VolumeError,
} from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, FieldPath, forbiddenField, invalid, required, tooLong } from '../../meta/errors.ts';
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
import { validateInlineSpec } from '../persistentvolume/validate-spec.ts';
import { driverNameErrors } from '../pod/validation/remote-volumes.ts';

const specPath = new FieldPath('spec');
const statusPath = new FieldPath('status');
const maxMetadataBytes = 256 * 1024;
const maxMessageBytes = 1024;

function validateSource(source: VolumeAttachmentSource): FieldError[] {
  const at = specPath.child('source');
  const { inlineVolumeSpec: inline, persistentVolumeName: name } = source;
  const exactlyOne = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (inline === undefined && name === undefined) return [required(at, exactlyOne)];
  if (inline !== undefined && name !== undefined) return [forbiddenField(at, exactlyOne)];
  if (inline !== undefined) return validateInlineSpec(at.child('inlineVolumeSpec'), inline);
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
    ...(attacher === '' ? [] : driverNameErrors(specPath.child('attacher'), attacher)),
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
