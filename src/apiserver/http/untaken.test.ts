import type { ServerHttp2Stream } from 'node:http2';
import { afterEach, expect, test, vi } from 'vitest';
import { untaken } from './untaken.ts';

afterEach(() => vi.useRealTimers());

test('what its client has not taken after one to two looks is given up, what is not answered yet or is a watch goes on', () => {
  vi.useFakeTimers();
  const closed: string[] = [];
  const stream = (name: string, writableEnded: boolean) =>
    ({ writableEnded, close: () => closed.push(name) }) as unknown as ServerHttp2Stream;
  const { open, stop } = untaken(1000);
  const taken = stream('taken', true);
  for (const one of [taken, stream('watch', false), stream('stuck', true)]) open.add(one);
  vi.advanceTimersByTime(1000);
  open.delete(taken);
  open.add(stream('late', true));
  expect(closed).toEqual([]);
  vi.advanceTimersByTime(1000);
  expect(closed).toEqual(['stuck']);
  stop();
  vi.advanceTimersByTime(10_000);
  expect(closed).toEqual(['stuck']);
});
