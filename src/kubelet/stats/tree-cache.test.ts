import { expect, test } from 'vitest';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { createTreeCache } from './tree-cache.ts';

function setUp(measureMs: number) {
  const clock = createVirtualClock();
  const measured: string[][] = [];
  const cache = createTreeCache({
    clock,
    measure: (paths) =>
      new Promise((resolve) => {
        measured.push([...paths]);
        clock.after(measureMs, () =>
          resolve(new Map(paths.filter((path) => path !== '/gone').map((path) => [path, { bytes: measured.length }]))),
        );
      }),
  });
  return { clock, measured, cache };
}

test('what is fresh is not measured again, what is new or old is', async () => {
  const { clock, measured, cache } = setUp(100);
  const first = cache.get(['/a', '/gone']);
  await clock.advance(100);
  expect([...(await first)]).toEqual([['/a', { bytes: 1 }]]);
  await clock.advance(1000);
  const second = cache.get(['/a', '/b']);
  await clock.advance(100);
  expect([...(await second)]).toEqual([
    ['/a', { bytes: 1 }],
    ['/b', { bytes: 2 }],
  ]);
  await clock.advance(5000);
  const third = cache.get(['/a', '/b']);
  await clock.advance(100);
  await third;
  expect(measured).toEqual([['/a', '/gone'], ['/b'], ['/a', '/b']]);
});

test('a slow measurement gives older figures to who asks meanwhile, and is followed by a rest nine times as long', async () => {
  const { clock, measured, cache } = setUp(10_000);
  const first = cache.get(['/a']);
  await clock.advance(3000);
  expect([...(await first)]).toEqual([]);
  await clock.advance(7000);
  expect([...(await cache.get(['/a']))]).toEqual([['/a', { bytes: 1 }]]);
  await clock.advance(89_000);
  expect([...(await cache.get(['/a']))]).toEqual([['/a', { bytes: 1 }]]);
  expect(measured.length).toBe(1);
  await clock.advance(1000);
  const later = cache.get(['/a']);
  await clock.advance(3000);
  await later;
  expect(measured.length).toBe(2);
});
