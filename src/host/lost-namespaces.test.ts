import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { silentLogger } from '../lib/logger.ts';
import type { Mounts } from '../lib/system.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { instanceOf } from './instance.ts';
import { removeLostNamespaces } from './lost-namespaces.ts';

test('of the namespaces that were there at first, one that no sandbox has is removed after a while', async () => {
  const base = mkdtempSync(join(tmpdir(), 'peapod-netns-'));
  const instance = instanceOf(base);
  const folder = `${instance.containerdStateDir}/io.containerd.grpc.v1.cri/netns`;
  mkdirSync(folder, { recursive: true });
  for (const name of ['used', 'lost', 'late', 'gone']) writeFileSync(`${folder}/${name}`, '');
  const clock = createVirtualClock();
  const unmounted: string[] = [];
  const mounts = {
    listUnder: (path: string) => Promise.resolve([path]),
    unmount: (path: string) => Promise.resolve(void unmounted.push(path)),
  } as unknown as Mounts;
  let looks = 0;
  const used = (): Promise<ReadonlySet<string>> => {
    if (++looks === 2) return Promise.reject(new Error('containerd is away'));
    return Promise.resolve(new Set([`${folder}/used`, ...(looks > 3 ? [`${folder}/late`] : [])]));
  };
  const stop = new AbortController();
  const done = removeLostNamespaces(instance, used, mounts, clock, silentLogger, stop.signal);
  try {
    // Between two looks real files are read: the clock goes on when the next look is waited for, however often it is told to.
    const lookAgain = async (): Promise<void> => {
      const before = looks;
      await expect
        .poll(
          async () => {
            if (looks === before) await clock.advance(5000);
            return looks;
          },
          { timeout: 10_000 },
        )
        .toBe(before + 1);
    };
    await lookAgain();
    writeFileSync(`${folder}/new`, '');
    rmSync(`${folder}/gone`);
    for (let i = 0; i < 4; i++) await lookAgain();
    // With the last suspect the looking ends.
    await done;
    expect(looks).toBe(5);
    expect(unmounted).toEqual([`${folder}/lost`]);
    expect(readdirSync(folder).toSorted()).toEqual(['late', 'new', 'used']);
  } finally {
    stop.abort();
    await clock.advance(5000);
    await done;
    rmSync(base, { recursive: true, force: true });
  }
});
