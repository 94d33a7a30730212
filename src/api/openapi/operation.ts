// What an operation of the API is, and the names that those of a kind are made of.
import type { AnyKind } from '../scheme.ts';
import type { Schema } from '../schema/schema.ts';
import type { Parameter } from './parameters.ts';

export type Method = 'get' | 'put' | 'post' | 'delete' | 'patch' | 'head' | 'options';

/** A kind as documents show it, whether its objects are stored or not. */
export type ShownKind = Pick<
  AnyKind,
  | 'group'
  | 'version'
  | 'kind'
  | 'listKind'
  | 'resource'
  | 'namespaced'
  | 'verbs'
  | 'definition'
  | 'subresources'
  | 'schema'
>;

export interface Operation {
  path: string;
  method: Method;
  id: string;
  tag: string;
  description: string;
  /** x-kubernetes-action. */
  action: string;
  gvk: { group: string; version: string; kind: string } | undefined;
  parameters: readonly Parameter[];
  /** Definition name of the body, if it takes one. */
  body: string | undefined;
  /** Media types of the body; none where the document says nothing of it. */
  consumes: readonly string[];
  /** Definition name of what it gives; undefined for text. */
  result: string | undefined;
  /** Media types of the answer. */
  produces: readonly string[];
  /** It may answer 201 or 202 beside 200. */
  codes: readonly number[];
  /** Whether the answer may be indented. */
  hasPretty: boolean;
}

/** The forms of objects, and of watches. */
export const objectTypes: readonly string[] = [
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
];
export const watchTypes: readonly string[] = [
  ...objectTypes,
  'application/json;stream=watch',
  'application/vnd.kubernetes.protobuf;stream=watch',
];
/** Objects of kinds that bring their own schema have fewer. */
export const customTypes: readonly string[] = ['application/json', 'application/yaml'];
export const anyType: readonly string[] = ['*/*'];

export const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

export const title = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const untitled = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

/** rbac.authorization.k8s.io reads RbacAuthorization in operation ids; the core group reads Core. */
export function groupTitle(group: string): string {
  if (group === '') return 'Core';
  return group
    .replace(/\.k8s\.io$/, '')
    .split('.')
    .map(title)
    .join('');
}

/** The tag of operations of a group: rbacAuthorization. */
export const groupTag = (group: string): string => untitled(groupTitle(group));

/** The prefix that a group version is served under: api/v1 or apis/apps/v1, as the v3 index names it. */
export const groupVersionPath = (group: string, version: string): string =>
  group === '' ? `api/${version}` : `apis/${group}/${version}`;

/** What the operations of a kind are made of. */
export interface Names {
  kind: ShownKind;
  schema: Schema;
  /** CoreV1. */
  prefix: string;
  tag: string;
  /** Namespaced or nothing. */
  scope: string;
  /** /api/v1 */
  base: string;
  /** Behind it: /namespaces/{namespace}/pods */
  collection: string;
  gvk: { group: string; version: string; kind: string };
  /** Whether a definition of the cluster's own made it. */
  isCustom: boolean;
}

export function namesOf(schema: Schema, kind: ShownKind): Names {
  return {
    kind,
    schema,
    prefix: `${groupTitle(kind.group)}${title(kind.version)}`,
    tag: `${groupTag(kind.group)}_${kind.version}`,
    scope: kind.namespaced ? 'Namespaced' : '',
    base: `/${groupVersionPath(kind.group, kind.version)}`,
    collection: `${kind.namespaced ? '/namespaces/{namespace}' : ''}/${kind.resource}`,
    gvk: { group: kind.group, version: kind.version, kind: kind.kind },
    isCustom: kind.schema !== undefined,
  };
}
