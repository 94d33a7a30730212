// Tells whether a write would change nothing, so that it need not be made.

import type { ManagedFieldsEntry } from '../../api/meta/types.ts';
import type { ObjectVersion, StoredObject } from './object-version.ts';

type Fields = Readonly<Record<string, unknown>>;

const own = (object: Fields, key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);

/** Equal JSON, whatever the order of keys; absent and undefined are the same. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (!Array.isArray(a) && !Array.isArray(b)) return equalBut(a as Fields, b as Fields, noKeys);
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!equalJson(a[i], b[i])) return false;
  return true;
}

/** Equal but for those keys. */
function equalBut(a: object, b: object, except: readonly string[]): boolean {
  const [left, right] = [a as Fields, b as Fields];
  for (const key in left) if (!except.includes(key) && !equalJson(left[key], own(right, key))) return false;
  for (const key in right)
    if (!except.includes(key) && right[key] !== undefined && own(left, key) === undefined) return false;
  return true;
}

const noKeys: readonly string[] = [];
const ofObject = ['metadata'];
const ofMetadata = ['resourceVersion', 'managedFields'];
const ofEntry = ['time'];

/** Whether managers own the same fields, whenever they last changed them: that tells of no change by itself. */
function sameManagers(a: readonly ManagedFieldsEntry[] = [], b: readonly ManagedFieldsEntry[] = []): boolean {
  return a.length === b.length && a.every((entry, i) => equalBut(entry, b[i] ?? {}, ofEntry));
}

/** True when the object is what the version holds already, but for its resourceVersion and for when managers last changed it. */
export function sameContent(object: StoredObject, version: ObjectVersion): boolean {
  const old = version.object();
  return (
    equalBut(object, old, ofObject) &&
    equalBut(object.metadata, old.metadata, ofMetadata) &&
    sameManagers(object.metadata.managedFields, old.metadata.managedFields)
  );
}
