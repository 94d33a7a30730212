// Which part of an object was which part of it before an update. Follows apiserver pkg/cel/common/equality.go and
// apiextensions-apiserver pkg/apiserver/schema/cel/maplist.go of v1.36.

import type { JSONSchemaProps } from '../generated/types.ts';
import { equalJson } from '../meta/equal.ts';

type Json = unknown;
const isRecord = (json: Json): json is Readonly<Record<string, Json>> =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

/** A value and what it was; its parts are found by key, and in lists by what their type allows. */
export class Correlation {
  readonly #value: Json;
  readonly #old: Json;
  readonly #schema: JSONSchemaProps | undefined;
  /** Where there is nothing to compare with: the nearest part around it that has something. */
  readonly #around: Correlation | undefined;
  #isSame: boolean | undefined;

  private constructor(value: Json, old: Json, schema: JSONSchemaProps | undefined, around: Correlation | undefined) {
    this.#value = value;
    this.#old = old;
    this.#schema = schema;
    this.#around = around;
  }

  static root(value: Json, old: Json, schema: JSONSchemaProps): Correlation {
    return new Correlation(value, old, schema, undefined);
  }

  /** Whether it, or the nearest part around it that can be compared, is as it was. */
  unchanged(): boolean {
    if (this.#old === undefined) return this.#around?.unchanged() ?? false;
    this.#isSame ??= equalJson(this.#value, this.#old);
    return this.#isSame;
  }

  #part(value: Json, old: Json, schema: JSONSchemaProps | undefined): Correlation {
    // Below what cannot be compared nothing can.
    const isComparable = this.#old !== undefined;
    return new Correlation(value, isComparable ? old : undefined, schema, isComparable ? this : this.#around);
  }

  key(name: string, value: Json, schema: JSONSchemaProps | undefined): Correlation {
    const old = isRecord(this.#old) && Object.hasOwn(this.#old, name) ? this.#old[name] : undefined;
    return this.#part(value, old, schema);
  }

  index(value: Json, schema: JSONSchemaProps | undefined): Correlation {
    const old = Array.isArray(this.#old) ? this.#old : [];
    return this.#part(value, this.#schema && oldItem(value, old, this.#schema), schema);
  }
}

function oldItem(value: Json, old: readonly Json[], schema: JSONSchemaProps): Json {
  switch (schema['x-kubernetes-list-type']) {
    case 'map':
      return itemsByKey(old, schema)(value);
    case 'set':
      return old.find((one) => equalJson(one, value));
    default:
      return undefined;
  }
}

/** Finds the item of a list with keys that has those of a given one. Gives nothing for lists of other types. */
export function itemsByKey(items: readonly Json[], schema: JSONSchemaProps): (item: Json) => Json {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (schema['x-kubernetes-list-type'] !== 'map' || keys.length === 0) return () => undefined;
  const keyOf = (item: Json): string | undefined =>
    isRecord(item) ? JSON.stringify(keys.map((key) => item[key] ?? defaultOf(schema, key) ?? null)) : undefined;
  const byKey = new Map<string, Json>();
  for (const item of items) {
    const key = keyOf(item);
    // Of two with the same keys the first counts.
    if (key !== undefined && !byKey.has(key)) byKey.set(key, item);
  }
  return (item) => {
    const key = keyOf(item);
    return key === undefined ? undefined : byKey.get(key);
  };
}

function defaultOf({ items }: JSONSchemaProps, key: string): Json {
  return isRecord(items) && isRecord(items['properties']) && isRecord(items['properties'][key])
    ? items['properties'][key]['default']
    : undefined;
}
