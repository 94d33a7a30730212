// Builds /openapi/v3: the index of group versions and the document of each, as kubectl explain, apply and validation read them.
// Follows kube-openapi's handler3 and builder3.
import { createHash } from 'node:crypto';
import type { JsonObject } from '../meta/types.ts';
import type { AnyKind } from '../scheme.ts';
import type { Descriptions } from '../schema/load.ts';
import type { Schema } from '../schema/schema.ts';
import { componentSchemas, reference } from './components.ts';
import {
  codeTexts,
  discoveryOperation,
  groupVersionPath,
  type Operation,
  operationsOf,
  type Parameter,
  pathParameters,
  pretty,
} from './operations.ts';

const responseTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const watchTypes = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];

const refTo = (name: string): JsonObject => ({ $ref: reference(3, name) });

const content = (types: readonly string[], schema: JsonObject): JsonObject =>
  Object.fromEntries(types.map((type) => [type, { schema }]));

const parameter = ({ name, in: where, type, description }: Parameter): JsonObject => ({
  name,
  in: where,
  description,
  ...(where === 'path' ? { required: true } : {}),
  schema: { type, uniqueItems: true },
});

function response(operation: Operation, code: number): JsonObject {
  const types = operation.action === 'list' ? [...responseTypes, ...watchTypes] : responseTypes;
  const body = operation.result
    ? content(types, refTo(operation.result))
    : content(['text/plain', ...responseTypes], { type: 'string' });
  return { description: codeTexts[code] ?? 'OK', content: body };
}

function operationObject(operation: Operation): JsonObject {
  const { body, gvk, parameters } = operation;
  const types = operation.patchTypes ?? ['*/*'];
  return {
    tags: [operation.tag],
    description: operation.description,
    operationId: operation.id,
    ...(parameters.length > 0 ? { parameters: parameters.map(parameter) } : {}),
    ...(body
      ? {
          requestBody: {
            content: content(types, refTo(body)),
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
    const inPath = Object.values(pathParameters).filter((p) => operation.path.includes(`{${p.name}}`));
    if (operation.gvk) item['parameters'] = [...inPath, pretty].map(parameter);
  }
  return Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Names of all definitions that operations take or give. */
export const rootsOf = (operations: readonly Operation[]): string[] =>
  operations.flatMap(({ body, result }) => [...(body ? [body] : []), ...(result ? [result] : [])]);

/**
 * The document of one group version, as plain JSON. Building takes some milliseconds and core/v1 gives about 1 MB of text: keep it.
 * `kinds` may hold kinds of other group versions; they are left out.
 */
export function openApiV3Document(
  schema: Schema,
  descriptions: Descriptions,
  kinds: readonly AnyKind[],
  group: string,
  version: string,
): JsonObject {
  const own = kinds.filter((kind) => kind.group === group && kind.version === version);
  const operations = [discoveryOperation(group, version), ...own.flatMap((kind) => operationsOf(schema, kind))];
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.36.0' },
    paths: pathItems(operations),
    components: {
      schemas: componentSchemas(3, schema, descriptions, [
        ...rootsOf(operations),
        ...own.map((kind) => kind.definition),
      ]),
      securitySchemes: {
        BearerToken: {
          type: 'apiKey',
          description: 'Bearer Token authentication',
          name: 'authorization',
          in: 'header',
        },
      },
    },
    security: [{ BearerToken: [] }],
  };
}

/** What a kind's part of its document depends on, beside the schema. */
const shapeOf = ({ kind, resource, namespaced, verbs, definition, subresources, schema }: AnyKind): unknown => [
  kind,
  resource,
  namespaced,
  verbs,
  definition,
  schema?.definitions[definition]?.published?.v3,
  Object.entries(subresources ?? {}).map(([name, sub]) => [name, sub.kind, sub.verbs]),
];

/** Digests of those, made once for each kind. */
const digests = new WeakMap<AnyKind, string>();

function digestOf(kind: AnyKind): string {
  let digest = digests.get(kind);
  if (digest === undefined) {
    digest = createHash('sha512')
      .update(JSON.stringify(shapeOf(kind)))
      .digest('hex');
    digests.set(kind, digest);
  }
  return digest;
}

/**
 * The index: where the document of each group version is. The hash in each address changes with the document, so that clients may
 * keep what they read for good; `build` names this program's version.
 */
export function openApiV3Index(
  kinds: readonly AnyKind[],
  build = '',
): { paths: Record<string, { serverRelativeURL: string }> } {
  const byPath = new Map<string, AnyKind[]>();
  for (const kind of kinds) {
    const path = groupVersionPath(kind.group, kind.version);
    byPath.set(path, [...(byPath.get(path) ?? []), kind]);
  }
  const entries = [...byPath]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, own]) => {
      const hash = createHash('sha512')
        .update(JSON.stringify([build, own.map(digestOf)]))
        .digest('hex')
        .toUpperCase();
      return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }] as const;
    });
  return { paths: Object.fromEntries(entries) };
}
