// Keeps what stored bytes are in the served version, for kinds whose objects another server converts.

import type { KubeObject } from '../../api/meta/types.ts';
import type { AnyKind } from '../../api/scheme.ts';

/** By kind, then by the stored bytes: held only as long as both live. */
const served = new WeakMap<AnyKind, WeakMap<Uint8Array, Uint8Array>>();

function servedBy(kind: AnyKind): WeakMap<Uint8Array, Uint8Array> {
  let found = served.get(kind);
  if (found === undefined) {
    found = new WeakMap();
    served.set(kind, found);
  }
  return found;
}

/** Notes what stored bytes are served as. */
export const noteServed = (kind: AnyKind, stored: Uint8Array, bytes: Uint8Array): void =>
  void servedBy(kind).set(stored, bytes);

/** What the stored bytes are served as; throws where they have not been converted. */
export function servedBytes(kind: AnyKind, stored: Uint8Array): Uint8Array {
  const found = servedBy(kind).get(stored);
  if (found === undefined) throw new Error(`an object of kind ${kind.kind} has not been converted to ${kind.version}`);
  return found;
}

/**
 * Converts what has not been converted, where that takes another server. `encode` writes an object. Rejects with the Error of the
 * conversion.
 */
export async function convertStored(
  kind: AnyKind,
  stored: readonly Uint8Array[],
  encode: (object: KubeObject) => Uint8Array,
): Promise<void> {
  const remote = kind.storage?.remote;
  if (remote === undefined) return;
  const known = servedBy(kind);
  const missing = [...new Set(stored)].filter((bytes) => !known.has(bytes));
  if (missing.length === 0) return;
  const objects = missing.map((bytes) => JSON.parse(Buffer.from(bytes).toString('utf8')) as KubeObject);
  const converted = await remote.fromStorage(objects);
  for (const [i, bytes] of missing.entries()) {
    const object = converted[i];
    if (object !== undefined) noteServed(kind, bytes, encode(object));
  }
}
