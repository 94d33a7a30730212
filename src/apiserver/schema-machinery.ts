// Binds what the registry asks of the API machinery to the generated schema.

import { badRequest, unsupportedMediaType } from '../api/meta/errors.ts';
import { atomicParts } from '../api/managed-fields/atomic-parts.ts';
import { mergeConfiguration } from '../api/managed-fields/merge-objects.ts';
import type { Struct } from '../api/managed-fields/typing.ts';
import { applyConfiguration } from '../api/managed-fields/apply-configuration.ts';
import type { VersionViews } from '../api/managed-fields/managed-entries.ts';
import { updateManagedFields } from '../api/managed-fields/update-managed-fields.ts';
import { apiVersionOf } from '../api/meta/types.ts';
import { applyJsonPatch } from '../api/patch/json-patch.ts';
import { applyMergePatch } from '../api/patch/merge-patch.ts';
import type { Tree } from '../api/patch/json-tree.ts';
import { mergeStrategically } from '../api/patch/strategic-merge-patch.ts';
import { checkObject } from '../api/schema/decode.ts';
import { parseJsonStrict } from '../api/schema/json.ts';
import type { Schema } from '../api/schema/schema.ts';
import { type AnyKind, schemaOf } from '../api/scheme.ts';
import { parseYamlStrict } from '../api/schema/yaml.ts';
import type { ObjectMachinery } from './machinery.ts';
import { protobufDecoder } from './protobuf/decode.ts';
import { inGoOrder, inKeyOrder } from './protobuf/go-order.ts';
import { withRemoteViews } from './remote-views.ts';
import { versionViews } from './version-views.ts';

/** A body that does not say what it is, is JSON. */
const jsonTypes = new Set(['application/json', '']);

/** The media type alone, in lower case. */
function mediaType(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
}

export function schemaMachinery(schema: Schema): ObjectMachinery {
  const protobuf = protobufDecoder(schema);
  const inViews = <T>(kind: AnyKind, compute: (views: VersionViews) => T): T | Promise<T> => {
    const remote = kind.storage?.remote;
    return remote === undefined
      ? compute(versionViews(kind, schema))
      : withRemoteViews(kind, schema, (objects, apiVersion) => remote.convert(objects, apiVersion), compute);
  };
  return {
    schema,
    parse(bytes, contentType, wanted) {
      const type = mediaType(contentType);
      if (jsonTypes.has(type)) {
        const { value, duplicateFields } = parseJsonStrict(bytes.toString('utf8'));
        return { value, strictErrors: duplicateFields };
      }
      if (type === 'application/yaml') {
        const { value, duplicateFields } = parseYamlStrict(bytes.toString('utf8'));
        return {
          value,
          strictErrors: duplicateFields.map((text) => text.replace(/^yaml: unmarshal errors:\n {2}/, '')),
        };
      }
      if (type === 'application/vnd.kubernetes.protobuf')
        return { value: protobuf.decode(bytes, wanted), strictErrors: [] };
      throw unsupportedMediaType(
        'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
      );
    },
    check: (kind, object, from, kept) =>
      kind.decode?.(object, from) ?? checkObject(schemaOf(kind, schema), kind.definition, object, from, {}, kept),
    patch(type, kind, target, patch) {
      switch (type) {
        case 'json':
          return applyJsonPatch<unknown>(target, patch);
        case 'merge':
          return applyMergePatch(target, patch);
        case 'strategic':
          return mergeStrategically(schemaOf(kind, schema), kind.definition, target as object as Tree, patch);
        default:
          return type satisfies never;
      }
    },
    // What is defined by a schema of its own is a map in Go.
    inOrder: (kind, object) =>
      kind.schema === undefined ? inGoOrder(schema, kind.definition, object) : inKeyOrder(object),
    managedFields: ({ kind, before, ...update }) =>
      inViews(kind, (views) =>
        updateManagedFields({
          ...update,
          apiVersion: apiVersionOf(kind),
          views,
          before,
          managedFieldsBefore: before?.metadata.managedFields,
        }),
      ),
    merge(kind, live, config) {
      const own = schemaOf(kind, schema);
      const atomic = atomicParts(own, kind.definition, config as Struct);
      if (atomic.length > 0)
        throw badRequest(
          `invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomic.join(', ')}`,
        );
      return mergeConfiguration(own, kind.definition, live as Struct, config as Struct);
    },
    apply: ({ kind, ...apply }) =>
      inViews(kind, (views) =>
        applyConfiguration({ ...apply, group: kind.group, version: kind.version, kind: kind.kind, views }),
      ),
  };
}
