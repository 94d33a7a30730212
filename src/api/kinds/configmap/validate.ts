// Validation of ConfigMaps. Follows ValidateConfigMap in pkg/apis/core/validation/validation.go of v1.36.

import type { ConfigMap } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, FieldPath, forbiddenField, invalid, noPath, tooLong } from '../../meta/errors.ts';
import { byteLength } from '../../meta/go-format.ts';
import { configMapKey } from '../../meta/names.ts';
import { invalidEach } from '../../meta/validate-meta.ts';

/** The most that a ConfigMap's or Secret's values may hold together. */
export const maxDataBytes = 1024 * 1024;

/** The number of bytes that a base64 text stands for. */
export const decodedLength = (base64: string): number =>
  Math.floor((base64.length * 3) / 4) - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);

export function validateConfigMap(configMap: ConfigMap): FieldError[] {
  const { data = {}, binaryData = {} } = configMap;
  const errors: FieldError[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(data)) {
    const path = new FieldPath('data').key(key);
    errors.push(...invalidEach(path, key, configMapKey(key)));
    if (Object.hasOwn(binaryData, key)) errors.push(invalid(path, key, 'duplicate of key present in binaryData'));
    size += byteLength(value);
  }
  for (const [key, value] of Object.entries(binaryData)) {
    errors.push(...invalidEach(new FieldPath('binaryData').key(key), key, configMapKey(key)));
    size += decodedLength(value);
  }
  if (size > maxDataBytes) errors.push(tooLong(noPath, maxDataBytes));
  return errors;
}

const frozen = 'field is immutable when `immutable` is set';

/** An immutable one stays immutable, with the same data. Shared with Secrets. */
export function frozenFieldErrors<T extends { immutable?: boolean }>(
  object: T,
  old: T,
  fields: readonly (keyof T & string)[],
): FieldError[] {
  if (!old.immutable) return [];
  const errors: FieldError[] = [];
  if (!object.immutable) errors.push(forbiddenField(new FieldPath('immutable'), frozen));
  for (const field of fields) {
    if (!equalJson(object[field], old[field])) errors.push(forbiddenField(new FieldPath(field), frozen));
  }
  return errors;
}

export const validateConfigMapUpdate = (configMap: ConfigMap, old: ConfigMap): FieldError[] =>
  frozenFieldErrors(configMap, old, ['data', 'binaryData']);
