import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../lib/logger.ts';
import type { Files } from '../../lib/system.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { planRotation, removeContainerLogs, rotatedName } from './container-log-files.ts';
import { checkLogRotatePolicy, nextLookMs, rotateLogs } from './log-rotator.ts';

const path = '/logs/c/0.log';

async function setUp(maxSize: number, maxFiles = 3) {
  const clock = createVirtualClock();
  const files: Files = createMemoryFiles({ now: () => clock.now() });
  await files.mkdir('/logs/c', { recursive: true });
  await files.writeFile(path, 'x'.repeat(100));
  const world = { reopened: 0, broken: false, compressing: true };
  const stop = new AbortController();
  const running = rotateLogs(
    {
      policy: { maxSize, maxFiles },
      logs: () => [{ id: 'c', path }],
      runtime: {
        async reopenContainerLog() {
          world.reopened++;
          if (world.broken) throw new Error('the runtime is away');
          if ((await files.stat(path)) === undefined) await files.writeFile(path, '');
        },
      },
      files,
      compress: async (from, to) => {
        if (!world.compressing) throw new Error('the disk is full');
        await files.writeFile(to, `gz ${(await files.readFile(from)).length}`);
      },
      clock,
      logger: silentLogger,
    },
    stop.signal,
  );
  await clock.settle();
  const write = async (bytes: number): Promise<void> => files.writeFile(path, 'x'.repeat(bytes));
  const end = async (): Promise<void> => {
    stop.abort();
    await clock.settle();
    await running;
  };
  return { clock, files, world, write, end, list: () => files.readdir('/logs/c') };
}

test('what has grown to its limit is put aside; older files are compressed, and the oldest go', async () => {
  const { clock, files, write, end, list } = await setUp(1000);
  expect(await list()).toEqual(['0.log']);
  const seen: string[][] = [];
  for (const size of [1000, 1001, 1002, 1003]) {
    await write(size);
    await clock.advance(10_000);
    seen.push((await list()).toSorted());
  }
  await end();
  const [first, second, third, fourth] = seen.map((names) => names.at(-1));
  expect(seen[0]).toEqual(['0.log', first]);
  expect(first).toMatch(/^0\.log\.20260101-0000\d\d$/);
  expect(seen[1]).toEqual(['0.log', `${first}.gz`, second]);
  expect(seen[2]).toEqual(['0.log', `${second}.gz`, third]);
  expect(seen[3]).toEqual(['0.log', `${third}.gz`, fourth]);
  expect((await files.readFile(`/logs/c/${third}.gz`)).toString()).toBe('gz 1002');
});

test('below its limit a log is left alone', async () => {
  const { clock, world, write, end, list } = await setUp(1000);
  await write(999);
  await clock.advance(60_000);
  await end();
  expect(await list()).toEqual(['0.log']);
  expect(world.reopened).toBe(0);
});

test('a runtime that does not open a new file leaves the old one in place, and it is tried again', async () => {
  const { clock, world, write, end, list } = await setUp(1000);
  world.broken = true;
  await write(1000);
  await clock.advance(10_000);
  expect(await list()).toEqual(['0.log']);
  expect(world.reopened).toBeGreaterThan(0);
  world.broken = false;
  await clock.advance(10_000);
  await end();
  expect((await list()).length).toBe(2);
});

test('a log that somebody took away is opened anew', async () => {
  const { clock, files, world, end, list } = await setUp(1000);
  await files.unlink(path);
  await clock.advance(10_000);
  await end();
  expect(world.reopened).toBe(1);
  expect(await list()).toEqual(['0.log']);
});

test('where compressing fails the log is rotated all the same', async () => {
  const { clock, world, write, end, list } = await setUp(1000);
  world.compressing = false;
  for (const size of [1000, 1000, 1000]) {
    await write(size);
    await clock.advance(10_000);
  }
  await end();
  expect((await list()).length).toBe(3);
});

test('a negative size turns rotation off', async () => {
  const { world, end } = await setUp(-1);
  await end();
  expect(world.reopened).toBe(0);
});

describe('plans', () => {
  const at = (second: number, suffix = ''): string => `${path}.20260101-00000${second}${suffix}`;
  test.each<[string, string[], number, string[], string[]]>([
    ['the first', [], 5, [], []],
    ['half-made files', [at(1), at(1, '.tmp')], 5, [at(1, '.tmp')], [at(1)]],
    ['compressed already', [at(1), at(1, '.gz')], 5, [at(1)], []],
    ['too many', [at(1, '.gz'), at(2, '.gz'), at(3, '.gz'), at(4)], 5, [at(1, '.gz')], [at(4)]],
    ['only two files', [at(1, '.gz'), at(2)], 2, [at(1, '.gz'), at(2)], []],
  ])('%s', (_, rotated, maxFiles, remove, compress) => {
    expect(planRotation(rotated, maxFiles)).toEqual({ remove, compress });
  });
  test('names carry the time', () =>
    expect(rotatedName(path, Date.UTC(2026, 10, 22, 3, 4, 5, 678))).toBe('/logs/c/0.log.20261122-030405'));
  test('at least two files', () =>
    expect(() => checkLogRotatePolicy({ maxSize: 1, maxFiles: 1 })).toThrow('must be > 1'));
});

test.each<[string, { size: number; grown: number }[], number]>([
  ['nothing is written', [{ size: 5, grown: 0 }], 10_000],
  ['slow', [{ size: 100, grown: 100 }], 10_000],
  ['half the limit in ten seconds', [{ size: 700, grown: 500 }], 6000],
  [
    'the fastest counts',
    [
      { size: 100, grown: 1 },
      { size: 500, grown: 2500 },
    ],
    2000,
  ],
  ['never sooner than a second', [{ size: 0, grown: 1_000_000 }], 1000],
])('the next look: %s', (_, sizes, expected) => expect(nextLookMs(sizes, 10_000, 1000)).toBe(expected));

test('a log is removed with all that was rotated from it, and no other', async () => {
  const files = createMemoryFiles();
  await files.mkdir('/logs/c', { recursive: true });
  for (const name of ['0.log', '0.log.20260101-000000', '0.log.20260101-000001.gz', '10.log', '1.log'])
    await files.writeFile(`/logs/c/${name}`, '');
  await removeContainerLogs(files, path);
  await removeContainerLogs(files, '/logs/none/0.log');
  expect((await files.readdir('/logs/c')).toSorted()).toEqual(['1.log', '10.log']);
});
