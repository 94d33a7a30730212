// A map ordered by key, kept in chunks so that inserting into a hundred thousand keys moves only a few hundred.

const chunkLimit = 512;

interface Chunk<V> {
  keys: string[];
  values: V[];
}

/** First index whose key is not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Ordered by code units, which for the ASCII names of objects is the order of their bytes. */
export class SortedMap<V> {
  readonly #index = new Map<string, V>();
  #chunks: Chunk<V>[] = [];

  get size(): number {
    return this.#index.size;
  }

  get(key: string): V | undefined {
    return this.#index.get(key);
  }

  /** The chunk that holds the key or where it belongs. */
  #chunkFor(key: string): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#chunks[middle]?.keys.at(-1) ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  set(key: string, value: V): void {
    this.#index.set(key, value);
    const at = this.#chunkFor(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push({ keys: [key], values: [value] });
      return;
    }
    const i = lowerBound(chunk.keys, key);
    if (chunk.keys[i] === key) {
      chunk.values[i] = value;
      return;
    }
    chunk.keys.splice(i, 0, key);
    chunk.values.splice(i, 0, value);
    if (chunk.keys.length > chunkLimit) {
      const half = chunkLimit / 2;
      this.#chunks.splice(at + 1, 0, { keys: chunk.keys.splice(half), values: chunk.values.splice(half) });
    }
  }

  delete(key: string): void {
    if (!this.#index.delete(key)) return;
    const at = this.#chunkFor(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return;
    const i = lowerBound(chunk.keys, key);
    chunk.keys.splice(i, 1);
    chunk.values.splice(i, 1);
    if (chunk.keys.length === 0) this.#chunks.splice(at, 1);
  }

  /** Every value whose key starts with the prefix and is not below `start`, in order. Do not change the map meanwhile. */
  *range(prefix: string, start = prefix): Generator<V> {
    const from = start > prefix ? start : prefix;
    for (let c = this.#chunkFor(from); c < this.#chunks.length; c++) {
      const chunk = this.#chunks[c];
      if (chunk === undefined) return;
      for (let i = lowerBound(chunk.keys, from); i < chunk.keys.length; i++) {
        if (!(chunk.keys[i] ?? '').startsWith(prefix)) return;
        yield chunk.values[i] as V;
      }
    }
  }
}
