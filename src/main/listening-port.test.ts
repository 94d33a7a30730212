import { expect, test } from 'vitest';
import { startOnPort } from './listening-port.ts';

const failure = (code: string): Error => Object.assign(new Error(code), { code });
const only =
  (free: readonly number[], code = 'EADDRINUSE') =>
  (port: number): Promise<number> =>
    free.includes(port) ? Promise.resolve(port) : Promise.reject(failure(code));

test.each([
  ['the port that is free', only([10_250, 0]), true, 10_250],
  ['any other where it is taken', only([0]), true, 0],
])('a server gets %s', async (_, start, orAny, expected) => {
  expect(await startOnPort(start, 10_250, orAny)).toBe(expected);
});

test.each([
  ['was asked for by name', only([0]), false, 'EADDRINUSE'],
  ['may not be opened', only([0], 'EACCES'), true, 'EACCES'],
])('a port that %s is refused', async (_, start, orAny, message) => {
  await expect(startOnPort(start, 10_250, orAny)).rejects.toThrow(message);
});
