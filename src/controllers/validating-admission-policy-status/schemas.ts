// Asks the API server for the schemas of kinds: custom ones and its own alike are in the documents of OpenAPI.
// Follows apiserver pkg/cel/openapi/resolver/{discovery,refs}.go of v1.36.

import type { JSONSchemaProps } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import type { Transport } from '../../api/transport.ts';
import type { CheckedType, NamedResource } from './type-check.ts';

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const fieldsOf = (object: unknown, field: string): Fields => {
  const value = isFields(object) ? object[field] : undefined;
  return isFields(value) ? value : {};
};
const listOf = (object: unknown, field: string): Fields[] => {
  const value = isFields(object) ? object[field] : undefined;
  return Array.isArray(value) ? value.filter(isFields) : [];
};

export interface SchemaLookup {
  ofResource(resource: NamedResource): Promise<CheckedType | undefined>;
  ofKind(group: string, version: string, kind: string): Promise<JSONSchemaProps | undefined>;
}

/** Each document is asked for once. */
export function schemaLookup(transport: Transport, signal: AbortSignal): SchemaLookup {
  const asked = new Map<string, Promise<unknown>>();
  const get = (path: string): Promise<unknown> => {
    const known = asked.get(path);
    if (known !== undefined) return known;
    const answer = transport.request({ method: 'GET', path, signal }).catch((error: unknown) => {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    });
    asked.set(path, answer);
    return answer;
  };
  const pathOf = (group: string, version: string): string =>
    group === '' ? `api/${version}` : `apis/${group}/${version}`;
  const ofKind: SchemaLookup['ofKind'] = async (group, version, kind) => {
    const document = await get(`/openapi/v3/${pathOf(group, version)}`);
    const schemas = fieldsOf(fieldsOf(document, 'components'), 'schemas');
    const name = Object.keys(schemas).find((one) =>
      listOf(schemas[one], 'x-kubernetes-group-version-kind').some(
        (is) => is['group'] === group && is['version'] === version && is['kind'] === kind,
      ),
    );
    return name === undefined ? undefined : resolved(fieldsOf(schemas, name), schemas, [name]);
  };
  return {
    ofKind,
    async ofResource({ group, version, resource }) {
      const found = listOf(await get(`/${pathOf(group, version)}`), 'resources').find(({ name }) => name === resource);
      const kind = found?.['kind'];
      if (typeof kind !== 'string') return undefined;
      const schema = await ofKind(group, version, kind);
      return schema && { group, version, kind, schema };
    },
  };
}

/** The name that a schema, or the only part of it, refers to. */
function refOf(schema: Fields): string | undefined {
  const ref = schema['$ref'];
  if (typeof ref === 'string') return ref.replace(/^.*\//, '');
  return listOf(schema, 'allOf')
    .map(refOf)
    .find((one) => one !== undefined);
}

/** The schema with what it refers to in place. What contains itself is an object without fields there. */
function resolved(given: Fields, schemas: Fields, within: readonly string[]): JSONSchemaProps {
  const ref = refOf(given);
  if (ref !== undefined && within.includes(ref)) return { type: 'object' };
  const inside = ref === undefined ? within : [...within, ref];
  const schema = ref === undefined ? given : fieldsOf(schemas, ref);
  const visit = (one: unknown) => resolved(isFields(one) ? one : {}, schemas, inside);
  const { properties, additionalProperties, items } = schema;
  return {
    ...(schema as JSONSchemaProps),
    // Numbers or texts, as quantities are, are not told apart.
    ...(schema['type'] === undefined && listOf(schema, 'oneOf').length > 0
      ? { 'x-kubernetes-int-or-string': true }
      : {}),
    ...(isFields(properties)
      ? { properties: Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, visit(one)])) }
      : {}),
    ...(isFields(additionalProperties) ? { additionalProperties: visit(additionalProperties) } : {}),
    ...(isFields(items) ? { items: visit(items) } : {}),
  } as JSONSchemaProps;
}
