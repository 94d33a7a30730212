// Tells whether a write would change nothing, so that it need not be made.

import type { ManagedFieldsEntry } from '../../api/meta/types.ts';
import type { ObjectVersion, StoredObject } from './object-version.ts';

/** Equal JSON, whatever the order of keys; absent and undefined are the same. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => equalJson(item, b[i]));
  }
  const left = Object.entries(a).filter(([, v]) => v !== undefined);
  const right = new Map(Object.entries(b).filter(([, v]) => v !== undefined));
  return left.length === right.size && left.every(([key, value]) => right.has(key) && equalJson(value, right.get(key)));
}

/** Managed fields without their times, which tell of no change by themselves. */
const untimed = (entries: readonly ManagedFieldsEntry[] | undefined): unknown =>
  entries?.map(({ time: _, ...entry }) => entry);

/** True when the object is what the version holds already, but for its resourceVersion and for when managers last changed it. */
export function sameContent(object: StoredObject, version: ObjectVersion): boolean {
  const old = version.object();
  const { resourceVersion: _a, managedFields, ...metadata } = object.metadata;
  const { resourceVersion: _b, managedFields: oldFields, ...oldMetadata } = old.metadata;
  return (
    equalJson({ ...object, metadata }, { ...old, metadata: oldMetadata }) &&
    equalJson(untimed(managedFields), untimed(oldFields))
  );
}
