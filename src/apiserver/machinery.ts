// What the registry asks of the API machinery: decoding, patches, ownership of fields. Bound to src/api in server.ts, faked in tests.

import type { Applied } from '../api/managed-fields/apply-configuration.ts';
import type { ManagedFieldsEntry } from '../api/meta/types.ts';
import type { Tree } from '../api/patch/json-tree.ts';
import type { DecodeResult, DecodeSource } from '../api/schema/decode.ts';
import type { Schema } from '../api/schema/schema.ts';
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
  /** Its own managedFields is what the client sent. */
  after: StoredObject;
  /** Fields that the endpoint resets whatever the client sends. */
  resetFields: readonly (readonly string[])[] | undefined;
  /** The only fields that the endpoint changes. */
  onlyFields: readonly (readonly string[])[] | undefined;
}

export interface ApplyOfFields {
  kind: AnyKind;
  manager: string;
  force: boolean;
  subresource: string;
  /** ms since the epoch. */
  now: number;
  live: StoredObject | undefined;
  /** What was applied, as it was sent. */
  config: Tree;
  resetFields: readonly (readonly string[])[] | undefined;
  onlyFields: readonly (readonly string[])[] | undefined;
}

/** All of it is pure, and synchronous but where a webhook has to convert objects. Failures are ApiErrors. */
export interface ObjectMachinery {
  /** What it works by; OpenAPI documents are made from it. */
  readonly schema: Schema;
  /**
   * A body to JSON; duplicate keys are listed. What is in protobuf has the type `wanted` where it tells none. Throws JsonSyntaxError,
   * EnvelopeError, MessageError, and 415 for a form that is none of these.
   */
  parse(bytes: Buffer, contentType: string, wanted?: { apiVersion: string; kind: string }): Decoded<unknown>;
  /**
   * Checks a value against the kind's definition: drops nulls and unknown fields in place, lists the latter, tells of the first wrong
   * type. Parts of `kept` were checked before: kinds that decode themselves have none.
   */
  check(kind: AnyKind, object: unknown, from: DecodeSource, kept?: ReadonlySet<unknown>): DecodeResult;
  /** The object after the patch. `target` is used up: it may be changed, and share parts with the result. Throws 400, 422. */
  patch(type: PatchType, kind: AnyKind, target: StoredObject, patch: unknown): unknown;
  /** A copy of an object of the kind with its keys in the order in which upstream's encoder writes them. */
  inOrder(kind: AnyKind, object: unknown): unknown;
  /** managedFields of `after` once `manager` has written it. */
  managedFields(update: UpdateOfFields): ManagedFieldsEntry[] | Promise<ManagedFieldsEntry[]>;
  /** The object once `manager` has applied a configuration to it, which is yet to be checked, and its managedFields. Throws 400, 409, 500. */
  apply(apply: ApplyOfFields): Applied | Promise<Applied>;
  /** The object with a configuration merged into it, which is yet to be checked; nobody owns its fields. Throws 400 for what is atomic. */
  merge(kind: AnyKind, live: object, config: object): unknown;
}
