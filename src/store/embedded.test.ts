import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, open } from 'lmdb';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realClock } from '../host/real-clock.ts';
import { openEmbeddedStore } from './embedded.ts';
import { dictionary } from './embedded-dictionary.ts';
import { decodeNumber, encodeKey, encodeLogEntry, encodeNumber } from './embedded-layout.ts';
import { StoreInUseError } from './embedded-lock.ts';
import { maxValueBytes, type Store } from './store.ts';

let folder: string;
let stores: Store[];
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'peapod-embedded-')), 'store');
  stores = [];
});
afterEach(async () => {
  for (const store of stores) await store.close();
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

async function openHere(): Promise<Store> {
  const store = await openEmbeddedStore({ path: folder, clock: realClock });
  stores.push(store);
  return store;
}
const put = (store: Store, key: string, value: Uint8Array = Buffer.from(key)) => store.txn({ op: 'put', key, value });

/** Tables as they are on disk, by name and number of entries. */
async function entries(): Promise<Record<string, number>> {
  const root = open({
    path: folder,
    noSubdir: false,
    overlappingSync: false,
    maxDbs: 8,
    keyEncoding: 'binary',
    encoding: 'binary',
  });
  const count = (name: string): number =>
    root.openDB({ name, keyEncoding: 'binary', encoding: 'binary' }).getKeysCount();
  const counts = Object.fromEntries(
    ['log', 'current', 'deleted', 'leases', 'lease-keys'].map((name) => [name, count(name)]),
  );
  await root.close();
  return counts;
}

test('only its owner can read the folder and the files', async () => {
  await put(await openHere(), '/a');
  const modes = ['', 'data.mdb', 'lock.mdb', 'owner'].map((name) =>
    (statSync(join(folder, name)).mode & 0o777).toString(8),
  );
  expect(modes).toEqual(['700', '600', '600', '600']);
});

test('a folder that is open here or in another process is refused, by name of the process; once free it opens', async () => {
  const store = await openHere();
  await expect(openHere()).rejects.toThrow(`the store in ${folder} is in use by process ${process.pid}`);
  await store.close();
  expect(existsSync(join(folder, 'owner'))).toBe(false);
  const script = `
    import { openEmbeddedStore } from ${JSON.stringify(join(import.meta.dirname, 'embedded.ts'))};
    import { realClock } from ${JSON.stringify(join(import.meta.dirname, '../host/real-clock.ts'))};
    await openEmbeddedStore({ path: ${JSON.stringify(folder)}, clock: realClock });
    console.log('open');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const opened = await new Promise((resolve) => {
      child.stdout.once('data', () => resolve(true));
      child.once('close', () => resolve(errors));
    });
    expect(opened).toBe(true);
    await expect(openHere()).rejects.toThrow(StoreInUseError);
    await expect(openHere()).rejects.toMatchObject({ pid: child.pid });
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await closed;
    await put(await openHere(), '/a');
  } finally {
    child.kill('SIGKILL');
  }
});

test('a note of a process that is gone, or half a note, does not stand in the way', async () => {
  await (await openHere()).close();
  writeFileSync(join(folder, 'owner'), JSON.stringify({ pid: process.pid, started: 'another boot 1' }));
  await (await openHere()).close();
  writeFileSync(join(folder, 'owner'), '{"pi');
  const store = await openHere();
  expect(JSON.parse(readFileSync(join(folder, 'owner'), 'utf8'))).toMatchObject({ pid: process.pid });
  await store.close();
});

test('of stores opened at the same time one wins', async () => {
  const results = await Promise.allSettled([openHere(), openHere(), openHere()]);
  expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
});

test('compaction takes history off the disk and leaves what is current', async () => {
  const store = await openHere();
  for (let i = 0; i < 30; i++) await put(store, '/a');
  await put(store, '/b');
  await put(store, '/gone');
  await store.txn({ op: 'delete', key: '/gone' });
  const lease = await store.grantLease(60_000);
  await store.txn({ op: 'put', key: '/leased', value: Buffer.from('x'), lease });
  await store.compact(store.revision());
  await store.close();
  // The log keeps one entry per current value; the newest change is still history.
  expect(await entries()).toEqual({ log: 3, current: 3, deleted: 0, leases: 1, 'lease-keys': 1 });
  const again = await openHere();
  expect((await again.range('/')).items.map((item) => item.key)).toEqual(['/a', '/b', '/leased']);
  await again.revokeLease(lease);
  await again.compact(again.revision());
  await again.close();
  // Beside the two, the deletion that is still history, and the value it deleted.
  expect(await entries()).toEqual({ log: 4, current: 2, deleted: 1, leases: 0, 'lease-keys': 0 });
});

test('the file grows past any size it was opened with, and values keep their bytes', async () => {
  const store = await openHere();
  const value = Buffer.alloc(1_000_000, 7);
  await Promise.all(Array.from({ length: 40 }, (_, i) => put(store, `/big/${i}`, value)));
  const { items } = await store.range('/big/');
  expect(items).toHaveLength(40);
  expect(items.every((item) => Buffer.compare(item.value, value) === 0)).toBe(true);
});

/** A table of the store, raw: what lmdb compressed is seen as it is on disk. */
async function raw(name: string, use: (table: Database<Buffer, Buffer>) => Promise<unknown>): Promise<void> {
  const options = { keyEncoding: 'binary', encoding: 'binary' } as const;
  const root = open<Buffer, Buffer>({ path: folder, noSubdir: false, overlappingSync: false, maxDbs: 8, ...options });
  await use(root.openDB<Buffer, Buffer>({ name, ...options }));
  await root.close();
}
const setLayout = (layout: number) => raw('meta', (meta) => meta.put(Buffer.from('layout'), encodeNumber(layout)));

test('a store of a later layout is refused and left alone', async () => {
  await put(await openHere(), '/a');
  await stores[0]?.close();
  await setLayout(3);
  await expect(openHere()).rejects.toThrow('has layout 3, and this version knows none after 2');
  expect(existsSync(join(folder, 'owner'))).toBe(false);
});

test('large values are compressed on disk, and come back byte for byte', async () => {
  const values = [
    Buffer.from(JSON.stringify({ kind: 'Pod', items: Array.from({ length: 200 }, (_, i) => ({ name: `item-${i}` })) })),
    // What cannot be made smaller, what lmdb might take for compressed, and the sizes around which it reads in other ways.
    randomBytes(5000),
    Buffer.alloc(2000, 254),
    ...[961, 962, 999, 1000, 32_700, 40_000, 65_498, 65_499, maxValueBytes].map((size) => Buffer.alloc(size, 'ab')),
    // As the dictionary ends, and with bytes that are not text.
    Buffer.concat([dictionary.subarray(-900), dictionary, randomBytes(3000), dictionary.subarray(40, 7000)]),
    ...[1200, 9000, 40_000].map((size) =>
      Buffer.from(
        JSON.stringify(Array.from({ length: size / 40 }, (_, i) => ({ i, random: randomBytes(9).toString('hex') }))),
      ),
    ),
  ];
  const key = (i: number): string => `/${String(i).padStart(2, '0')}`;
  const store = await openHere();
  for (const [i, value] of values.entries()) await put(store, key(i), value);
  const again = async (from: Store): Promise<Buffer[]> =>
    (await from.range('/')).items.map(({ value }) => Buffer.from(value));
  expect(await again(store)).toEqual(values);
  await store.close();
  const opened = await openHere();
  for (const [i, value] of values.entries()) expect(Buffer.compare((await opened.get(key(i)))!.value, value)).toBe(0);
  await opened.close();
  await raw('log', async (log) => {
    const [first] = [...log.getRange()];
    expect(first?.value.length).toBeLessThan(values[0]!.length / 2);
  });
});

test('a store of layout 1, in which nothing was compressed, opens, is written to, and is of layout 2 from then on', async () => {
  const old = Buffer.alloc(5000, 'old');
  await (await openHere()).close();
  const current = { key: '/old', value: old, createRevision: 2, modRevision: 2, version: 1, lease: 0 };
  const entry = encodeLogEntry({ type: 'put', key: '/old', revision: 2, current });
  await raw('log', (log) => log.put(encodeNumber(2), entry));
  await raw('current', (table) => table.put(encodeKey('/old'), encodeNumber(2)));
  await raw('meta', (meta) => meta.put(Buffer.from('revision'), encodeNumber(2)));
  await setLayout(1);
  const store = await openHere();
  expect(await store.get('/old')).toMatchObject({ modRevision: 2, value: old });
  await put(store, '/new', Buffer.alloc(5000, 'new'));
  await put(store, '/old', Buffer.alloc(5000, 'newer'));
  await store.close();
  await raw('meta', async (meta) => expect(decodeNumber(meta.get(Buffer.from('layout'))!)).toBe(2));
  const again = await openHere();
  expect((await again.get('/new'))?.value.subarray(0, 6).toString()).toBe('newnew');
  expect((await again.range('/', { revision: 2 })).items).toMatchObject([{ key: '/old', value: old }]);
});

test('what is known of a key without reading its value is known again after opening, also of one that is gone', async () => {
  const store = await openHere();
  const { revision } = (await put(store, '/a')) as { revision: number };
  await put(store, '/gone');
  await store.txn({ op: 'delete', key: '/gone' });
  await store.close();
  const again = await openHere();
  expect(await again.txn({ op: 'put', key: '/a', value: Buffer.from('2'), expected: 0 })).toMatchObject({
    ok: false,
    actual: { modRevision: revision },
  });
  expect(await again.txn({ op: 'put', key: '/a', value: Buffer.from('2'), expected: revision })).toMatchObject({
    current: { createRevision: revision, version: 2 },
    previous: { value: Buffer.from('/a') },
  });
  expect(await again.txn({ op: 'put', key: '/gone', value: Buffer.from('2'), expected: 0 })).toMatchObject({
    current: { version: 1 },
  });
});

test('a key that an earlier version wrote, with no more than the revision of its value, is replaced and deleted like any other', async () => {
  const store = await openHere();
  const revisions = await Promise.all(
    ['/a', '/b'].map(async (key) => ((await put(store, key)) as { revision: number }).revision),
  );
  const lease = await store.grantLease(60_000);
  await store.txn({ op: 'put', key: '/leased', value: Buffer.from('x'), lease });
  const leased = store.revision();
  await store.close();
  await raw('current', async (table) => {
    for (const { key, value } of table.getRange()) {
      expect(value).toHaveLength(32);
      // Earlier versions read the revision, and no more.
      await table.put(key, value.subarray(0, 8));
    }
  });
  const again = await openHere();
  const replaced = Buffer.from('/a');
  const [a = 0, b = 0] = revisions;
  expect(await again.txn({ op: 'put', key: '/a', value: Buffer.from('2'), expected: a, replaced })).toMatchObject({
    current: { createRevision: a, version: 2 },
    previous: { value: replaced, modRevision: a, createRevision: a, version: 1 },
  });
  expect(await again.txn({ op: 'delete', key: '/b', expected: b })).toMatchObject({
    ok: true,
    previous: { value: Buffer.from('/b'), version: 1 },
  });
  expect(await again.txn({ op: 'put', key: '/leased', value: replaced, expected: leased, replaced })).toMatchObject({
    previous: { lease },
  });
  await again.close();
  expect(await entries()).toMatchObject({ current: 2, 'lease-keys': 0 });
});

test('what was compressed once can be read for ever: the dictionary is part of the layout', async () => {
  expect(createHash('sha256').update(dictionary).digest('hex')).toBe(
    'ecf9785424daeacb8e72300e6687ae6a2bb8788b63626b74674a5da4f2f8e06d',
  );
  // lmdb leaves out what is beyond a multiple of 8.
  expect(dictionary.length % 8).toBe(0);
  await put(await openHere(), '/a', Buffer.alloc(1, 'x'));
  await stores[0]?.close();
  const written = Buffer.from('/gAERCoBAAEAEkAPACLwPwgAawAAAgAvYdsABDgEC5gBBJIHj30sIngiOiJ5AQD////UUHl5eSJ9', 'base64');
  await raw('log', (log) => log.put(encodeNumber(2), written));
  const store = await openHere();
  const { value } = (await store.get('/a'))!;
  expect(JSON.parse(Buffer.from(value).toString())).toEqual({
    kind: 'Pod',
    spec: { restartPolicy: 'Always' },
    x: 'y'.repeat(1000),
  });
});
