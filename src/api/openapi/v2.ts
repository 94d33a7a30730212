// Builds /openapi/v2: one Swagger 2.0 document of everything that is served. Only old clients still read it.
import type { JsonObject } from '../meta/types.ts';
import type { Descriptions } from '../schema/load.ts';
import type { Schema } from '../schema/schema.ts';
import { componentSchemas, reference } from './components.ts';
import { codeTexts, documentInfo } from './document.ts';
import { resourcesOperation } from './document-operations.ts';
import type { Operation, ShownKind } from './operation.ts';
import { operationsOf } from './operations.ts';
import { type Parameter, parametersIn, pretty } from './parameters.ts';
import { builtInVersions, lonelyDocuments, rootsOf } from './v3.ts';

const parameter = ({ name, in: where, type, description }: Parameter): JsonObject => ({
  name,
  in: where,
  description,
  type,
  uniqueItems: true,
  ...(where === 'path' ? { required: true } : {}),
});

const refTo = (name: string): JsonObject => ({ $ref: reference(2, name) });

function operationObject(operation: Operation): JsonObject {
  const { body, gvk, consumes } = operation;
  const required = operation.method === 'delete' ? {} : { required: true };
  const parameters = [
    ...(body ? [{ name: 'body', in: 'body', ...required, schema: refTo(body) }] : []),
    ...operation.parameters.map(parameter),
  ];
  const schema = operation.result ? refTo(operation.result) : { type: 'string' };
  return {
    description: operation.description,
    ...(consumes.length > 0 ? { consumes: [...consumes] } : {}),
    produces: [...operation.produces],
    schemes: ['https'],
    tags: [operation.tag],
    operationId: operation.id,
    ...(parameters.length > 0 ? { parameters } : {}),
    responses: {
      ...Object.fromEntries(
        operation.codes.map((code) => [String(code), { description: codeTexts[code] ?? 'OK', schema }]),
      ),
      '401': { description: 'Unauthorized' },
    },
    ...(gvk ? { 'x-kubernetes-action': operation.action, 'x-kubernetes-group-version-kind': { ...gvk } } : {}),
  };
}

/** The whole document, as plain JSON (several MB of text: build it when it is first asked for, and keep it). */
export function openApiV2Document(schema: Schema, descriptions: Descriptions, kinds: readonly ShownKind[]): JsonObject {
  const groupVersions = builtInVersions(kinds);
  const operations = [
    ...lonelyDocuments(kinds).values(),
    ...groupVersions.map(({ group, version }) => resourcesOperation(group, version)),
    ...kinds.flatMap((kind) => operationsOf(schema, kind)),
  ];
  const paths: { [path: string]: JsonObject } = {};
  for (const operation of operations) {
    const item = (paths[operation.path] ??= {});
    item[operation.method] = operationObject(operation);
    const common = [...parametersIn(operation.path), ...(operation.hasPretty ? [pretty] : [])];
    if (common.length > 0) item['parameters'] = common.map(parameter);
  }
  return {
    swagger: '2.0',
    info: documentInfo(false),
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    definitions: componentSchemas(
      2,
      schema,
      descriptions,
      [...rootsOf(operations), ...kinds.map((kind) => kind.definition)],
      groupVersions,
    ),
    securityDefinitions: {
      BearerToken: { description: 'Bearer Token authentication', type: 'apiKey', name: 'authorization', in: 'header' },
    },
    security: [{ BearerToken: [] }],
  };
}
