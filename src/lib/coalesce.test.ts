import { expect, test } from 'vitest';
import { coalesce } from './coalesce.ts';

test('runs one at a time, and once more for all that asked meanwhile', async () => {
  let [active, most, runs] = [0, 0, 0];
  const work = coalesce(
    async () => {
      most = Math.max(most, ++active);
      if (++runs === 1) for (let i = 0; i < 3; i++) work.ask();
      await Promise.resolve();
      active--;
    },
    () => {},
    new AbortController().signal,
  );
  work.ask();
  work.ask();
  await work.settled();
  expect({ most, runs }).toEqual({ most: 1, runs: 2 });
  work.ask();
  await work.settled();
  expect(runs).toBe(3);
});

test('tells of failures and goes on; stops with the signal', async () => {
  const abort = new AbortController();
  const failures: unknown[] = [];
  let runs = 0;
  const work = coalesce(
    async () => {
      await Promise.resolve();
      throw new Error(String(++runs));
    },
    (error) => failures.push(String(error)),
    abort.signal,
  );
  work.ask();
  await work.settled();
  work.ask();
  await work.settled();
  expect(failures).toEqual(['Error: 1', 'Error: 2']);
  abort.abort();
  work.ask();
  await work.settled();
  expect(runs).toBe(2);
});
