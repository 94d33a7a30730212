import { expect, test } from 'vitest';
import type { ImageService } from '../../cri/runtime.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { prefetchImages, watchPulls } from './image-prefetch.ts';

function setUp(present: string[] = []) {
  const clock = createVirtualClock();
  const pulled: string[] = [];
  const failing = new Set<string>();
  const images = {
    imageStatus: async (name: string) => (present.includes(name) ? { id: name } : undefined),
    pullImage: (name: string) =>
      new Promise<string>((resolve, reject) => {
        pulled.push(name);
        clock.after(1000, () => (failing.has(name) ? reject(new Error('no such image')) : resolve(name)));
      }),
  } as unknown as ImageService;
  return { clock, pulled, failing, pulls: watchPulls(images) };
}

const start = ({ clock, pulls }: ReturnType<typeof setUp>, names: string[], stop = new AbortController()) => ({
  stop,
  done: prefetchImages({ names, images: pulls.unwatched, idle: pulls.idle, clock, logger: silentLogger }, stop.signal),
});

test('what is missing is pulled, one at a time, each name once', async () => {
  const world = setUp(['there']);
  const { done } = start(world, ['a', 'there', 'b', 'a']);
  await world.clock.settle();
  expect(world.pulled).toEqual(['a']);
  await world.clock.advance(2000);
  await done;
  expect(world.pulled).toEqual(['a', 'b']);
});

test("pods' own pulls go first, failed ones too", async () => {
  const world = setUp();
  world.failing.add('of-pod');
  const ofPod = world.pulls.images.pullImage('of-pod').catch(() => {});
  const { done } = start(world, ['ahead']);
  await world.clock.advance(999);
  expect(world.pulled).toEqual(['of-pod']);
  await world.clock.advance(1);
  await ofPod;
  expect(world.pulled).toEqual(['of-pod', 'ahead']);
  await world.clock.advance(1000);
  await done;
});

test('a failed pull is tried again, ever later, until it works or the node stops', async () => {
  const world = setUp();
  world.failing.add('a');
  const { done, stop } = start(world, ['a', 'b']);
  await world.clock.advance(2000);
  expect(world.pulled).toEqual(['a', 'b']);
  await world.clock.advance(10_000 + 1000 + 20_000);
  expect(world.pulled).toEqual(['a', 'b', 'a', 'a']);
  stop.abort();
  await world.clock.advance(2000);
  await done;
});
