// Validation of ObjectMeta on create and update, and of label selectors.
// Follows apimachinery pkg/api/validation/objectmeta.go and pkg/apis/meta/v1/validation of v1.36.

import { equalJson } from './equal.ts';
import { type FieldError, FieldPath, forbiddenField, invalid, required, tooLong } from './errors.ts';
import { byteLength, goStringSlice, isPrintable } from './go-format.ts';
import type { LabelSelectorObject } from './label-selector.ts';
import { labelValueMessages, type NameCheck, nameIsLabel, qualifiedName } from './names.ts';
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from './types.ts';

export const immutableMessage = 'field is immutable';
export const negativeMessage = 'must be greater than or equal to 0';
/** All annotations of an object together, keys and values. */
export const maxAnnotationBytes = 256 * 1024;

const metadata = new FieldPath('metadata');

/** Each message of a name check as an Invalid error of the value. */
export const invalidEach = (path: FieldPath, value: string, messages: readonly string[]): FieldError[] =>
  messages.map((message) => invalid(path, value, message));

export const nonNegative = (path: FieldPath, value: number | undefined): FieldError[] =>
  value !== undefined && value < 0 ? [invalid(path, value, negativeMessage)] : [];

/** `field is immutable` when the values differ; absent, null and empty are the same. */
export const immutableField = (path: FieldPath, value: unknown, old: unknown): FieldError[] =>
  equalJson(value, old) ? [] : [invalid(path, value, immutableMessage)];

export function validateLabels(path: FieldPath, labels: Readonly<Record<string, string>> | undefined): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...invalidEach(path, key, qualifiedName(key)),
    ...invalidEach(path, value, labelValueMessages(value)),
  ]);
}

export function validateAnnotations(
  path: FieldPath,
  annotations: Readonly<Record<string, string>> | undefined,
): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    errors.push(...invalidEach(path, key, qualifiedName(key.toLowerCase())));
    size += byteLength(key) + byteLength(value);
  }
  if (size > maxAnnotationBytes) errors.push(tooLong(path, maxAnnotationBytes));
  return errors;
}

function validateOwner(path: FieldPath, owner: OwnerReference): FieldError[] {
  const errors: FieldError[] = [];
  const parts = owner.apiVersion.split('/');
  const version = parts.length > 2 ? '' : parts.at(-1);
  if (version === '') errors.push(invalid(path.child('apiVersion'), owner.apiVersion, 'version must not be empty'));
  for (const field of ['kind', 'name', 'uid'] as const) {
    if (!owner[field]) errors.push(invalid(path.child(field), owner[field] ?? '', 'must not be empty'));
  }
  if (owner.apiVersion === 'v1' && owner.kind === 'Event') {
    errors.push(invalid(path, owner, '/v1, Kind=Event is disallowed from being an owner'));
  }
  return errors;
}

export function validateOwnerReferences(path: FieldPath, owners: readonly OwnerReference[] | undefined): FieldError[] {
  const errors: FieldError[] = [];
  let controller = '';
  for (const owner of owners ?? []) {
    errors.push(...validateOwner(path, owner));
    if (!owner.controller) continue;
    const name = `${owner.kind}/${owner.name}`;
    if (controller === '') controller = name;
    else {
      const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`;
      errors.push(invalid(path, owners, detail));
    }
  }
  return errors;
}

export function validateFinalizers(path: FieldPath, finalizers: readonly string[] | undefined): FieldError[] {
  const list = finalizers ?? [];
  const errors = list.flatMap((finalizer) => invalidEach(path, finalizer, qualifiedName(finalizer)));
  if (list.includes('orphan') && list.includes('foregroundDeletion')) {
    errors.push(invalid(path, list, 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
  return errors;
}

// Names without a domain are the system's own (pkg/apis/core/validation).
function validateStandardFinalizers(finalizers: readonly string[] | undefined): FieldError[] {
  const standard = ['kubernetes', 'orphan', 'foregroundDeletion'];
  return (finalizers ?? []).flatMap((finalizer, i) =>
    finalizer.includes('/') || standard.includes(finalizer)
      ? []
      : [
          invalid(
            metadata.child('finalizers').index(i),
            finalizer,
            'name is neither a standard finalizer name nor is it fully qualified',
          ),
        ],
  );
}

function validateManagedFields(path: FieldPath, entries: readonly ManagedFieldsEntry[] | undefined): FieldError[] {
  return (entries ?? []).flatMap((entry, i) => {
    const errors: FieldError[] = [];
    const at = path.index(i);
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') {
      errors.push(invalid(at.child('operation'), entry.operation ?? '', 'must be `Apply` or `Update`'));
    }
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1') {
      errors.push(invalid(at.child('fieldsType'), entry.fieldsType, 'must be `FieldsV1`'));
    }
    errors.push(...validateFieldManager(at.child('manager'), entry.manager ?? ''));
    if (byteLength(entry.subresource ?? '') > 256) errors.push(tooLong(at.child('subresource'), 256));
    return errors;
  });
}

/** The fieldManager of a request: at most 128 bytes, printable. */
export function validateFieldManager(path: FieldPath, manager: string): FieldError[] {
  const errors: FieldError[] = [];
  if (byteLength(manager) > 128) errors.push(tooLong(path, 128));
  let at = 0;
  for (const character of manager) {
    if (!isPrintable(character)) {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
      errors.push(invalid(path, manager, `invalid character U+${code} (at position ${at})`));
    }
    at += byteLength(character);
  }
  return errors;
}

function validateCommon(meta: ObjectMeta): FieldError[] {
  return [
    ...validateLabels(metadata.child('labels'), meta.labels),
    ...validateAnnotations(metadata.child('annotations'), meta.annotations),
    ...validateOwnerReferences(metadata.child('ownerReferences'), meta.ownerReferences),
  ];
}

/** Checks metadata of an object to be created, after its name was generated. */
export const validateObjectMeta = (meta: ObjectMeta, namespaced: boolean, checkName: NameCheck): FieldError[] => [
  ...validateGenericMeta(meta, namespaced, checkName),
  ...validateStandardFinalizers(meta.finalizers),
];

/** The same for kinds that are not Kubernetes' own, whose finalizers need no domain. */
export function validateGenericMeta(meta: ObjectMeta, namespaced: boolean, checkName: NameCheck): FieldError[] {
  const errors: FieldError[] = [];
  const { name = '', generateName = '', namespace = '' } = meta;
  if (generateName)
    errors.push(...invalidEach(metadata.child('generateName'), generateName, checkName(generateName, true)));
  if (name === '') errors.push(required(metadata.child('name'), 'name or generateName is required'));
  else errors.push(...invalidEach(metadata.child('name'), name, checkName(name, false)));
  if (!namespaced && namespace !== '')
    errors.push(forbiddenField(metadata.child('namespace'), 'not allowed on this type'));
  if (namespaced && namespace === '') errors.push(required(metadata.child('namespace')));
  if (namespaced && namespace !== '') {
    errors.push(...invalidEach(metadata.child('namespace'), namespace, nameIsLabel(namespace, false)));
  }
  return [
    ...errors,
    ...nonNegative(metadata.child('generation'), meta.generation),
    ...validateCommon(meta),
    ...validateFinalizers(metadata.child('finalizers'), meta.finalizers),
    ...validateManagedFields(metadata.child('managedFields'), meta.managedFields),
  ];
}

const fixedFields = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;

/** Checks metadata of an update against the stored one. `meta.resourceVersion` must be set by then. */
export const validateObjectMetaUpdate = (meta: ObjectMeta, old: ObjectMeta): FieldError[] => [
  ...validateGenericMetaUpdate(meta, old),
  ...validateStandardFinalizers(meta.finalizers),
];

/** The same for kinds that are not Kubernetes' own. */
export function validateGenericMetaUpdate(meta: ObjectMeta, old: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp) {
    const before = new Set(old.finalizers);
    const added = (meta.finalizers ?? []).filter((finalizer) => !before.has(finalizer));
    if (added.length) {
      const found = goStringSlice([...new Set(added)].sort());
      const detail = `no new finalizers can be added if the object is being deleted, found new finalizers ${found}`;
      errors.push(forbiddenField(metadata.child('finalizers'), detail));
    }
  }
  if (!meta.resourceVersion) {
    errors.push(invalid(metadata.child('resourceVersion'), '', 'must be specified for an update'));
  }
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    errors.push(invalid(metadata.child('generation'), meta.generation ?? 0, 'must not be decremented'));
  }
  for (const field of fixedFields) errors.push(...immutableField(metadata.child(field), meta[field], old[field]));
  return [
    ...errors,
    ...validateCommon(meta),
    ...validateManagedFields(metadata.child('managedFields'), meta.managedFields),
  ];
}

type LabelRequirement = NonNullable<LabelSelectorObject['matchExpressions']>[number];

/** Checks one requirement of a label selector. `anyOperator`: those of newer clients, too; `anyValue`: also values that no label has. */
export function validateLabelRequirement(
  at: FieldPath,
  one: LabelRequirement,
  anyOperator = false,
  anyValue = false,
): FieldError[] {
  const errors: FieldError[] = [];
  const { key, operator, values = [] } = one;
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0)
        errors.push(required(at.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0)
        errors.push(
          forbiddenField(at.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        );
      break;
    default:
      if (!anyOperator) errors.push(invalid(at.child('operator'), operator, 'not a valid selector operator'));
  }
  errors.push(...invalidEach(at.child('key'), key, qualifiedName(key)));
  if (anyValue) return errors;
  values.forEach((value, j) => {
    errors.push(...invalidEach(at.child('values').index(j), value, labelValueMessages(value)));
  });
  return errors;
}

/** Checks a LabelSelector object. `anyValue`: its expressions may have values that no label has. */
export const validateLabelSelector = (
  path: FieldPath,
  selector: LabelSelectorObject | undefined,
  anyValue = false,
): FieldError[] => [
  ...validateLabels(path.child('matchLabels'), selector?.matchLabels),
  ...(selector?.matchExpressions ?? []).flatMap((one, i) =>
    validateLabelRequirement(path.child('matchExpressions').index(i), one, false, anyValue),
  ),
];
