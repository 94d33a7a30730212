// Checks of the names in a CustomResourceDefinition.
// Follows apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go of v1.36.

import type { CustomResourceDefinitionNames, CustomResourceDefinitionStatus } from '../../generated/types.ts';
import { type FieldError, FieldPath, invalid } from '../../meta/errors.ts';
import { dns1035Label } from '../../meta/names.ts';

const label = (path: FieldPath, value: string): FieldError[] => {
  const messages = dns1035Label(value);
  return messages.length > 0 ? [invalid(path, value, messages.join(','))] : [];
};

const mixedCase = (path: FieldPath, value: string): FieldError[] => {
  const messages = dns1035Label(value.toLowerCase());
  if (messages.length === 0) return [];
  return [invalid(path, value, `may have mixed case, but should otherwise match: ${messages.join(',')}`)];
};

/** Names that are given; missing ones are told of elsewhere. */
export function validateNames(path: FieldPath, names: Partial<CustomResourceDefinitionNames>): FieldError[] {
  const { plural = '', singular = '', kind = '', listKind = '', shortNames = [], categories = [] } = names;
  const errors: FieldError[] = [];
  if (plural !== '') errors.push(...label(path.child('plural'), plural));
  if (singular !== '') errors.push(...label(path.child('singular'), singular));
  if (kind !== '') errors.push(...mixedCase(path.child('kind'), kind));
  if (listKind !== '') errors.push(...mixedCase(path.child('listKind'), listKind));
  for (const [i, name] of shortNames.entries()) errors.push(...label(path.child('shortNames').index(i), name));
  if (kind !== '' && kind === listKind)
    errors.push(invalid(path.child('listKind'), listKind, 'kind and listKind may not be the same'));
  for (const [i, name] of categories.entries()) errors.push(...label(path.child('categories').index(i), name));
  return errors;
}

export const validateAcceptedNames = (status: CustomResourceDefinitionStatus | undefined): FieldError[] =>
  validateNames(new FieldPath('status').child('acceptedNames'), status?.acceptedNames ?? {});
