// The machine's randomness behind the Random interface.

import { getRandomValues, randomUUID } from 'node:crypto';
import type { Random } from '../lib/random.ts';

const pool = new Uint32Array(256);
let used = pool.length;

/** Cryptographically strong. `float` has 53 random bits; they are drawn in blocks because a single draw costs a system call. */
export const realRandom: Random = {
  float(): number {
    if (used + 2 > pool.length) {
      getRandomValues(pool);
      used = 0;
    }
    const high = (pool[used] ?? 0) >>> 5;
    const low = (pool[used + 1] ?? 0) >>> 6;
    used += 2;
    return (high * 2 ** 26 + low) / 2 ** 53;
  },
  uuid: () => randomUUID(),
};
