// A binary heap that can also remove or reorder an item from its middle: timers, delayed work, scheduling queues.

/** A min-heap by `before`. Items are held by identity, each at most once. push, pop, remove and update cost O(log n). */
export class Heap<T> {
  readonly #before: (a: T, b: T) => boolean;
  readonly #items: T[] = [];
  readonly #position = new Map<T, number>();

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  has(item: T): boolean {
    return this.#position.has(item);
  }

  /** The first item, left in place. */
  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    if (this.#position.has(item)) return this.update(item);
    this.#place(this.#items.length, item);
    this.#up(this.#items.length - 1);
  }

  pop(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Takes the item out; false when it is not in the heap. */
  remove(item: T): boolean {
    const at = this.#position.get(item);
    if (at === undefined) return false;
    this.#position.delete(item);
    const last = this.#items.pop();
    if (last !== undefined && at < this.#items.length) {
      this.#place(at, last);
      this.#down(at);
      this.#up(at);
    }
    return true;
  }

  /** Call after the order of an item in the heap has changed. */
  update(item: T): void {
    const at = this.#position.get(item);
    if (at === undefined) return;
    this.#down(at);
    this.#up(this.#position.get(item) ?? at);
  }

  /** All items, in no particular order. */
  values(): readonly T[] {
    return this.#items;
  }

  #place(at: number, item: T): void {
    this.#items[at] = item;
    this.#position.set(item, at);
  }

  #up(from: number): void {
    let at = from;
    const item = this.#items[at];
    if (item === undefined) return;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#items[above];
      if (parent === undefined || !this.#before(item, parent)) break;
      this.#place(at, parent);
      at = above;
    }
    this.#place(at, item);
  }

  #down(from: number): void {
    let at = from;
    const item = this.#items[at];
    if (item === undefined) return;
    for (;;) {
      let child = 2 * at + 1;
      let smallest = this.#items[child];
      if (smallest === undefined) break;
      const right = this.#items[child + 1];
      if (right !== undefined && this.#before(right, smallest)) {
        smallest = right;
        child++;
      }
      if (!this.#before(smallest, item)) break;
      this.#place(at, smallest);
      at = child;
    }
    this.#place(at, item);
  }
}
