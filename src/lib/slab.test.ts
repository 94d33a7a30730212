import { expect, test } from 'vitest';
import { slab } from './slab.ts';

test('buffers of one slab share its memory and no byte of it', () => {
  const allocate = slab();
  const buffers = Array.from({ length: 100 }, (_, i) => allocate(1000 + i).fill(i));
  for (const [i, buffer] of buffers.entries()) {
    expect(buffer.length).toBe(1000 + i);
    expect(buffer.every((byte) => byte === i)).toBe(true);
  }
  const memories = new Set(buffers.map(({ buffer }) => buffer));
  expect(memories.size).toBeLessThan(4);
});

test('what is large has memory of its own', () => {
  const allocate = slab();
  const large = allocate(20_000);
  expect(large.buffer.byteLength).toBe(20_000);
  expect(allocate(10).buffer).not.toBe(large.buffer);
});
