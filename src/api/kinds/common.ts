// What the kinds' definitions share: verbs, the strategy of kinds without rules of their own, and usual columns.

import { equalJson } from '../meta/equal.ts';
import type { FieldError } from '../meta/errors.ts';
import { age } from '../meta/time.ts';
import { type NameCheck, nameIsSubdomain } from '../meta/names.ts';
import type { KubeObject, ObjectMeta } from '../meta/types.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../meta/validate-meta.ts';
import type { ConnectSubresource, Strategy, TableColumn, Verb } from '../scheme.ts';

/** Every verb of an ordinary resource. */
export const allVerbs: readonly Verb[] = [
  'create',
  'get',
  'list',
  'watch',
  'update',
  'patch',
  'delete',
  'deletecollection',
];

/** The metadata of an object, made when it has none. */
export function metaOf(object: KubeObject): ObjectMeta {
  object.metadata ??= {};
  return object.metadata;
}

/** Checks only metadata, with rules of the kind's own added by `check`. */
export function simpleStrategy<T extends KubeObject>(options: {
  namespaced: boolean;
  name?: NameCheck;
  check?: (object: T) => FieldError[];
  checkUpdate?: (object: T, old: T) => FieldError[];
  /** An update is checked as a new object first. */
  newFirst?: true;
}): Strategy<T> {
  const { namespaced, name = nameIsSubdomain, check, checkUpdate, newFirst } = options;
  const checkNew = (object: T): FieldError[] => [
    ...validateObjectMeta(metaOf(object), namespaced, name),
    ...(check?.(object) ?? []),
  ];
  return {
    validateCreate: checkNew,
    validateUpdate: (object, old) => [
      ...(newFirst ? checkNew(object) : []),
      ...validateObjectMetaUpdate(metaOf(object), metaOf(old)),
      ...(checkUpdate?.(object, old) ?? []),
      ...(newFirst ? [] : checkNew(object)),
    ],
  };
}

/** Sets a field, or removes it when the value is undefined: absent stays absent. */
export function assign<T extends object, K extends keyof T>(target: T, key: K, value: T[K] | undefined): void {
  if (value === undefined) delete target[key];
  else target[key] = value;
}

/**
 * Puts metadata back that writers of a part of the object (status and the like) leave alone. Follows ResetObjectMetaForStatus in
 * apimachinery pkg/apis/meta/v1/helpers.go; managedFields stay, for they tell of the write itself.
 */
export function keepMetadata(object: KubeObject, old: KubeObject): void {
  const [meta, before] = [metaOf(object), metaOf(old)];
  const kept = ['deletionTimestamp', 'generation', 'labels', 'annotations', 'finalizers', 'ownerReferences'] as const;
  for (const field of kept) assign(meta, field, before[field]);
}

/** A subresource that the API server's own code serves. */
export const connect = (verbs: readonly Verb[], kind: string, group = '', version = 'v1'): ConnectSubresource => ({
  kind: 'custom',
  verbs,
  bodyKind: { group, version, kind },
});

export const nameColumn: TableColumn = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'The name, unique among objects of this kind in its namespace.',
  priority: 0,
  cell: (object) => object.metadata?.name ?? '',
};

export const ageColumn: TableColumn = {
  name: 'Age',
  type: 'string',
  description: 'Time since the object was created.',
  priority: 0,
  cell: (object, now) => age(object.metadata?.creationTimestamp, now),
};

/** A text column; `wide` shows it with -o wide only. */
export function textColumn<T extends KubeObject>(
  name: string,
  description: string,
  cell: (object: T, now: number) => string,
  wide = false,
): TableColumn<T> {
  return { name, type: 'string', description, priority: wide ? 1 : 0, cell };
}

/** A column of whole numbers; `<none>` and the like where there is none. */
export function integerColumn<T extends KubeObject>(
  name: string,
  description: string,
  cell: (object: T) => number | string,
): TableColumn<T> {
  return { name, type: 'integer', description, priority: 0, cell };
}

/** A column of true and false. */
export function booleanColumn<T extends KubeObject>(
  name: string,
  description: string,
  cell: (object: T) => boolean,
): TableColumn<T> {
  return { name, type: 'boolean', description, priority: 0, cell };
}

/** The warning for what is checked and stored, and does nothing yet. */
export const idle = (field: string, why: string): string => `${field}: accepted but not acted on: ${why}`;

/** An object whose spec is its user's and whose status, where it has one, is its controller's. */
export interface SpecObject extends KubeObject {
  spec?: unknown;
  status?: unknown;
}

/** Counts a change of the spec in metadata.generation. */
export function countSpecChange(object: SpecObject, old: SpecObject): void {
  if (!equalJson(object.spec, old.spec)) metaOf(object).generation = (old.metadata?.generation ?? 0) + 1;
}

/** The verbs of status subresources. */
export const statusVerbs: readonly Verb[] = ['get', 'update', 'patch'];
