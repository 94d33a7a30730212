// What the registry asks of the API machinery: decoding, patches, ownership of fields. Bound to src/api in server.ts, faked in tests.

import type { ManagedFieldsEntry } from '../api/meta/types.ts';
import type { AnyKind } from '../api/scheme.ts';
import type { StoredObject } from './registry/object-version.ts';

/** A parsed body and what a strict decoder would object to: `duplicate field "x"`, `unknown field "spec.foo"`. */
export interface Decoded<T> {
  value: T;
  strictErrors: string[];
}

export type PatchType = 'json' | 'merge' | 'strategic';

export interface UpdateOfFields {
  kind: AnyKind;
  manager: string;
  subresource: string;
  /** ms since the epoch. */
  now: number;
  before: StoredObject | undefined;
  after: StoredObject;
}

/** All of it is synchronous and pure. Failures are ApiErrors. */
export interface ObjectMachinery {
  /** Text to JSON; JSON duplicates are listed. Throws 400. */
  parse(bytes: Buffer, contentType: string): Decoded<unknown>;
  /** Checks the JSON against the definition: drops nulls and unknown fields in place, lists the latter. Throws 400 where a type is wrong. */
  check(definition: string, object: object): string[];
  /** Applies the patch to a copy of `target`. Throws 400 or 422. */
  patch(type: PatchType, definition: string, target: StoredObject, patch: unknown): StoredObject;
  /** managedFields of `after` once `manager` has written it; undefined when there are none. */
  managedFields(update: UpdateOfFields): ManagedFieldsEntry[] | undefined;
}
