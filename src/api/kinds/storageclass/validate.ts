// Validation of StorageClasses, and what classes of volumes' attributes share with them.
// Follows pkg/apis/storage/validation/validation.go of v1.36.

import type { StorageClass, TopologySelectorTerm } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import {
  duplicate,
  type FieldError,
  FieldPath,
  forbiddenField,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../../meta/errors.ts';
import { byteLength } from '../../meta/go-format.ts';
import { nameIsSubdomain, qualifiedName } from '../../meta/names.ts';
import { immutableField, invalidEach, validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import { metaOf } from '../common.ts';

const at = (field: string): FieldPath => new FieldPath(field);
const maxParameters = 512;
const maxParameterBytes = 256 * 1024;
const reclaimPolicies = ['Delete', 'Retain'];
const bindingModes = ['Immediate', 'WaitForFirstConsumer'];

/** The name of a provisioner or driver: a qualified name, whatever the case. */
export const validateProvisioner = (path: FieldPath, name = ''): FieldError[] =>
  name === '' ? [required(path)] : invalidEach(path, name.toLowerCase(), qualifiedName(name.toLowerCase()));

/** The parameters of a class: not too many and not too long; `needed` where there must be one. */
export function validateParameters(parameters: Readonly<Record<string, string>> = {}, needed = false): FieldError[] {
  const path = at('parameters');
  const entries = Object.entries(parameters);
  if (entries.length > maxParameters) return [tooLong(path, maxParameters)];
  const errors = entries.flatMap(([key]) => (key === '' ? [invalid(path, key, 'field can not be empty.')] : []));
  const size = entries.reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  if (size > maxParameterBytes) errors.push(tooLong(path, maxParameterBytes));
  if (needed && entries.length === 0) errors.push(required(path, 'must contain at least one key/value pair'));
  return errors;
}

/** `updates to X are forbidden.` where the values differ. */
export const noUpdate = (field: string, value: unknown, old: unknown): FieldError[] =>
  equalJson(value, old) ? [] : [forbiddenField(at(field), `updates to ${field} are forbidden.`)];

type Values = ReadonlyMap<string, readonly string[]>;

/** Checks one term, and gives the values of each of its keys, sorted. */
function validateTerm(path: FieldPath, term: TopologySelectorTerm): { errors: FieldError[]; values: Values } {
  const values = new Map<string, readonly string[]>();
  const errors = (term.matchLabelExpressions ?? []).flatMap(({ key = '', values: list = [] }, i) => {
    const here = path.child('matchLabelExpressions').index(i);
    const repeated = list.flatMap((value, j) =>
      list.indexOf(value) < j ? [duplicate(here.child('values').index(j), value)] : [],
    );
    const again = values.has(key) ? [duplicate(here.child('key'), key)] : [];
    values.set(key, [...new Set(list)].toSorted());
    return [
      ...(list.length === 0 ? [required(here.child('values'))] : []),
      ...repeated,
      ...invalidEach(here.child('key'), key, qualifiedName(key)),
      ...again,
    ];
  });
  return { errors, values };
}

const sameValues = (a: Values, b: Values): boolean => equalJson(Object.fromEntries(a), Object.fromEntries(b));

/** No two terms may say the same, and none may say nothing. */
function validateTopologies(terms: readonly TopologySelectorTerm[]): FieldError[] {
  const seen: Values[] = [new Map()];
  return terms.flatMap((term, i) => {
    const path = at('allowedTopologies').index(i);
    const { errors, values } = validateTerm(path, term);
    if (seen.some((other) => sameValues(values, other)))
      errors.push(duplicate(path.child('matchLabelExpressions'), ''));
    seen.push(values);
    return errors;
  });
}

export function validateStorageClass(object: StorageClass): FieldError[] {
  const { provisioner, parameters, reclaimPolicy, volumeBindingMode, allowedTopologies = [] } = object;
  const errors = [
    ...validateObjectMeta(metaOf(object), false, nameIsSubdomain),
    ...validateProvisioner(at('provisioner'), provisioner),
    ...validateParameters(parameters),
  ];
  if (reclaimPolicy && !reclaimPolicies.includes(reclaimPolicy))
    errors.push(notSupported(at('reclaimPolicy'), reclaimPolicy, reclaimPolicies));
  if (volumeBindingMode === undefined || !bindingModes.includes(volumeBindingMode))
    errors.push(notSupported(at('volumeBindingMode'), volumeBindingMode ?? '', bindingModes));
  return [...errors, ...validateTopologies(allowedTopologies)];
}

export const validateStorageClassUpdate = (object: StorageClass, old: StorageClass): FieldError[] => [
  ...validateObjectMetaUpdate(metaOf(object), metaOf(old)),
  ...validateStorageClass(object),
  ...immutableField(at('parameters'), object.parameters, old.parameters),
  ...immutableField(at('provisioner'), object.provisioner, old.provisioner),
  ...immutableField(at('reclaimPolicy'), object.reclaimPolicy, old.reclaimPolicy),
  ...immutableField(at('volumeBindingMode'), object.volumeBindingMode, old.volumeBindingMode),
];
