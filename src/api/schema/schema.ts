// The shape of the generated API schema: every type of Kubernetes v1.36 with its fields and their list and patch semantics.

import type { JsonObject } from '../meta/types.ts';

/** How a list is merged: one value, a set of scalars, or a map by keys. */
export type ListType = 'atomic' | 'set' | 'map';

export interface FieldSchema {
  /**
   * JSON type; `ref` names another definition; `any` is free JSON (RawExtension, FieldsV1, JSON) that is owned as one; `deduced` is
   * free JSON that is owned as its form tells: objects member by member, all else as one.
   */
  type:
    | 'string'
    | 'integer'
    | 'number'
    | 'boolean'
    | 'array'
    | 'map'
    | 'ref'
    | 'any'
    | 'deduced'
    | 'int-or-string'
    | 'quantity'
    | 'time'
    | 'micro-time'
    | 'bytes'
    | 'duration';
  /** int32, int64, byte, date-time … as OpenAPI prints it. */
  format?: string;
  /** Definition name, when type is 'ref'; with 'any', the free-form type (RawExtension, FieldsV1, JSON). */
  ref?: string;
  /** Element (array) or value (map) schema. */
  items?: FieldSchema;
  enum?: readonly string[];
  description?: string;
  listType?: ListType;
  listMapKeys?: readonly string[];
  mapType?: 'atomic' | 'granular';
  patchMergeKey?: string;
  /** 'merge', 'replace', 'retainKeys', or 'merge,retainKeys'. */
  patchStrategy?: string;
  default?: unknown;
  /** Go's name of the type where decoding errors print one that the rest does not tell (v1.PullPolicy). */
  goType?: string;
  /** The Go structs between the type and its field, embedded by name (VolumeSource): decoding errors print them. */
  embedded?: string;
  /** In Go the value stands behind a pointer, so that "", 0 and false are other values than none. */
  pointer?: true;
  /** What upstream's encoder writes for the unset field, where it never leaves the field out: {} for a struct, null, "", "0", 0 or false. */
  zero?: null | string | number | boolean | Readonly<Record<string, never>>;
}

export interface Definition {
  /** io.k8s.api.core.v1.Pod */
  name: string;
  description?: string;
  fields: Readonly<Record<string, FieldSchema>>;
  /** What fields of any other name hold, where such are kept (custom resources). */
  others?: FieldSchema;
  required: readonly string[];
  /** The whole object is replaced as one (map-type: atomic on the type). */
  atomic?: boolean;
  /** Fields of which one is set, by the discriminator's value; printed in OpenAPI, nothing enforces it. */
  unions?: readonly { discriminator?: string; fields: Readonly<Record<string, string>> }[];
  /** What OpenAPI documents show, where the definition was itself made from such a schema (custom resources). */
  published?: { v2: JsonObject; v3: JsonObject };
  /** Group, version and kind where the type is one that is served. */
  gvk?: readonly { group: string; version: string; kind: string }[];
}

/** Every definition by name. */
export interface Schema {
  definitions: Readonly<Record<string, Definition>>;
  /** The definition of a kind, or undefined. */
  ofKind(group: string, version: string, kind: string): Definition | undefined;
}
