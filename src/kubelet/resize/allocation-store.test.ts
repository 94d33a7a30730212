import { expect, test } from 'vitest';
import { silentLogger } from '../../lib/logger.ts';
import type { Files } from '../../lib/system.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { createAllocationStore, type PodResourceRecord } from './allocation-store.ts';

const record = (cpu: string): PodResourceRecord => ({
  allocated: { containers: { c: { requests: { cpu } } } },
  actuated: {},
});

function setUp() {
  const clock = createVirtualClock();
  let writes = 0;
  const files: Files = createMemoryFiles({ now: () => clock.now() });
  const write = files.writeFileAtomic.bind(files);
  files.writeFileAtomic = (path, data, mode) => {
    writes++;
    return write(path, data, mode);
  };
  const open = () => createAllocationStore({ files, root: '/k', clock, logger: silentLogger });
  return { clock, files, open, writes: () => writes };
}

test('is there again in a later life', async () => {
  const { open } = setUp();
  const store = open();
  await store.load();
  store.set('u', record('1'));
  store.set('v', record('2'));
  store.remove('v');
  await store.saved();
  const later = open();
  await later.load();
  expect([later.get('u'), later.get('v'), later.uids()]).toEqual([record('1'), undefined, ['u']]);
});

test('many changes are written in one go, a moment later', async () => {
  const { clock, open, writes } = setUp();
  const store = open();
  for (let i = 0; i < 50; i++) store.set(`u${i}`, record('1'));
  expect(writes()).toBe(0);
  await clock.advance(1000);
  expect(writes()).toBe(1);
  const later = open();
  await later.load();
  expect(later.uids()).toHaveLength(50);
});

test('a file that cannot be read is as none, and one that cannot be written is told to who waits for it', async () => {
  const { files, open } = setUp();
  await files.mkdir('/k');
  await files.writeFile('/k/allocated_pods_state', '{"version":1,"po');
  const store = open();
  await store.load();
  expect(store.uids()).toEqual([]);
  files.writeFileAtomic = () => Promise.reject(new Error('no room'));
  store.set('u', record('1'));
  await expect(store.saved()).rejects.toThrow('no room');
});
