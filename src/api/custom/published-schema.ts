// The schema of a custom resource as OpenAPI documents show it.
// Follows apiextensions-apiserver pkg/controller/openapi/builder and pkg/controller/openapi/v2 of v1.36.
import type { SelectableField } from '../generated/types.ts';
import type { Json, JsonObject } from '../meta/types.ts';
import { cloneTree, isTree } from '../patch/json-tree.ts';
import { type CustomSchema, additionalSchema } from './custom-schema.ts';

type Version = 2 | 3;

const metaName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const refPrefix: Readonly<Record<Version, string>> = { 2: '#/definitions/', 3: '#/components/schemas/' };

/** What every whole object has beside its schema. */
const typeProperties = {
  apiVersion: {
    type: 'string',
    description:
      'The version of the API in which this object is written. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources',
  },
  kind: {
    type: 'string',
    description:
      'The kind of this object, in CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds',
  },
};

const metadataProperty = (version: Version): JsonObject => {
  const description =
    "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";
  const $ref = `${refPrefix[version]}${metaName}`;
  return version === 3 ? { allOf: [{ $ref }], description } : { $ref, description };
};

const wholeProperties = (version: Version): JsonObject => ({
  ...typeProperties,
  metadata: metadataProperty(version),
});

const keepsUnknown = (schema: CustomSchema): boolean => schema['x-kubernetes-preserve-unknown-fields'] === true;

/** An int-or-string says so in words that every reader knows. */
const intOrString = (): JsonObject[] => [{ type: 'integer' }, { type: 'string' }];

/** Changes the parts of a schema, each after those below it. */
function mapSchema(schema: CustomSchema, change: (schema: CustomSchema) => CustomSchema): CustomSchema {
  const { properties, items } = schema;
  const additional = additionalSchema(schema);
  return change({
    ...schema,
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, property]) => [name, mapSchema(property, change)]),
          ),
        }),
    ...(items === undefined ? {} : { items: mapSchema(items, change) }),
    ...(additional === undefined ? {} : { additionalProperties: mapSchema(additional, change) }),
  });
}

function forV3(schema: CustomSchema): CustomSchema {
  const { anyOf, allOf, ...rest } = schema;
  const mixed = schema['x-kubernetes-int-or-string'] === true && (schema.type ?? '') === '';
  const told = anyOf !== undefined || allOf?.[0]?.anyOf !== undefined;
  return {
    ...rest,
    ...(mixed && !told ? { anyOf: intOrString() as CustomSchema[] } : anyOf === undefined ? {} : { anyOf }),
    ...(allOf === undefined ? {} : { allOf }),
  };
}

/** Swagger 2.0 is told no defaults, and has no junctors and no null, and old clients stumble over what is free inside what is not. */
function forV2(schema: CustomSchema): CustomSchema {
  const { allOf: _all, anyOf: _any, oneOf: _one, not: _not, default: _default, nullable, required, ...rest } = schema;
  const out: CustomSchema = { ...rest };
  const free = keepsUnknown(schema);
  if (nullable === true || free) {
    delete out.items;
    delete out.properties;
  }
  const bare =
    nullable === true || (out.type === 'array' && out.items === undefined) || (free && out.type === 'object');
  if (bare) delete out.type;
  const properties = schema.properties ?? {};
  const kept = (required ?? []).filter((name) => properties[name]?.nullable !== true);
  if (kept.length > 0 && additionalSchema(schema)?.nullable !== true) out.required = kept;
  return out;
}

/** Gives embedded objects their type and metadata. */
function withWholeProperties(schema: CustomSchema, version: Version): CustomSchema {
  if (schema['x-kubernetes-embedded-resource'] !== true || (version === 2 && keepsUnknown(schema))) return schema;
  const required = [...(schema.required ?? [])];
  for (const name of ['kind', 'apiVersion']) if (!required.includes(name)) required.push(name);
  return { ...schema, required, properties: { ...schema.properties, ...(wholeProperties(version) as object) } };
}

/** A kind of which a schema is published. */
export interface PublishedKind {
  group: string;
  version: string;
  kind: string;
  /** Undefined where there is none, or it is not structural: then any object is one. Asked for late. */
  schema(): CustomSchema | undefined;
  selectableFields: readonly SelectableField[] | undefined;
}

function publishedSchema({ schema: schemaOf, selectableFields, ...gvk }: PublishedKind, version: Version): JsonObject {
  const schema = schemaOf();
  const { group, version: apiVersion, kind } = gvk;
  const extensions: JsonObject = {
    'x-kubernetes-group-version-kind': [{ group, version: apiVersion, kind }],
    ...(selectableFields === undefined || selectableFields.length === 0
      ? {}
      : {
          'x-kubernetes-selectable-fields': selectableFields.map(({ jsonPath }) => ({
            fieldPath: jsonPath.replace(/^\./, ''),
          })),
        }),
  };
  if (schema === undefined || (version === 2 && keepsUnknown(schema))) return { type: 'object', ...extensions };
  const form = version === 3 ? forV3 : forV2;
  const mapped = mapSchema(schema, (part) => withWholeProperties(form(part), version));
  const whole = { ...mapped, properties: { ...mapped.properties, ...(wholeProperties(version) as object) } };
  return { ...plainJson(whole), ...extensions };
}

/** A copy that shares nothing with the definition. */
const plainJson = (schema: CustomSchema): JsonObject => {
  const copy: unknown = cloneTree(schema);
  return isTree(copy) ? (copy as { [key: string]: Json }) : {};
};

/** The schema of a kind in both versions of OpenAPI, each made when it is first asked for. */
export function publishedSchemas(kind: PublishedKind): { v2: JsonObject; v3: JsonObject } {
  const made = new Map<Version, JsonObject>();
  const get = (version: Version): JsonObject => {
    const found = made.get(version) ?? publishedSchema(kind, version);
    made.set(version, found);
    return found;
  };
  return {
    get v2() {
      return get(2);
    },
    get v3() {
      return get(3);
    },
  };
}

/** The name under which a kind is published: com.example.stable.v1.CronTab. */
export const publishedName = (group: string, version: string, kind: string): string =>
  `${group.split('.').reverse().join('.')}.${version}.${kind}`;
