// Lists the operations that the API server offers for each kind, as OpenAPI documents of both versions print them.
import { returnsDeleted } from '../kinds/returns-deleted.ts';
import type { Verb } from '../scheme.ts';
import type { Schema } from '../schema/schema.ts';
import { connectOperations } from './connect-operations.ts';
import {
  anyType,
  customTypes,
  meta,
  type Names,
  namesOf,
  objectTypes,
  type Operation,
  type ShownKind,
  title,
  watchTypes,
} from './operation.ts';
import {
  deleteCollectionParameters,
  deleteParameters,
  listParameters,
  patchParameters,
  resourceVersion,
  writeParameters,
} from './parameters.ts';
import { watchOperations } from './watch-operations.ts';

const status = `${meta}.Status`;

const listOf = ({ schema, kind }: Names): string =>
  schema.ofKind(kind.group, kind.version, kind.listKind ?? `${kind.kind}List`)?.name ?? kind.definition;

/** What is the same for every operation of a kind. */
const shared = ({ tag, isCustom }: Names) => ({
  tag,
  consumes: isCustom ? customTypes : anyType,
  produces: isCustom ? customTypes : objectTypes,
  hasPretty: true,
});

type Shape = Pick<Operation, 'method' | 'action' | 'parameters' | 'body' | 'result' | 'codes'> & {
  verb: string;
  text: string;
};

/** What each verb of an object (or of an object-like subresource) is as an operation. */
function shapeOf(verb: Verb, body: string, { isCustom, kind }: Names): Shape | undefined {
  const write = { parameters: writeParameters, body, result: body };
  switch (verb) {
    case 'get':
      return {
        verb: 'read',
        method: 'get',
        action: 'get',
        text: 'read the specified',
        parameters: isCustom ? [resourceVersion] : [],
        body: undefined,
        result: body,
        codes: [200],
      };
    case 'create':
      return { verb: 'create', method: 'post', action: 'post', text: 'create', ...write, codes: [200, 201, 202] };
    case 'update':
      return {
        verb: 'replace',
        method: 'put',
        action: 'put',
        text: 'replace the specified',
        ...write,
        codes: [200, 201],
      };
    case 'patch':
      return {
        verb: 'patch',
        method: 'patch',
        action: 'patch',
        text: 'partially update the specified',
        parameters: patchParameters,
        body: `${meta}.Patch`,
        result: body,
        codes: isCustom ? [200] : [200, 201],
      };
    case 'delete':
      return {
        verb: 'delete',
        method: 'delete',
        action: 'delete',
        text: 'delete',
        parameters: deleteParameters,
        body: `${meta}.DeleteOptions`,
        result: returnsDeleted(kind) ? body : status,
        codes: [200, 202],
      };
    case 'list':
    case 'watch':
    case 'deletecollection':
      return undefined;
    default:
      return verb satisfies never;
  }
}

/** Kinds that bring their own schema know no strategic merge. */
const patchTypesOf = ({ isCustom }: Names): readonly string[] => [
  'application/json-patch+json',
  'application/merge-patch+json',
  ...(isCustom ? [] : ['application/strategic-merge-patch+json']),
  'application/apply-patch+yaml',
];

function operation(names: Names, path: string, shape: Shape, subresource: string, gvk: Operation['gvk']): Operation {
  const { kind } = names;
  const { verb, text, ...rest } = shape;
  const what = subresource === '' ? kind.kind : `${kind.kind}, its ${subresource}`;
  return {
    ...shared(names),
    ...rest,
    ...(verb === 'patch' ? { consumes: patchTypesOf(names) } : {}),
    path: names.base + path,
    id: `${verb}${names.prefix}${names.scope}${kind.kind}${title(subresource)}`,
    description: `${text} ${what}`,
    gvk,
  };
}

function collectionOperations(names: Names): Operation[] {
  const { kind, base, collection, gvk, isCustom } = names;
  const found: Operation[] = [];
  const isWatched = kind.verbs.includes('watch');
  const list = (path: string, id: string): Operation => ({
    ...shared(names),
    path: base + path,
    method: 'get',
    id,
    description: `list ${isWatched ? 'or watch ' : ''}objects of kind ${kind.kind}`,
    action: 'list',
    gvk,
    parameters: listParameters,
    body: undefined,
    result: listOf(names),
    produces: isCustom ? customTypes : watchTypes,
    codes: [200],
  });
  if (kind.verbs.includes('list')) {
    found.push(list(collection, `list${names.prefix}${names.scope}${kind.kind}`));
    if (kind.namespaced) found.push(list(`/${kind.resource}`, `list${names.prefix}${kind.kind}ForAllNamespaces`));
  }
  if (kind.verbs.includes('deletecollection'))
    found.push({
      ...list(collection, `delete${names.prefix}Collection${names.scope}${kind.kind}`),
      ...shared(names),
      method: 'delete',
      description: `delete collection of ${kind.kind}`,
      action: 'deletecollection',
      parameters: isCustom ? listParameters : deleteCollectionParameters,
      body: isCustom ? undefined : `${meta}.DeleteOptions`,
      result: status,
    });
  return found;
}

/** Subresources that take and give objects; the others are connections. */
function subresourceOperations(names: Names): Operation[] {
  const { kind, schema, isCustom } = names;
  return Object.entries(kind.subresources ?? {}).flatMap(([name, subresource]) => {
    const path = `${names.collection}/{name}/${name}`;
    const own = subresource.kind === 'object' ? names.gvk : subresource.bodyKind;
    const body =
      subresource.kind === 'object' ? kind.definition : schema.ofKind(own.group, own.version, own.kind)?.name;
    // A log is of the kind itself, and no object.
    const isObject = body !== undefined && (subresource.kind === 'object' || body !== kind.definition);
    if (!isObject) return connectOperations(names, name, subresource.verbs, own);
    return subresource.verbs.flatMap((verb): Operation[] => {
      const shape = shapeOf(verb, body, names);
      return shape === undefined ? [] : [operation(names, path, shape, name, isCustom ? names.gvk : own)];
    });
  });
}

/** Every operation of one kind, with its subresources. */
export function operationsOf(schema: Schema, kind: ShownKind): Operation[] {
  const names = namesOf(schema, kind);
  const { collection, gvk } = names;
  const items = kind.verbs.flatMap((verb) => {
    const shape = shapeOf(verb, kind.definition, names);
    return shape ? [operation(names, verb === 'create' ? collection : `${collection}/{name}`, shape, '', gvk)] : [];
  });
  return [
    ...collectionOperations(names),
    ...items,
    ...subresourceOperations(names),
    ...(names.isCustom ? [] : watchOperations(names)),
  ];
}
