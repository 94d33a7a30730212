// Sliced JSON is JSON.stringify's, and lets others have their turn.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonInSlices } from './json-in-slices.ts';

test('gives what JSON.stringify gives', () =>
  fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), async (value) => {
      expect(await jsonInSlices(value)).toBe(JSON.stringify(value));
    }),
    { numRuns: 200 },
  ));

test('gives way in the middle of large objects', async () => {
  let turns = 0;
  let done = false;
  const count = (): void => {
    turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  const members = Array.from({ length: 100 }, (_, i) => [`k${i}`, { text: 'x'.repeat(10_000) }]);
  await jsonInSlices({ schemas: Object.fromEntries(members) as object });
  done = true;
  expect(turns).toBeGreaterThan(20);
});
