// The type and metadata of whole objects inside custom resources (x-kubernetes-embedded-resource): brought into form, and checked.
// Follows apiextensions-apiserver pkg/apiserver/schema/objectmeta of v1.36.
import { type FieldError, FieldPath, invalid, required } from '../meta/errors.ts';
import { dns1035Label, pathSegmentName } from '../meta/names.ts';
import type { ObjectMeta } from '../meta/types.ts';
import { validateGenericMeta } from '../meta/validate-meta.ts';
import { cloneTree, isTree, type Tree } from '../patch/json-tree.ts';
import { checkObject } from '../schema/decode.ts';
import { loadSchema } from '../schema/load.ts';
import { type CustomSchema, schemaOfKey } from './custom-schema.ts';

const objectMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** What is wrong with the form of type or metadata. */
export interface Malformed {
  path: string;
  value: unknown;
  message: string;
}

/** Decodes metadata in place as its Go type would: the unknown fields that went, and why it is none. */
export function decodeMeta(metadata: unknown): { unknownFields: string[]; typeError?: string } {
  if (!isTree(metadata)) {
    const kind = Array.isArray(metadata) ? 'array' : metadata === null ? 'null' : typeof metadata;
    return {
      unknownFields: [],
      typeError: `json: cannot unmarshal ${goKind(kind)} into Go value of type v1.ObjectMeta`,
    };
  }
  const result = checkObject(loadSchema(), objectMeta, metadata);
  const names = result.unknownFields.map((text) => text.replace(/^unknown field "(.*)"$/s, '$1'));
  return { ...result, unknownFields: names };
}

const goKind = (kind: string): string => (kind === 'boolean' ? 'bool' : kind);

/** Drops, field by field, what is no metadata. What was stored must be read, whatever it holds. */
export function dropMalformedMeta(metadata: Tree): void {
  for (const key of Object.keys(metadata))
    if (decodeMeta({ [key]: cloneTree(metadata[key]) }).typeError !== undefined) delete metadata[key];
  decodeMeta(metadata);
}

/** Brings the metadata of embedded objects into form, in place. Gives the first thing that is malformed; adds unknown fields to `unknown`. */
export function coerceMeta(
  path: string,
  value: unknown,
  schema: CustomSchema | undefined,
  isResource: boolean,
  unknown?: string[],
): Malformed | undefined {
  if (schema === undefined) return undefined;
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) {
      const wrong = coerceMeta(`${path}[${i}]`, item, schema.items, isEmbedded(schema.items), unknown);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }
  if (!isTree(value)) return undefined;
  for (const [key, member] of Object.entries(value)) {
    const at = path === '' ? key : `${path}.${key}`;
    const wrong = isResource ? coerceField(at, key, member, unknown) : undefined;
    if (wrong !== undefined) return wrong;
    const below = schemaOfKey(schema, key);
    const deeper = coerceMeta(at, member, below, isEmbedded(below), unknown);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}

const isEmbedded = (schema: CustomSchema | undefined): boolean => schema?.['x-kubernetes-embedded-resource'] === true;

function coerceField(at: string, key: string, value: unknown, unknown?: string[]): Malformed | undefined {
  if (key === 'apiVersion' || key === 'kind')
    return typeof value === 'string' ? undefined : { path: at, value, message: 'must be a string' };
  if (key !== 'metadata') return undefined;
  const given = cloneTree(value);
  const { unknownFields, typeError } = decodeMeta(value);
  if (typeError !== undefined) return { path: at, value: given, message: typeError };
  unknown?.push(...unknownFields.map((name) => `${at}.${name}`));
  return undefined;
}

/** Checks type and metadata of every embedded object, and of the value itself where it is a whole object. */
export function validateEmbedded(
  path: FieldPath,
  value: unknown,
  schema: CustomSchema | undefined,
  isResource: boolean,
): FieldError[] {
  if (schema === undefined) return [];
  if (Array.isArray(value))
    return value.flatMap((item: unknown, i) =>
      validateEmbedded(path.index(i), item, schema.items, isEmbedded(schema.items)),
    );
  if (!isTree(value)) return [];
  const own = isResource || isEmbedded(schema) ? validateTypeAndMeta(path, value) : [];
  const below = Object.entries(value).flatMap(([key, member]) => {
    const named = schema.properties !== undefined && Object.hasOwn(schema.properties, key);
    const child = schemaOfKey(schema, key);
    return validateEmbedded(named ? path.child(key) : path.key(key), member, child, isEmbedded(child));
  });
  return [...own, ...below];
}

function validateTypeAndMeta(path: FieldPath, object: Tree): FieldError[] {
  const missing = ['apiVersion', 'kind'].filter((key) => !Object.hasOwn(object, key));
  const errors = missing.map((key) => required(path.child(key)));
  const { apiVersion, kind, metadata } = object;
  if (apiVersion !== undefined) errors.push(...validateApiVersion(path.child('apiVersion'), apiVersion));
  if (kind !== undefined) errors.push(...validateKind(path.child('kind'), kind));
  if (metadata === undefined) return errors;
  const meta = cloneTree(metadata);
  const { typeError } = decodeMeta(meta);
  if (typeError !== undefined) return [...errors, invalid(path.child('metadata'), metadata, typeError)];
  const found = validateGenericMeta(namedMeta(meta as ObjectMeta), hasNamespace(meta as ObjectMeta), pathSegmentName);
  const prefix = path.child('metadata').text;
  return [...errors, ...found.map((e) => ({ ...e, field: e.field.replace(/^metadata/, () => prefix) }))];
}

const hasNamespace = ({ namespace }: ObjectMeta): boolean => namespace !== undefined && namespace !== '';

/** An embedded object may be without a name. */
const namedMeta = (meta: ObjectMeta): ObjectMeta => (meta.name ? meta : { ...meta, name: 'fakename' });

function validateApiVersion(path: FieldPath, value: unknown): FieldError[] {
  if (typeof value !== 'string') return [invalid(path, value, 'must be a string')];
  if (value === '') return [invalid(path, value, 'must not be empty')];
  return value.split('/').length > 2 ? [invalid(path, value, `unexpected GroupVersion string: ${value}`)] : [];
}

function validateKind(path: FieldPath, value: unknown): FieldError[] {
  if (typeof value !== 'string') return [invalid(path, value, 'must be a string')];
  if (value === '') return [invalid(path, value, 'must not be empty')];
  const messages = dns1035Label(value.toLowerCase());
  const text = `may have mixed case, but should otherwise match: ${messages.join(',')}`;
  return messages.length > 0 ? [invalid(path, value, text)] : [];
}
