// The types of aggregated discovery, which no OpenAPI document shows. Follows k8s.io/api/apidiscovery/v2 of v1.36.

import { loadSchema } from '../../api/schema/load.ts';
import type { Definition, FieldSchema, Schema } from '../../api/schema/schema.ts';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const own = 'io.k8s.api.apidiscovery.v2';

const text: FieldSchema = { type: 'string' };
const ref = (name: string): FieldSchema => ({ type: 'ref', ref: name });
const list = (items: FieldSchema): FieldSchema => ({ type: 'array', items });

const fieldsOf: Readonly<Record<string, Definition['fields']>> = {
  APIGroupDiscoveryList: { metadata: ref(`${meta}.ListMeta`), items: list(ref(`${own}.APIGroupDiscovery`)) },
  APIGroupDiscovery: { metadata: ref(`${meta}.ObjectMeta`), versions: list(ref(`${own}.APIVersionDiscovery`)) },
  APIVersionDiscovery: { version: text, resources: list(ref(`${own}.APIResourceDiscovery`)), freshness: text },
  APIResourceDiscovery: {
    resource: text,
    responseKind: ref(`${meta}.GroupVersionKind`),
    scope: text,
    singularResource: text,
    verbs: list(text),
    shortNames: list(text),
    categories: list(text),
    subresources: list(ref(`${own}.APISubresourceDiscovery`)),
  },
  APISubresourceDiscovery: {
    subresource: text,
    responseKind: ref(`${meta}.GroupVersionKind`),
    acceptedTypes: list(ref(`${meta}.GroupVersionKind`)),
    verbs: list(text),
  },
};

const definition = (name: string, fields: Definition['fields']): Definition => ({ name, fields, required: [] });

/** The name of the list's definition. */
export const discoveryList = `${own}.APIGroupDiscoveryList`;

/** The schema of the API with the types of aggregated discovery. */
export function discoverySchema(): Schema {
  return (made ??= makeSchema());
}

let made: Schema | undefined;

function makeSchema(): Schema {
  const known = loadSchema();
  const kind = `${meta}.GroupVersionKind`;
  const definitions: Record<string, Definition> = {
    ...known.definitions,
    [kind]: definition(kind, { group: text, version: text, kind: text }),
  };
  for (const [name, fields] of Object.entries(fieldsOf))
    definitions[`${own}.${name}`] = definition(`${own}.${name}`, fields);
  return {
    definitions,
    ofKind: (group, version, name) =>
      group === 'apidiscovery.k8s.io' && version === 'v2'
        ? definitions[`${own}.${name}`]
        : known.ofKind(group, version, name),
  };
}
