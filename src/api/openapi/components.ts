// Writes the schema's definitions as OpenAPI schemas, for v3 (allOf references, enums, defaults) and v2 (plain references).
import type { Json, JsonObject } from '../meta/types.ts';
import type { Descriptions } from '../schema/load.ts';
import type { Definition, FieldSchema, Schema } from '../schema/schema.ts';
import { defaultsTold } from './defaults-told.ts';

export type OpenApiVersion = 2 | 3;

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const quantity = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const intOrString = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';

/** The types that have no fields: their schemas, and what to say of them. */
const freeTypes: Readonly<Record<string, { v2: JsonObject; v3?: JsonObject; description: string }>> = {
  [quantity]: {
    v2: { type: 'string' },
    v3: { oneOf: [{ type: 'string' }, { type: 'number' }] },
    description: 'An amount in fixed point, such as 500m, 1.5 or 128Mi.',
  },
  [intOrString]: {
    v2: { type: 'string', format: 'int-or-string' },
    v3: { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string' },
    description: 'An int32 or a string, such as a port by number or by name.',
  },
  [`${meta}.Time`]: { v2: { type: 'string', format: 'date-time' }, description: 'A time in RFC 3339, to the second.' },
  [`${meta}.MicroTime`]: {
    v2: { type: 'string', format: 'date-time' },
    description: 'A time in RFC 3339, to the microsecond.',
  },
  [`${meta}.FieldsV1`]: { v2: { type: 'object' }, description: 'A set of field paths, as a tree.' },
  [`${meta}.Patch`]: {
    v2: { type: 'object' },
    description: 'A change to an object, in the form that the content type names.',
  },
  'io.k8s.apimachinery.pkg.runtime.RawExtension': { v2: { type: 'object' }, description: 'Any object.' },
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceSubresourceStatus': {
    v2: { type: 'object' },
    description: 'That a status is a subresource; there is nothing to say of it.',
  },
};

/** Objects of the server itself, which every group version has. */
const everywhere: ReadonlySet<string> = new Set([`${meta}.DeleteOptions`, `${meta}.WatchEvent`]);

/** The other types without fields hold any JSON. */
const anything = { v2: {} as JsonObject, description: 'Any JSON value.' };

export const reference = (version: OpenApiVersion, name: string): string =>
  version === 2 ? `#/definitions/${name}` : `#/components/schemas/${name}`;

/** Names that a document refers to, gathered while it is written. */
export type References = Set<string>;

interface Writer {
  version: OpenApiVersion;
  references: References;
  groupVersions: readonly GroupVersion[];
}

interface GroupVersion {
  group: string;
  version: string;
}

const scalarRefs: Readonly<Partial<Record<FieldSchema['type'], string>>> = {
  quantity,
  'int-or-string': intOrString,
  time: `${meta}.Time`,
  'micro-time': `${meta}.MicroTime`,
};

const plainTypes: Readonly<Partial<Record<FieldSchema['type'], string>>> = {
  string: 'string',
  duration: 'string',
  bytes: 'string',
  integer: 'integer',
  number: 'number',
  boolean: 'boolean',
};

/** Whether it is a definition of the server's own: those of custom kinds are published as they were given. */
const isGenerated = (definition: Definition | undefined): boolean =>
  definition !== undefined && definition.published === undefined;

/** How elements of lists and maps read when they are unset: upstream prints it in v3. */
function elementDefault(items: FieldSchema, schema: Schema): unknown {
  switch (items.type) {
    case 'string':
      return '';
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    case 'ref':
      return isGenerated(schema.definitions[items.ref ?? '']) ? {} : undefined;
    default:
      return undefined;
  }
}

function extensions(field: FieldSchema): JsonObject {
  const out: JsonObject = {};
  if (field.listMapKeys) out['x-kubernetes-list-map-keys'] = [...field.listMapKeys];
  if (field.listType) out['x-kubernetes-list-type'] = field.listType;
  if (field.mapType) out['x-kubernetes-map-type'] = field.mapType;
  if (field.patchMergeKey) out['x-kubernetes-patch-merge-key'] = field.patchMergeKey;
  if (field.patchStrategy) out['x-kubernetes-patch-strategy'] = field.patchStrategy;
  return out;
}

/** What is unset of these is told by no value. */
const hasOwnForm: ReadonlySet<FieldSchema['type']> = new Set(['quantity', 'int-or-string']);

/** A reference by itself needs nothing around it where nothing stands beside it. */
const bareElement = (schema: JsonObject): JsonObject => {
  const { allOf } = schema;
  const only = Array.isArray(allOf) && Object.keys(schema).length === 1 ? allOf[0] : undefined;
  return typeof only === 'object' && only !== null && !Array.isArray(only) ? only : schema;
};

/** A field's schema without its description. */
function bareField(writer: Writer, schema: Schema, field: FieldSchema, unset: unknown): JsonObject {
  const target = field.type === 'ref' || field.type === 'any' ? field.ref : scalarRefs[field.type];
  const byDefault = field.default ?? (hasOwnForm.has(field.type) ? undefined : unset);
  const defaults =
    writer.version === 3 && byDefault !== undefined && byDefault !== null ? { default: byDefault as JsonObject } : {};
  if (target !== undefined) {
    writer.references.add(target);
    const $ref = reference(writer.version, target);
    return writer.version === 3 ? { allOf: [{ $ref }], ...defaults } : { $ref };
  }
  if (field.type === 'any') return { type: 'object' };
  const items = field.items;
  if (items) {
    const below = bareElement(bareField(writer, schema, items, elementDefault(items, schema)));
    return field.type === 'array' ? { type: 'array', items: below } : { type: 'object', additionalProperties: below };
  }
  return {
    ...defaults,
    ...(field.enum ? { enum: [...field.enum] } : {}),
    ...(field.format ? { format: field.format } : {}),
    type: plainTypes[field.type] ?? 'string',
  };
}

function fieldSchema(writer: Writer, schema: Schema, field: FieldSchema, description: string | undefined): JsonObject {
  const bare = bareField(writer, schema, field, field.zero);
  return bareElement({ ...bare, ...(description ? { description } : {}), ...extensions(field) });
}

function definitionSchema(
  writer: Writer,
  schema: Schema,
  definition: Definition,
  descriptions: Descriptions,
): JsonObject {
  const texts = descriptions[definition.name];
  const properties: JsonObject = {};
  for (const name of Object.keys(definition.fields).sort()) {
    const field = definition.fields[name];
    if (field === undefined) continue;
    const shown = { ...field, ...defaultsTold[definition.name]?.[name] };
    const text = texts?.[name];
    // Where upstream says nothing of a field, the sources have what is said of its type, which begins with its name.
    const isOfType = field.type === 'any' && text?.startsWith(`${field.ref?.split('.').at(-1)} represents `) === true;
    properties[name] = fieldSchema(writer, schema, shown, isOfType ? undefined : (text ?? field.description));
  }
  const description = texts?.[''] ?? definition.description;
  return {
    ...(description ? { description } : {}),
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    ...(definition.required.length > 0 ? { required: [...definition.required].sort() } : {}),
    type: 'object',
    ...(definition.gvk ? { 'x-kubernetes-group-version-kind': kindsOf(writer, definition.name, definition.gvk) } : {}),
    ...(definition.atomic ? { 'x-kubernetes-map-type': 'atomic' } : {}),
    ...(definition.unions ? { 'x-kubernetes-unions': unionSchemas(definition.unions) } : {}),
  };
}

/** What the definition is the kind of. */
const kindsOf = ({ groupVersions }: Writer, name: string, gvk: NonNullable<Definition['gvk']>): JsonObject[] => {
  const own = gvk.map((one) => ({ ...one }));
  if (!everywhere.has(name)) return own;
  const kind = gvk[0]?.kind ?? '';
  return [...own, ...groupVersions.filter(({ group }) => group !== '').map((one) => ({ ...one, kind }))];
};

const unionSchemas = (unions: NonNullable<Definition['unions']>): JsonObject[] =>
  unions.map((union) => ({
    ...(union.discriminator ? { discriminator: union.discriminator } : {}),
    'fields-to-discriminateBy': { ...union.fields },
  }));

/** A schema as it was given; what it refers to is to be written, too. */
function published(writer: Writer, { v2, v3 }: NonNullable<Definition['published']>): JsonObject {
  const schema = writer.version === 3 ? v3 : v2;
  const prefix = reference(writer.version, '');
  const note = (value: Json): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, member] of Object.entries(value)) {
      if (key === '$ref' && typeof member === 'string' && member.startsWith(prefix))
        writer.references.add(member.slice(prefix.length));
      else note(member);
    }
  };
  note(schema);
  return schema;
}

/** One component by name: a definition of the schema, or one of the types without fields. */
function component(writer: Writer, schema: Schema, name: string, descriptions: Descriptions): JsonObject {
  const definition = schema.definitions[name];
  if (definition?.published) return published(writer, definition.published);
  if (definition) return definitionSchema(writer, schema, definition, descriptions);
  const free: { v2: JsonObject; v3?: JsonObject; description: string } = freeTypes[name] ?? anything;
  return { description: free.description, ...(writer.version === 3 ? (free.v3 ?? free.v2) : free.v2) };
}

/**
 * The schemas of all these definitions and of everything they refer to, sorted by name. `groupVersions` are those for which objects of
 * every group (DeleteOptions) are registered as well.
 */
export function componentSchemas(
  version: OpenApiVersion,
  schema: Schema,
  descriptions: Descriptions,
  roots: Iterable<string>,
  groupVersions: readonly GroupVersion[] = [],
): JsonObject {
  const references: References = new Set(roots);
  const written = new Map<string, JsonObject>();
  // A Set hands out what is added to it while it is walked.
  for (const name of references)
    written.set(name, component({ version, references, groupVersions }, schema, name, descriptions));
  return Object.fromEntries([...written].sort(([a], [b]) => (a < b ? -1 : 1)));
}
