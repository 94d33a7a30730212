// Builds /openapi/v3: the index of group versions and the document of each, as kubectl explain, apply and validation read them.
// Follows kube-openapi's handler3 and builder3.
import { createHash } from 'node:crypto';
import type { JsonObject } from '../meta/types.ts';
import type { Descriptions } from '../schema/load.ts';
import type { Schema } from '../schema/schema.ts';
import { componentSchemas, reference } from './components.ts';
import { codeTexts, documentInfo } from './document.ts';
import { lonelyOperations, resourcesOperation } from './document-operations.ts';
import { groupVersionPath, type Operation, type ShownKind } from './operation.ts';
import { operationsOf } from './operations.ts';
import { type Parameter, parametersIn, pretty } from './parameters.ts';

const refTo = (name: string): JsonObject => ({ $ref: reference(3, name) });

const content = (types: readonly string[], schema: JsonObject): JsonObject =>
  Object.fromEntries([...types].sort().map((type) => [type, { schema }]));

const parameter = ({ name, in: where, type, description }: Parameter): JsonObject => ({
  name,
  in: where,
  description,
  ...(where === 'path' ? { required: true } : {}),
  schema: { type, uniqueItems: true },
});

function response({ produces, result }: Operation, code: number): JsonObject {
  const body = content(produces, result === undefined ? { type: 'string' } : refTo(result));
  return { description: codeTexts[code] ?? 'OK', content: body };
}

function operationObject(operation: Operation): JsonObject {
  const { body, gvk, parameters, consumes } = operation;
  return {
    tags: [operation.tag],
    description: operation.description,
    operationId: operation.id,
    ...(parameters.length > 0 ? { parameters: parameters.map(parameter) } : {}),
    ...(body
      ? {
          requestBody: {
            content: content(consumes, refTo(body)),
            ...(operation.method === 'delete' ? {} : { required: true }),
          },
        }
      : {}),
    responses: {
      ...Object.fromEntries(operation.codes.map((code) => [String(code), response(operation, code)])),
      '401': { description: 'Unauthorized' },
    },
    ...(gvk ? { 'x-kubernetes-action': operation.action, 'x-kubernetes-group-version-kind': { ...gvk } } : {}),
  };
}

function pathItems(operations: readonly Operation[]): JsonObject {
  const paths: { [path: string]: JsonObject } = {};
  for (const operation of operations) {
    const item = (paths[operation.path] ??= {});
    item[operation.method] = operationObject(operation);
    const common = [...parametersIn(operation.path), ...(operation.hasPretty ? [pretty] : [])];
    if (common.length > 0) item['parameters'] = common.map(parameter);
  }
  return Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Names of all definitions that operations take or give. */
export const rootsOf = (operations: readonly Operation[]): string[] =>
  operations.flatMap(({ body, result }) => [...(body ? [body] : []), ...(result ? [result] : [])]);

const bearerToken = {
  BearerToken: { type: 'apiKey', description: 'Bearer Token authentication', name: 'authorization', in: 'header' },
};

function documentOf(
  schema: Schema,
  descriptions: Descriptions,
  operations: readonly Operation[],
  definitions: readonly string[] = [],
  groupVersions: readonly GroupVersion[] = [],
  isCustom = false,
): JsonObject {
  const schemas = componentSchemas(3, schema, descriptions, [...rootsOf(operations), ...definitions], groupVersions);
  return {
    openapi: '3.0.0',
    info: documentInfo(isCustom),
    paths: pathItems(operations),
    components: {
      ...(Object.keys(schemas).length > 0 ? { schemas } : {}),
      ...(isCustom ? {} : { securitySchemes: bearerToken }),
    },
  };
}

/**
 * The document of one group version, as plain JSON. Building takes some milliseconds and core/v1 gives about 1 MB of text: keep it.
 * `kinds` may hold kinds of other group versions; they are left out.
 */
export function openApiV3Document(
  schema: Schema,
  descriptions: Descriptions,
  kinds: readonly ShownKind[],
  group: string,
  version: string,
): JsonObject {
  const own = kinds.filter((kind) => kind.group === group && kind.version === version);
  const isCustom = own.every((kind) => kind.schema !== undefined);
  const operations = [
    ...(isCustom ? [] : [resourcesOperation(group, version)]),
    ...own.flatMap((kind) => operationsOf(schema, kind)),
  ];
  const definitions = own.map((kind) => kind.definition);
  // Custom kinds have their DeleteOptions from a document of everything.
  const groupVersions = isCustom ? builtInVersions(kinds) : [{ group, version }];
  return documentOf(schema, descriptions, operations, definitions, groupVersions, isCustom);
}

/** A document with a single operation, of no kind. */
export const openApiV3Lonely = (schema: Schema, descriptions: Descriptions, operation: Operation): JsonObject =>
  documentOf(schema, descriptions, [operation]);

/** What a kind's part of its document depends on, beside the schema. */
const shapeOf = ({ kind, resource, namespaced, verbs, definition, subresources, schema }: ShownKind): unknown => [
  kind,
  resource,
  namespaced,
  verbs,
  definition,
  schema?.definitions[definition]?.published?.v3,
  Object.entries(subresources ?? {}).map(([name, sub]) => [name, sub.kind, sub.verbs]),
];

/** Digests of those, made once for each kind. */
const digests = new WeakMap<ShownKind, string>();

const digestOfText = (text: string): string => createHash('sha512').update(text).digest('hex');

function digestOf(kind: ShownKind): string {
  let digest = digests.get(kind);
  if (digest === undefined) {
    digest = digestOfText(JSON.stringify(shapeOf(kind)));
    digests.set(kind, digest);
  }
  return digest;
}

export interface GroupVersion {
  group: string;
  version: string;
}

/** The group versions of the server's own kinds, in order. */
export function builtInVersions(kinds: readonly ShownKind[]): GroupVersion[] {
  const own = kinds.filter(({ schema }) => schema === undefined);
  const byName = new Map(own.map(({ group, version }) => [`${group}/${version}`, { group, version }]));
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/** The documents that are of no group version, by the path behind /openapi/v3/. */
export const lonelyDocuments = (kinds: readonly ShownKind[]): Map<string, Operation> =>
  lonelyOperations(new Set(builtInVersions(kinds).map(({ group }) => group)));

/**
 * The index: where the document of each group version is. The hash in each address changes with the document, so that clients may
 * keep what they read for good; `build` names this program's version.
 */
export function openApiV3Index(
  kinds: readonly ShownKind[],
  build = '',
): { paths: Record<string, { serverRelativeURL: string }> } {
  const digestsOf = new Map<string, string[]>();
  for (const path of lonelyDocuments(kinds).keys()) digestsOf.set(path, []);
  for (const kind of kinds) {
    const path = groupVersionPath(kind.group, kind.version);
    digestsOf.set(path, [...(digestsOf.get(path) ?? []), digestOf(kind)]);
  }
  const entries = [...digestsOf]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, own]) => {
      const hash = digestOfText(JSON.stringify([build, own])).toUpperCase();
      return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }] as const;
    });
  return { paths: Object.fromEntries(entries) };
}
