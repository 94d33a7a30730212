// Brings custom resources into the form of a schema: on their way in, when they are read from the store, and between versions.
// Follows apiextensions-apiserver pkg/apiserver/customresource_handler.go (unstructuredSchemaCoercer, unstructuredDefaulter) of v1.36.
import { goQuote } from '../meta/go-format.ts';
import type { KubeObject } from '../meta/types.ts';
import { isTree, type Tree } from '../patch/json-tree.ts';
import type { DecodeResult } from '../schema/decode.ts';
import type { CustomSchema } from './custom-schema.ts';
import { applyDefaults } from './defaults.ts';
import { coerceMeta, decodeMeta, dropMalformedMeta } from './embedded-meta.ts';
import { pruneNulls, pruneUnknown } from './prune.ts';

/** Takes unknown fields and nulls out of a parsed body, in place. */
export function decodeCustomObject(object: unknown, schema: CustomSchema | undefined): DecodeResult {
  if (!isTree(object))
    return { unknownFields: [], typeError: 'json: cannot unmarshal into Go value of type map[string]interface {}' };
  const unknown: string[] = [];
  if (object['metadata'] !== undefined && object['metadata'] !== null) {
    const { unknownFields, typeError } = decodeMeta(object['metadata']);
    if (typeError !== undefined) return { unknownFields: [], typeError };
    unknown.push(...unknownFields.map((name) => `metadata.${name}`));
  } else delete object['metadata'];
  const { metadata, ...rest } = object;
  unknown.push(...pruneUnknown(object, schema, true));
  pruneNulls(object, schema);
  restoreType(object, rest, metadata);
  const embedded: string[] = [];
  const malformed = coerceMeta('', object, schema, false, embedded);
  const unknownFields = [...unknown, ...embedded.sort()].map((path) => `unknown field ${goQuote(path)}`);
  if (malformed === undefined) return { unknownFields };
  const { path, value, message } = malformed;
  return { unknownFields, typeError: `${path}: Invalid value: ${JSON.stringify(value)}: ${message}` };
}

/** What every object has stays whatever its schema says. */
function restoreType(object: Tree, { apiVersion, kind }: Tree, metadata: unknown): void {
  if (apiVersion !== undefined) object['apiVersion'] = apiVersion;
  if (kind !== undefined) object['kind'] = kind;
  if (metadata !== undefined) object['metadata'] = metadata;
}

/** Sets defaults in place. */
export function defaultCustomObject(object: object, schema: CustomSchema | undefined): void {
  if (!isTree(object)) return;
  const { metadata, ...rest } = object;
  applyDefaults(object, schema);
  restoreType(object, rest, metadata);
}

/** Takes out, in place, what a version does not know: after a conversion. */
export function fitToVersion(object: object, schema: CustomSchema | undefined): void {
  if (!isTree(object)) return;
  pruneUnknown(object, schema, true);
  pruneNulls(object, schema);
}

/** What an object as stored is by the schema of its own version today: pruned and defaulted, in place. */
export function refreshStored(object: KubeObject, schema: CustomSchema | undefined): void {
  if (isTree(object.metadata)) {
    dropMalformedMeta(object.metadata);
    object.metadata['generation'] ||= 1;
  }
  fitToVersion(object, schema);
  defaultCustomObject(object, schema);
}
