// The schema of a custom resource in the form by which objects are merged and their fields owned.
// Follows kube-openapi pkg/schemaconv/openapi.go of v1.36.
import type { Definition, FieldSchema, ListType, Schema } from '../schema/schema.ts';
import type { CustomSchema } from './custom-schema.ts';
import { additionalSchema } from './custom-schema.ts';

const metaPrefix = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const deduced: FieldSchema = { type: 'deduced' };

const scalars: Readonly<Record<string, FieldSchema['type']>> = {
  string: 'string',
  integer: 'integer',
  number: 'number',
  boolean: 'boolean',
};

const listTypes: Readonly<Record<string, ListType>> = { atomic: 'atomic', set: 'set', map: 'map' };

/** Gathers the definitions of nested objects, each under the path to it. */
class Definitions {
  readonly all: Record<string, Definition> = {};

  field(schema: CustomSchema, name: string, keeps: boolean): FieldSchema {
    const byDefault = schema.default === undefined ? {} : { default: schema.default };
    const keepsUnknown = keeps || schema['x-kubernetes-preserve-unknown-fields'] === true;
    if (schema['x-kubernetes-int-or-string'] === true) return { type: 'any', ...byDefault };
    switch (schema.type) {
      case 'array':
        return { ...this.#list(schema, name, keepsUnknown), ...byDefault };
      case 'object':
        return { ...this.#object(schema, name, keepsUnknown), ...byDefault };
      case undefined:
      case '':
        return deduced;
      default: {
        const { format } = schema;
        return { type: scalars[schema.type] ?? 'any', ...(format === undefined ? {} : { format }), ...byDefault };
      }
    }
  }

  #list(schema: CustomSchema, name: string, keeps: boolean): FieldSchema {
    const listType = listTypes[schema['x-kubernetes-list-type'] ?? ''];
    const keys = schema['x-kubernetes-list-map-keys'];
    return {
      type: 'array',
      items: schema.items === undefined ? { type: 'any' } : this.field(schema.items, `${name}[]`, keeps),
      ...(listType === undefined ? {} : { listType }),
      ...(keys === undefined ? {} : { listMapKeys: keys }),
    };
  }

  #object(schema: CustomSchema, name: string, keeps: boolean): FieldSchema {
    const atomic = schema['x-kubernetes-map-type'] === 'atomic' ? { mapType: 'atomic' as const } : {};
    const others = this.#others(schema, name, keeps);
    const properties = Object.entries(schema.properties ?? {});
    if (properties.length === 0 && schema['x-kubernetes-embedded-resource'] !== true)
      return others === deduced && atomic.mapType === undefined
        ? deduced
        : { type: 'map', items: others ?? { type: 'any' }, ...atomic };
    const fields = Object.fromEntries(properties.map(([key, one]) => [key, this.field(one, `${name}.${key}`, keeps)]));
    this.define(name, fields, schema.required ?? [], others);
    return { type: 'ref', ref: name, ...atomic };
  }

  /** What keys that are not named hold; undefined where there are none. */
  #others(schema: CustomSchema, name: string, keeps: boolean): FieldSchema | undefined {
    const additional = additionalSchema(schema);
    if (additional !== undefined) return this.field(additional, `${name}{}`, keeps);
    if (schema.additionalProperties === true) return deduced;
    if (schema.additionalProperties === false) return undefined;
    const free = keeps || Object.keys(schema.properties ?? {}).length === 0;
    return free ? deduced : undefined;
  }

  define(name: string, fields: Record<string, FieldSchema>, required: readonly string[], others?: FieldSchema): void {
    this.all[name] = { name, fields, required, ...(others === undefined ? {} : { others }) };
  }
}

/** What the typed schema is made of. */
export interface TypedSchemaSource {
  group: string;
  version: string;
  kind: string;
  listKind: string;
  plural: string;
  /** com.example.stable.v1.CronTab */
  definition: string;
  schema: CustomSchema | undefined;
  published: NonNullable<Definition['published']>;
}

const typeFields: Readonly<Record<string, FieldSchema>> = {
  apiVersion: { type: 'string' },
  kind: { type: 'string' },
};

/** The definitions of a kind, its list and everything inside it; those of metadata come from the generated schema. */
export function typedSchema(generated: Schema, source: TypedSchemaSource): Schema {
  const { group, version, kind, listKind, definition, schema = { type: 'object' } } = source;
  const definitions = new Definitions();
  const root = definitions.field({ ...schema, type: 'object' }, definition, false);
  const made = definitions.all[definition];
  const fields = {
    ...made?.fields,
    ...typeFields,
    metadata: { type: 'ref', ref: `${metaPrefix}.ObjectMeta` } as const,
  };
  const others = made === undefined ? (root.type === 'deduced' ? deduced : root.items) : made.others;
  definitions.define(definition, fields, made?.required ?? [], others);
  const list = listDefinition(source);
  const own: Record<string, Definition> = {
    ...definitions.all,
    [definition]: {
      name: definition,
      fields,
      required: made?.required ?? [],
      ...(others === undefined ? {} : { others }),
      published: source.published,
      gvk: [{ group, version, kind }],
    },
    [list.name]: list,
  };
  const all = Object.assign(Object.create(generated.definitions) as Record<string, Definition>, own);
  return {
    definitions: all,
    ofKind(g, v, k) {
      if (g !== group || v !== version) return generated.ofKind(g, v, k);
      return k === kind ? own[definition] : k === listKind ? list : undefined;
    },
  };
}

function listDefinition({ group, version, kind, listKind, plural, definition }: TypedSchemaSource): Definition {
  return {
    name: definition.slice(0, definition.length - kind.length) + listKind,
    description: `${listKind} is a list of ${kind}`,
    fields: {
      ...typeFields,
      items: { type: 'array', items: { type: 'ref', ref: definition }, description: `List of ${plural}.` },
      metadata: { type: 'ref', ref: `${metaPrefix}.ListMeta`, description: 'What is said of the list as a whole.' },
    },
    required: ['items'],
    gvk: [{ group, version, kind: listKind }],
  };
}
