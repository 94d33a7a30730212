// Short-lived buffers cut from larger ones: to get the memory of each by itself, and to give it back, costs more than to fill it.

/** Bytes of a slab. */
const slabBytes = 64 * 1024;

/**
 * Gives a function like Buffer.allocUnsafe for buffers that are soon let go of: one that is kept keeps its whole slab. What is large has
 * memory of its own.
 */
export function slab(): (size: number) => Buffer {
  let current = Buffer.alloc(0);
  let used = 0;
  return (size) => {
    if (size > slabBytes / 4) return Buffer.allocUnsafeSlow(size);
    if (used + size > current.length) {
      current = Buffer.allocUnsafeSlow(slabBytes);
      used = 0;
    }
    const start = used;
    used += size;
    return current.subarray(start, used);
  };
}
