// Randomness that repeats: the same seed gives the same run.

import type { Random } from '../lib/random.ts';

/** A seeded Random (xoshiro128**, seeded by splitmix32). Not for secrets. */
export function createSeededRandom(seed: number): Random {
  let mix = seed | 0;
  const scramble = (): number => {
    mix = (mix + 0x9e3779b9) | 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let a = scramble();
  let b = scramble();
  let c = scramble();
  let d = scramble();
  const rotate = (x: number, k: number): number => (x << k) | (x >>> (32 - k));
  const next = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return result;
  };
  const hex = (): string => next().toString(16).padStart(8, '0');
  return {
    float: () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53,
    uuid: () => {
      const digits = hex() + hex() + hex() + hex();
      const variant = '89ab'[next() & 3] ?? '8';
      return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-${variant}${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
    },
  };
}
