// The objects that an informer knows, by key and by the indexes its user asked for.

import type { KubeObject } from '../api/meta/types.ts';

/** "namespace/name", or the name alone. */
export function objectKey(object: KubeObject): string {
  const { namespace, name = '' } = object.metadata ?? {};
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** Values under which an object is found in an index; none leaves it out. */
export type Indexer<T> = (object: T) => readonly string[];

export class IndexedStore<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexers: Readonly<Record<string, Indexer<T>>>;
  /** Index name, then value, then key. */
  readonly #indexes = new Map<string, Map<string, Map<string, T>>>();

  constructor(indexers: Readonly<Record<string, Indexer<T>>>) {
    this.#indexers = indexers;
    for (const name of Object.keys(indexers)) this.#indexes.set(name, new Map());
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  keys(): string[] {
    return [...this.#objects.keys()];
  }

  list(): T[] {
    return [...this.#objects.values()];
  }

  /** Throws a RangeError for an index that was not declared. */
  byIndex(index: string, value: string): T[] {
    const values = this.#indexes.get(index);
    if (values === undefined) throw new RangeError(`there is no index ${index}`);
    return [...(values.get(value)?.values() ?? [])];
  }

  set(key: string, object: T): void {
    const old = this.#objects.get(key);
    if (old !== undefined) this.#unindex(key, old);
    this.#objects.set(key, object);
    for (const [name, values] of this.#indexes)
      for (const value of this.#indexers[name]?.(object) ?? []) {
        const entries = values.get(value) ?? new Map<string, T>();
        values.set(value, entries.set(key, object));
      }
  }

  delete(key: string): void {
    const old = this.#objects.get(key);
    if (old === undefined) return;
    this.#unindex(key, old);
    this.#objects.delete(key);
  }

  #unindex(key: string, old: T): void {
    for (const [name, values] of this.#indexes)
      for (const value of this.#indexers[name]?.(old) ?? []) {
        const entries = values.get(value);
        entries?.delete(key);
        if (entries?.size === 0) values.delete(value);
      }
  }
}
