// Checks of CustomResourceDefinitions.
// Follows apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go of v1.36, whose paths are those of the internal form:
// what all versions have in common stands once in the spec itself.

import { customSchema, schemaOfKey } from '../../custom/custom-schema.ts';
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  JSONSchemaProps,
  SelectableField,
} from '../../generated/types.ts';
import { duplicate, type FieldError, FieldPath, invalid, notSupported, required, tooMany } from '../../meta/errors.ts';
import { byteLength, isPrintable } from '../../meta/go-format.ts';
import { dns1035Label, dns1123Subdomain, nameIsSubdomain } from '../../meta/names.ts';
import { immutableField, validateGenericMeta, validateGenericMetaUpdate } from '../../meta/validate-meta.ts';
import { sameTree } from '../../patch/json-tree.ts';
import { wasGivenEmpty } from '../../schema/given-empty.ts';
import { metaOf } from '../common.ts';
import { validateApproval } from './api-approval.ts';
import { isCaBundle, validateConversion } from './validate-conversion.ts';
import { validateAcceptedNames, validateNames } from './validate-names.ts';
import { validateSchema } from './validate-schema.ts';

const spec = new FieldPath('spec');
const versionsPath = spec.child('versions');
const maxSelectableFields = 8;

/** Checks a definition that is to be created. */
export function validateDefinition(crd: CustomResourceDefinition): FieldError[] {
  const { names, group } = crd.spec ?? {};
  const wanted = `${names?.plural ?? ''}.${group ?? ''}`;
  const nameCheck = (name: string, prefix: boolean): string[] => [
    ...nameIsSubdomain(name, prefix),
    ...(name === wanted ? [] : ['must be spec.names.plural+"."+spec.group']),
  ];
  return [
    ...validateGenericMeta(metaOf(crd), false, nameCheck),
    ...validateSpec(crd, true),
    ...validateAcceptedNames(crd.status),
    ...validateStoredVersions(crd),
    ...validateApproval(crd),
    ...validatePreserve(crd),
  ];
}

/** Checks a definition that takes the place of another. */
export function validateDefinitionUpdate(
  crd: CustomResourceDefinition,
  old: CustomResourceDefinition,
  established: boolean,
): FieldError[] {
  const namesPath = spec.child('names');
  const [now, before] = [crd.spec, old.spec];
  const oldBundle = before.conversion?.webhook?.clientConfig?.caBundle ?? '';
  return [
    ...validateGenericMetaUpdate(metaOf(crd), metaOf(old)),
    ...validateSpec(crd, !established || !isCaBundle(oldBundle), old),
    ...(established ? immutableField(spec.child('scope'), now.scope, before.scope) : []),
    ...(established ? immutableField(namesPath.child('kind'), now.names.kind, before.names.kind) : []),
    ...immutableField(spec.child('group'), now.group, before.group),
    ...immutableField(namesPath.child('plural'), now.names.plural, before.names.plural),
    ...validateAcceptedNames(crd.status),
    ...validateStoredVersions(crd),
    ...validateApproval(crd, old),
    ...(before.preserveUnknownFields === true ? [] : validatePreserve(crd)),
  ];
}

/** What versions have in common, if they have it all. */
function inCommon<T>(
  versions: readonly CustomResourceDefinitionVersion[],
  of: (v: CustomResourceDefinitionVersion) => T,
) {
  const [first] = versions;
  const value = first === undefined ? undefined : of(first);
  const same = first !== undefined && versions.every((version) => sameTree(of(version), value));
  return { same, value: same ? value : undefined };
}

function validateSpec(
  crd: CustomResourceDefinition,
  allowAnyBundle: boolean,
  old?: CustomResourceDefinition,
): FieldError[] {
  const { group = '', scope = '', names, conversion } = crd.spec;
  const versions = crd.spec.versions ?? [];
  const errors: FieldError[] = [...validateGroup(group)];
  if (scope === '') errors.push(required(spec.child('scope')));
  else if (scope !== 'Cluster' && scope !== 'Namespaced')
    errors.push(notSupported(spec.child('scope'), scope, ['Cluster', 'Namespaced']));
  const schemas = inCommon(versions, ({ schema }) => schema);
  for (const [i, { schema }] of versions.entries())
    if (schema?.openAPIV3Schema === undefined)
      errors.push(required(versionsPath.index(i).child('schema').child('openAPIV3Schema')));
  for (const [i, version] of versions.entries()) {
    const at = versionsPath.index(i);
    const messages = dns1035Label(version.name ?? '');
    if (messages.length > 0) errors.push(invalid(at.child('name'), version.name ?? '', messages.join(',')));
    errors.push(...validateDeprecation(version, at.child('deprecationWarning')));
  }
  const parts = sharedParts(versions, schemas.same, old);
  errors.push(...parts.perVersion, ...versionsErrors(crd.spec));
  errors.push(...validateGivenNames(names), ...validateNames(spec.child('names'), names ?? {}), ...parts.shared);
  return [...errors, ...validateConversion(conversion, allowAnyBundle)];
}

function validateGroup(group: string): FieldError[] {
  const at = spec.child('group');
  if (group === '') return [required(at)];
  const messages = dns1123Subdomain(group);
  if (messages.length > 0) return [invalid(at, group, messages.join(','))];
  return group.includes('.') ? [] : [invalid(at, group, 'should be a domain with at least one dot')];
}

function validateGivenNames(names: CustomResourceDefinition['spec']['names'] | undefined): FieldError[] {
  const given = { plural: names?.plural, singular: names?.singular, kind: names?.kind, listKind: names?.listKind };
  return Object.entries(given)
    .filter(([, name]) => name === undefined || name === '')
    .map(([field]) => required(spec.child('names', field)));
}

/** Versions as the internal form prints them. */
const printed = (versions: readonly CustomResourceDefinitionVersion[]): unknown =>
  versions.map(({ name, served, storage, deprecated = false, deprecationWarning = null }) => ({
    Name: name,
    Served: served,
    Storage: storage,
    Deprecated: deprecated,
    DeprecationWarning: deprecationWarning,
    Schema: null,
    Subresources: null,
    AdditionalPrinterColumns: null,
    SelectableFields: null,
  }));

function versionsErrors(given: CustomResourceDefinition['spec']): FieldError[] {
  const versions = given.versions ?? [];
  const errors: FieldError[] = [];
  if (new Set(versions.map(({ name }) => name)).size < versions.length)
    errors.push(invalid(versionsPath, printed(versions), 'must contain unique version names'));
  if (versions.filter(({ storage }) => storage).length !== 1)
    errors.push(
      invalid(
        versionsPath,
        versions.length === 0 && !wasGivenEmpty(given, 'versions') ? null : printed(versions),
        'must have exactly one version marked as storage version',
      ),
    );
  // The internal form names the first version in the spec, too.
  const [{ name = '' } = {}] = versions;
  const messages = name === '' ? [] : dns1035Label(name);
  if (messages.length > 0) errors.push(invalid(spec.child('version'), name, messages.join(',')));
  return errors;
}

function validateDeprecation(version: CustomResourceDefinitionVersion, path: FieldPath): FieldError[] {
  const { deprecated, deprecationWarning: text } = version;
  if (text === undefined) return [];
  const messages: string[] = [];
  if (deprecated !== true) messages.push('can only be set for deprecated versions');
  else {
    if (byteLength(text) > 256) messages.push('must be <= 256 characters long');
    if (text === '') messages.push('must not be an empty string');
    let at = 0;
    for (const character of text) {
      if (!isPrintable(character)) {
        messages.push(`must only contain printable UTF-8 characters; non-printable character found at index ${at}`);
        break;
      }
      at += byteLength(character);
    }
  }
  return messages.map((message) => invalid(path, text, message));
}

/** The errors of schemas, subresources, columns and selectable fields: those of single versions, and of what all have in common. */
function sharedParts(
  versions: readonly CustomResourceDefinitionVersion[],
  sameSchema: boolean,
  old: CustomResourceDefinition | undefined,
): { perVersion: FieldError[]; shared: FieldError[] } {
  const subresources = inCommon(versions, (version) => version.subresources);
  const columns = inCommon(versions, (version) => version.additionalPrinterColumns);
  const fields = inCommon(versions, (version) => version.selectableFields);
  const anyStatus = versions.some((version) => version.subresources?.status !== undefined);
  const perVersion = versions.flatMap((version, i) => {
    const at = versionsPath.index(i);
    const props = version.schema?.openAPIV3Schema;
    const hasStatus = version.subresources?.status !== undefined;
    return [
      ...(sameSchema || props === undefined ? [] : validateSchema(at.child('schema'), props, hasStatus)),
      ...(subresources.same ? [] : validateSubresources(at.child('subresources'), version.subresources)),
      ...(columns.same ? [] : validateColumns(at, version.additionalPrinterColumns)),
      ...(fields.same ? [] : selectableErrors(at, version, old)),
    ];
  });
  const [first] = versions;
  const props = first?.schema?.openAPIV3Schema;
  const shared = [
    ...(sameSchema && props !== undefined ? validateSchema(spec.child('validation'), props, anyStatus) : []),
    ...(subresources.same ? validateSubresources(spec.child('subresources'), subresources.value) : []),
    ...(columns.same ? validateColumns(spec, columns.value) : []),
    ...(fields.same && first !== undefined ? selectableErrors(spec, first, old) : []),
  ];
  return { perVersion, shared };
}

function validateSubresources(path: FieldPath, subresources: CustomResourceSubresources | undefined): FieldError[] {
  const scale = subresources?.scale;
  if (scale === undefined) return [];
  const under = (field: string, value: string, roots: readonly string[], text: string): FieldError[] => {
    const at = path.child(`scale.${field}`);
    if (value === '') return [required(at)];
    const wrong = simplePath(at, value);
    if (wrong.length > 0) return wrong;
    return roots.some((root) => value.startsWith(root)) ? [] : [invalid(at, value, text)];
  };
  const { specReplicasPath = '', statusReplicasPath = '', labelSelectorPath = '' } = scale;
  const errors = [
    ...under('specReplicasPath', specReplicasPath, ['.spec.'], 'should be a json path under .spec'),
    ...under('statusReplicasPath', statusReplicasPath, ['.status.'], 'should be a json path under .status'),
  ];
  if (labelSelectorPath === '') return errors;
  const text = 'should be a json path under either .spec or .status';
  return [...errors, ...under('labelSelectorPath', labelSelectorPath, ['.spec.', '.status.'], text)];
}

const simplePath = (path: FieldPath, text: string): FieldError[] =>
  text.startsWith('.') ? [] : [invalid(path, text, 'must be a simple json path starting with .')];

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

function validateColumns(
  path: FieldPath,
  columns: readonly CustomResourceColumnDefinition[] | undefined,
): FieldError[] {
  return (columns ?? []).flatMap(({ name = '', type = '', format = '', jsonPath = '' }, i) => {
    const at = path.child('additionalPrinterColumns').index(i);
    const errors: FieldError[] = [];
    const types = `must be one of ${columnTypes.join(',')}`;
    if (name === '') errors.push(required(at.child('name')));
    if (type === '') errors.push(required(at.child('type'), types));
    else if (!columnTypes.includes(type)) errors.push(invalid(at.child('type'), type, types));
    if (format !== '' && !columnFormats.includes(format))
      errors.push(invalid(at.child('format'), format, `must be one of ${columnFormats.join(',')}`));
    if (jsonPath === '') errors.push(required(at.child('JSONPath')));
    else errors.push(...simplePath(at.child('JSONPath'), jsonPath));
    return errors;
  });
}

const selectableText =
  'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';

function selectableErrors(
  path: FieldPath,
  version: CustomResourceDefinitionVersion,
  old: CustomResourceDefinition | undefined,
): FieldError[] {
  const fields = version.selectableFields ?? [];
  const at = path.child('selectableFields');
  const props = version.schema?.openAPIV3Schema;
  if (fields.length === 0) return [];
  if (props === undefined) return [invalid(at, '', 'may only be set when validations.schema is included')];
  const errors = fields.flatMap((field, i) => selectableError(at.index(i), field, fields.slice(0, i), props));
  const count = new Set(fields.map(({ jsonPath }) => jsonPath)).size;
  const before = old?.spec.versions.find(({ name }) => name === version.name)?.selectableFields;
  if (count > maxSelectableFields && !sameTree(before, fields)) errors.push(tooMany(at, count, maxSelectableFields));
  return errors;
}

function selectableError(
  path: FieldPath,
  { jsonPath = '' }: SelectableField,
  earlier: readonly SelectableField[],
  props: JSONSchemaProps,
): FieldError[] {
  const at = path.child('jsonPath');
  if (jsonPath === '') return [required(at)];
  const wrong = (why: string): FieldError[] => [invalid(at, jsonPath, `is an invalid path: ${why}`)];
  if (!jsonPath.startsWith('.')) return wrong(`expected [ or . but got: ${jsonPath}`);
  if (jsonPath.includes('[')) return wrong('array notation is not allowed in field paths');
  const names = jsonPath.slice(1).split('.');
  const errors = names[0] === 'metadata' ? [invalid(at, jsonPath, 'must not point to fields in metadata')] : [];
  let schema = customSchema(props);
  for (const name of names) {
    const below = schemaOfKey(schema, name);
    if (below === undefined) return wrong(`does not refer to a valid field`);
    schema = below;
  }
  if (!['string', 'boolean', 'integer'].includes(schema.type ?? '')) errors.push(invalid(at, jsonPath, selectableText));
  if (earlier.some((other) => other.jsonPath === jsonPath)) errors.push(duplicate(at, jsonPath));
  return errors;
}

function validateStoredVersions({ spec: { versions = [] }, status }: CustomResourceDefinition): FieldError[] {
  const path = new FieldPath('status').child('storedVersions');
  const stored = status?.storedVersions ?? [];
  if (stored.length === 0) return [invalid(path, null, 'must have at least one stored version')];
  const missing = versions
    .filter(({ name, storage }) => storage && !stored.includes(name))
    .map(({ name }) => invalid(path, stored, `must have the storage version ${name}`));
  const gone = stored.flatMap((name, i) => {
    if (versions.some((version) => version.name === name)) return [];
    const text = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    return [invalid(path.index(i), name, text)];
  });
  return [...missing, ...gone];
}

function validatePreserve(crd: CustomResourceDefinition): FieldError[] {
  if (crd.spec.preserveUnknownFields !== true) return [];
  const text =
    'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
  return [invalid(spec.child('preserveUnknownFields'), true, text)];
}
