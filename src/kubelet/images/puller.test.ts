// Pulls in turn, in parallel with a limit, and given up when they get stuck.
import { expect, test } from 'vitest';
import type { ImageService, SandboxConfig } from '../../cri/runtime.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { createPuller, type PullOutcome } from './puller.ts';

const sandbox: SandboxConfig = { metadata: { name: 'p', uid: 'u', namespace: 'default', attempt: 0 } };

function setUp(parallel: number, progress?: () => Promise<string>) {
  const clock = createVirtualClock();
  const begun: string[] = [];
  const ends = new Map<string, (result: string | Error) => void>();
  const images = {
    pullImage: (image: string, _auth: unknown, _sandbox: unknown, signal?: AbortSignal) =>
      new Promise<string>((resolve, reject) => {
        begun.push(image);
        ends.set(image, (result) => (typeof result === 'string' ? resolve(result) : reject(result)));
        signal?.addEventListener('abort', () => reject(new Error('context canceled')));
      }),
    imageStatus: async () => ({ id: 'i', repoTags: [], repoDigests: [], size: 5, username: '', pinned: false }),
  } as unknown as ImageService;
  const puller = createPuller({ images, clock, parallel, progress });
  const done: Record<string, PullOutcome> = {};
  const pull = (image: string): void => void puller.pull(image, [], sandbox).then((outcome) => (done[image] = outcome));
  return { clock, begun, ends, pull, done };
}

test('one at a time, in the order asked; the time of the pull does not count the waiting', async () => {
  const { clock, begun, ends, pull, done } = setUp(1);
  for (const image of ['a', 'b', 'a', 'c']) pull(image);
  await clock.settle();
  expect(begun).toEqual(['a']);
  await clock.advance(1000);
  ends.get('a')?.('ref');
  await clock.settle();
  expect(begun).toEqual(['a', 'b']);
  await clock.advance(500);
  ends.get('b')?.(new Error('no'));
  await clock.settle();
  expect(begun).toEqual(['a', 'b', 'c']);
  expect(done['a']).toMatchObject({ ok: true, imageRef: 'ref', pullMs: 1000 });
  expect(done['b']).toEqual({ ok: false, error: 'no' });
});

test('so many at a time', async () => {
  const { clock, begun, ends, pull } = setUp(2);
  for (const image of ['a', 'b', 'c']) pull(image);
  await clock.settle();
  expect(begun).toEqual(['a', 'b']);
  ends.get('b')?.('ref');
  await clock.settle();
  expect(begun).toEqual(['a', 'b', 'c']);
});

test('a pull that stands still for a minute is given up, and the next has its turn', async () => {
  let bytes = 0;
  const { clock, begun, pull, done } = setUp(1, async () => String(bytes));
  pull('a');
  pull('b');
  for (let i = 0; i < 10; i++) {
    bytes++;
    await clock.advance(30_000);
  }
  expect(done).toEqual({});
  await clock.advance(20_000);
  expect(done).toEqual({});
  await clock.advance(20_000);
  expect(done['a']).toEqual({ ok: false, error: 'Cancel pulling image "a" because of no progress for 1m0s' });
  expect(begun).toEqual(['a', 'b']);
});
