import { expect, test } from 'vitest';
import { requestTurns } from './request-turns.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Requests that take that many ms each, by a clock that only they move. */
function requests(takesMs: number) {
  let ms = 0;
  const places = requestTurns(() => ms);
  const done: number[] = [];
  const request = async (name: number): Promise<void> => {
    const place = places();
    if (place !== undefined) await place;
    // Work goes on in microtasks, as that of a request does.
    await Promise.resolve();
    ms += takesMs;
    done.push(name);
  };
  return { done, request, places };
}

test('requests that came one by one are let in at once', () => {
  const { places } = requests(1);
  expect(places()).toBeUndefined();
  expect(places()).toBeUndefined();
});

test('those that came together are spread over turns, in their order, and who comes later stands behind them', async () => {
  const { done, request } = requests(2);
  const all: Promise<void>[] = [];
  // One after another, as the sockets are read: what each does is done before the next comes.
  for (let i = 0; i < 5; i++) {
    all.push(request(i));
    await Promise.resolve();
    await Promise.resolve();
  }
  expect(done).toEqual([0, 1]);
  all.push(request(5));
  const counts: number[] = [];
  while (done.length < 6) {
    await turn();
    counts.push(done.length);
    if (counts.length === 1) all.push(request(6));
  }
  await Promise.all(all);
  expect(done).toEqual([0, 1, 2, 3, 4, 5, 6]);
  // Never more in a turn than fit into it.
  expect(Math.max(...counts.map((count, i) => count - (counts[i - 1] ?? 2)))).toBeLessThanOrEqual(2);
});

test('a request that takes longer than a slice has its turn too', async () => {
  const { done, request } = requests(50);
  await Promise.all([0, 1, 2].map(request));
  expect(done).toEqual([0, 1, 2]);
});
