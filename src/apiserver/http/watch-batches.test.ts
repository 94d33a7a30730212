import { expect, test, vi } from 'vitest';
import { batchOf, pacedWriter } from './watch-batches.ts';

const [a, b, c] = ['{"a":1}\n', '{"b":2}\n', '{"c":"'.concat('x'.repeat(300), '"}\n')].map((text) =>
  Buffer.from(text),
) as [Buffer, Buffer, Buffer];

test('the same frames are put together once', () => {
  const first = batchOf([a, b], false);
  expect(first.toString()).toBe('{"a":1}\n{"b":2}\n');
  expect(batchOf([a, b], false)).toBe(first);
  expect(batchOf([b, a], false).toString()).toBe('{"b":2}\n{"a":1}\n');
  expect(batchOf([a, b], true).toString()).toBe('10\r\n{"a":1}\n{"b":2}\n\r\n');
  // A frame alone is its own batch, but for the chunk around it.
  expect(batchOf([c], false)).toBe(c);
  expect(batchOf([c], true).toString()).toBe(`${c.length.toString(16)}\r\n${c.toString()}\r\n`);
});

test('equal frames that are not the same make a batch of their own', () => {
  const copy = Buffer.from(a);
  expect(batchOf([copy, b], false)).not.toBe(batchOf([a, b], false));
});

test('writes come at once when there was none for a while, and together when there was', async () => {
  const written: string[] = [];
  const first = pacedWriter(() => written.push('first'));
  const second = pacedWriter(() => written.push('second'));
  first();
  await vi.waitFor(() => expect(written).toEqual(['first']));
  second();
  first();
  await vi.waitFor(() => expect(written).toHaveLength(3), { timeout: 30_000 });
  for (let i = 0; i < 5; i++) {
    first();
    await vi.waitFor(() => expect(written.filter((name) => name === 'first').length).toBe(3 + i), { timeout: 30_000 });
  }
});
