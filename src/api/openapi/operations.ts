// Lists the operations that the API server offers for each kind, as OpenAPI documents of both versions print them.
import { apiVersionOf } from '../meta/types.ts';
import type { AnyKind, Verb } from '../scheme.ts';
import type { Schema } from '../schema/schema.ts';

export interface Parameter {
  name: string;
  in: 'query' | 'path';
  type: 'string' | 'integer' | 'boolean';
  description: string;
}

export type Method = 'get' | 'put' | 'post' | 'delete' | 'patch';

export interface Operation {
  path: string;
  method: Method;
  id: string;
  tag: string;
  description: string;
  /** x-kubernetes-action. */
  action: string;
  gvk: { group: string; version: string; kind: string } | undefined;
  /** Content types of a patch. */
  patchTypes?: readonly string[];
  parameters: readonly Parameter[];
  /** Definition name of the body, if it takes one. */
  body: string | undefined;
  /** Definition name of what it gives; undefined for plain text. */
  result: string | undefined;
  /** It may answer 201 or 202 beside 200. */
  codes: readonly number[];
}

const query = (name: string, type: Parameter['type'], description: string): Parameter => ({
  name,
  in: 'query',
  type,
  description,
});

export const pathParameters: Readonly<Record<string, Parameter>> = {
  name: { name: 'name', in: 'path', type: 'string', description: 'name of the object' },
  namespace: { name: 'namespace', in: 'path', type: 'string', description: 'namespace of the object' },
};

export const pretty = query('pretty', 'string', 'If "true", the answer is indented.');

const dryRun = query('dryRun', 'string', 'With "All" every step of the write is done except for storing it.');
const fieldManager = query(
  'fieldManager',
  'string',
  'Who makes this change, for managedFields; the user agent by default.',
);
const fieldValidation = query(
  'fieldValidation',
  'string',
  'What to do with unknown and duplicate fields: Ignore drops them, Warn drops them with a warning (the default), Strict refuses the request.',
);
const force = query('force', 'boolean', 'Only for apply: take over fields that others own.');
const writeParameters = [dryRun, fieldManager, fieldValidation];
const listParameters = [
  query('allowWatchBookmarks', 'boolean', 'The watch may send bookmarks.'),
  query('continue', 'string', 'The token of the last page, to get the next.'),
  query('fieldSelector', 'string', 'Only objects whose fields match.'),
  query('labelSelector', 'string', 'Only objects whose labels match.'),
  query('limit', 'integer', 'At most so many objects a page.'),
  query('resourceVersion', 'string', 'The version to read at or after.'),
  query('resourceVersionMatch', 'string', 'How resourceVersion is meant for a list: Exact or NotOlderThan.'),
  query(
    'sendInitialEvents',
    'boolean',
    'The watch begins with the objects that there are, and a bookmark behind them.',
  ),
  query('timeoutSeconds', 'integer', 'The call ends after so many seconds.'),
  query('watch', 'boolean', 'Stream changes instead of a list.'),
];
const deleteParameters = [
  dryRun,
  query('gracePeriodSeconds', 'integer', 'Seconds that the object gets to end by itself; 0 deletes at once.'),
  query(
    'ignoreStoreReadErrorWithClusterBreakingPotential',
    'boolean',
    'Delete an object that cannot be read from the store.',
  ),
  query('orphanDependents', 'boolean', 'Old form of propagationPolicy: true leaves dependents behind.'),
  query('propagationPolicy', 'string', 'What happens to dependents: Orphan, Background or Foreground.'),
];

/** How documents describe the response codes. */
export const codeTexts: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const status = `${meta}.Status`;
const title = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** rbac.authorization.k8s.io reads RbacAuthorization in operation ids; the core group reads Core. */
function groupTitle(group: string): string {
  if (group === '') return 'Core';
  return group
    .replace(/\.k8s\.io$/, '')
    .split('.')
    .map(title)
    .join('');
}

/** The prefix that a group version is served under: api/v1 or apis/apps/v1, as the v3 index names it. */
export const groupVersionPath = (group: string, version: string): string =>
  group === '' ? `api/${version}` : `apis/${group}/${version}`;

interface Names {
  kind: AnyKind;
  schema: Schema;
  /** CoreV1. */
  prefix: string;
  tag: string;
  /** Namespaced or nothing. */
  scope: string;
  collection: string;
  item: string;
}

function namesOf(schema: Schema, kind: AnyKind): Names {
  const base = `/${groupVersionPath(kind.group, kind.version)}`;
  const group = groupTitle(kind.group);
  const collection = `${base}/${kind.namespaced ? 'namespaces/{namespace}/' : ''}${kind.resource}`;
  return {
    kind,
    schema,
    prefix: `${group}${title(kind.version)}`,
    tag: `${group.charAt(0).toLowerCase()}${group.slice(1)}_${kind.version}`,
    scope: kind.namespaced ? 'Namespaced' : '',
    collection,
    item: `${collection}/{name}`,
  };
}

const listOf = ({ schema, kind }: Names): string =>
  schema.ofKind(kind.group, kind.version, kind.listKind ?? `${kind.kind}List`)?.name ?? kind.definition;

type Shape = Pick<Operation, 'method' | 'action' | 'parameters' | 'body' | 'result' | 'codes'> & {
  verb: string;
  text: string;
  suffix?: string;
};

/** What each verb of an object (or of an object-like subresource) is as an operation. */
function shapeOf(verb: Verb, body: string): Shape | undefined {
  const write = { body, result: body };
  switch (verb) {
    case 'get':
      return {
        verb: 'read',
        method: 'get',
        action: 'get',
        text: 'read the specified',
        parameters: [],
        body: undefined,
        result: body,
        codes: [200],
      };
    case 'create':
      return {
        verb: 'create',
        method: 'post',
        action: 'post',
        text: 'create',
        parameters: writeParameters,
        ...write,
        codes: [200, 201, 202],
      };
    case 'update':
      return {
        verb: 'replace',
        method: 'put',
        action: 'put',
        text: 'replace the specified',
        parameters: writeParameters,
        ...write,
        codes: [200, 201],
      };
    case 'patch':
      return {
        verb: 'patch',
        method: 'patch',
        action: 'patch',
        text: 'partially update the specified',
        parameters: [...writeParameters, force],
        body: `${meta}.Patch`,
        result: body,
        codes: [200, 201],
      };
    case 'delete':
      return {
        verb: 'delete',
        method: 'delete',
        action: 'delete',
        text: 'delete',
        parameters: deleteParameters,
        body: `${meta}.DeleteOptions`,
        result: status,
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
const patchTypesOf = ({ schema }: AnyKind): readonly string[] => [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  ...(schema === undefined ? ['application/strategic-merge-patch+json'] : []),
];

function operation(names: Names, path: string, shape: Shape, subresource: string, gvk: Operation['gvk']): Operation {
  const { kind } = names;
  const { verb, text, ...rest } = shape;
  return {
    ...rest,
    path,
    id: `${verb}${names.prefix}${names.scope}${kind.kind}${title(subresource)}`,
    tag: names.tag,
    ...(verb === 'patch' ? { patchTypes: patchTypesOf(kind) } : {}),
    description: subresource === '' ? `${text} ${kind.kind}` : `${text} ${kind.kind}, its ${subresource}`,
    gvk,
  };
}

function collectionOperations(names: Names): Operation[] {
  const { kind } = names;
  const gvk = { group: kind.group, version: kind.version, kind: kind.kind };
  const found: Operation[] = [];
  const list = (path: string, id: string): Operation => ({
    path,
    method: 'get',
    id,
    tag: names.tag,
    description: `list or watch objects of kind ${kind.kind}`,
    action: 'list',
    gvk,
    parameters: listParameters,
    body: undefined,
    result: listOf(names),
    codes: [200],
  });
  if (kind.verbs.includes('list')) {
    found.push(list(names.collection, `list${names.prefix}${names.scope}${kind.kind}`));
    if (kind.namespaced)
      found.push(
        list(
          `/${groupVersionPath(kind.group, kind.version)}/${kind.resource}`,
          `list${names.prefix}${kind.kind}ForAllNamespaces`,
        ),
      );
  }
  if (kind.verbs.includes('deletecollection'))
    found.push({
      ...list(names.collection, `delete${names.prefix}Collection${names.scope}${kind.kind}`),
      method: 'delete',
      description: `delete collection of ${kind.kind}`,
      action: 'deletecollection',
      parameters: [
        ...listParameters.filter((p) => p.name !== 'watch' && p.name !== 'allowWatchBookmarks'),
        ...deleteParameters,
      ],
      body: `${meta}.DeleteOptions`,
      result: status,
    });
  return found;
}

const methodOf: Readonly<Partial<Record<Verb, Method>>> = {
  get: 'get',
  create: 'post',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
};

function subresourceOperations(names: Names): Operation[] {
  const { kind, schema } = names;
  const own = { group: kind.group, version: kind.version, kind: kind.kind };
  return Object.entries(kind.subresources ?? {}).flatMap(([name, subresource]) => {
    const path = `${names.item}/${name}`;
    const gvk = subresource.kind === 'object' ? own : subresource.bodyKind;
    const body =
      subresource.kind === 'object' ? kind.definition : schema.ofKind(gvk.group, gvk.version, gvk.kind)?.name;
    const typed = body !== undefined && (subresource.kind === 'object' || body !== kind.definition);
    return subresource.verbs.flatMap((verb): Operation[] => {
      const shape = typed ? shapeOf(verb, body) : undefined;
      if (shape) return [operation(names, path, shape, name, gvk)];
      const method = methodOf[verb];
      if (method === undefined || typed) return [];
      // What is no object is text (log) or a connection (exec).
      const text = body === kind.definition && verb === 'get';
      const id = text
        ? `read${names.prefix}${names.scope}${kind.kind}${title(name)}`
        : `connect${names.prefix}${title(method)}${names.scope}${kind.kind}${title(name)}`;
      const description = text
        ? `read ${name} of the specified ${kind.kind}`
        : `connect ${method.toUpperCase()} requests to ${name} of ${kind.kind}`;
      return [
        {
          path,
          method,
          id,
          tag: names.tag,
          description,
          action: text ? 'get' : 'connect',
          gvk,
          parameters: [],
          body: undefined,
          result: undefined,
          codes: [200],
        },
      ];
    });
  });
}

/** Every operation of one kind, with its subresources. */
export function operationsOf(schema: Schema, kind: AnyKind): Operation[] {
  const names = namesOf(schema, kind);
  const gvk = { group: kind.group, version: kind.version, kind: kind.kind };
  const items = kind.verbs.flatMap((verb) => {
    const shape = shapeOf(verb, kind.definition);
    return shape ? [operation(names, verb === 'create' ? names.collection : names.item, shape, '', gvk)] : [];
  });
  return [...collectionOperations(names), ...items, ...subresourceOperations(names)];
}

/** The discovery document of a group version, which each document lists first. */
export function discoveryOperation(group: string, version: string): Operation {
  const name = groupTitle(group);
  return {
    path: `/${groupVersionPath(group, version)}/`,
    method: 'get',
    id: `get${name}${title(version)}APIResources`,
    tag: `${name.charAt(0).toLowerCase()}${name.slice(1)}_${version}`,
    description: `get the resources of ${apiVersionOf({ group, version })}`,
    action: 'get',
    gvk: undefined,
    parameters: [],
    body: undefined,
    result: `${meta}.APIResourceList`,
    codes: [200],
  };
}
