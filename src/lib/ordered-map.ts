// A map that also keeps its keys in order, for range scans: sorted chunks under a hash map.

const maxChunk = 512;

/** Where a search ended: the chunk, and the place in it. */
interface Place {
  chunk: number;
  index: number;
}

/** Keys in the order of `compare`. get and has are O(1); set and delete of a key cost O(log n + chunk). */
export class OrderedMap<V> {
  readonly #compare: (a: string, b: string) => number;
  readonly #values = new Map<string, V>();
  readonly #chunks: string[][] = [];

  constructor(compare: (a: string, b: string) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  set(key: string, value: V): void {
    const known = this.#values.has(key);
    this.#values.set(key, value);
    if (known) return;
    const last = this.#chunks.at(-1);
    if (last === undefined) {
      this.#chunks.push([key]);
      return;
    }
    const place = this.#find((k) => this.#compare(k, key) < 0);
    const chunk = this.#chunks[place.chunk] ?? last;
    chunk.splice(chunk === last && place.chunk === this.#chunks.length ? chunk.length : place.index, 0, key);
    if (chunk.length > maxChunk) this.#chunks.splice(this.#chunks.indexOf(chunk) + 1, 0, chunk.splice(maxChunk >> 1));
  }

  delete(key: string): boolean {
    if (!this.#values.delete(key)) return false;
    const place = this.#find((k) => this.#compare(k, key) < 0);
    const chunk = this.#chunks[place.chunk];
    chunk?.splice(place.index, 1);
    if (chunk?.length === 0) this.#chunks.splice(place.chunk, 1);
    return true;
  }

  /** Entries from the first key that is not before `start`, in order, while the caller asks for more. Do not change the map meanwhile. */
  *from(start: string): Generator<[string, V]> {
    let { chunk, index } = this.#find((k) => this.#compare(k, start) < 0);
    for (let keys = this.#chunks[chunk]; keys !== undefined; keys = this.#chunks[++chunk]) {
      for (; index < keys.length; index++) {
        const key = keys[index];
        if (key === undefined) break;
        const value = this.#values.get(key);
        if (value !== undefined) yield [key, value];
      }
      index = 0;
    }
  }

  /** How many keys lie in the stretch for which `before` is false and then `past` is false; both must be monotonic along the order. */
  count(before: (key: string) => boolean, past: (key: string) => boolean): number {
    const start = this.#find(before);
    const end = this.#find((k) => !past(k));
    if (end.chunk < start.chunk) return 0;
    let total = end.index - start.index;
    for (let c = start.chunk; c < end.chunk; c++) total += this.#chunks[c]?.length ?? 0;
    return Math.max(0, total);
  }

  /** The first place whose key does not satisfy `before`; past the last chunk when all do. */
  #find(before: (key: string) => boolean): Place {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const lastKey = this.#chunks[middle]?.at(-1);
      if (lastKey !== undefined && before(lastKey)) low = middle + 1;
      else high = middle;
    }
    const keys = this.#chunks[low];
    if (keys === undefined) return { chunk: low, index: 0 };
    let first = 0;
    let end = keys.length;
    while (first < end) {
      const middle = (first + end) >> 1;
      const key = keys[middle];
      if (key !== undefined && before(key)) first = middle + 1;
      else end = middle;
    }
    return { chunk: low, index: first };
  }
}
