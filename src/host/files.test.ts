import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hostFiles } from './files.ts';
import { knowsNoSwap, parseMountInfo } from './mounts.ts';

let base = '';
beforeEach(async () => {
  base = await mkdtemp(`${tmpdir()}/peapod-files-`);
});
afterEach(() => rm(base, { recursive: true, force: true }));

test('an atomic write replaces the file whole, with its mode, and leaves nothing beside it', async () => {
  await hostFiles.writeFileAtomic(`${base}/f`, 'one');
  expect((await stat(`${base}/f`)).mode & 0o777).toBe(0o600);
  await hostFiles.writeFileAtomic(`${base}/f`, 'two', 0o644);
  expect(await readFile(`${base}/f`, 'utf8')).toBe('two');
  expect((await stat(`${base}/f`)).mode & 0o777).toBe(0o644);
  expect(await readdir(base)).toEqual(['f']);
});

test('an atomic write goes past what a killed process with the same pid left behind', async () => {
  // The names that such a process would have used: counted from one by each life.
  for (let n = 1; n <= 50; n++) await writeFile(`${base}/f.${process.pid}.${n}.tmp`, 'torn');
  await hostFiles.writeFileAtomic(`${base}/f`, 'whole');
  expect(await readFile(`${base}/f`, 'utf8')).toBe('whole');
});

test('stats of nothing are undefined, through a file as well', async () => {
  await writeFile(`${base}/f`, '');
  expect(await hostFiles.stat(`${base}/none`)).toBeUndefined();
  expect(await hostFiles.lstat(`${base}/f/below`)).toBeUndefined();
  expect(await hostFiles.stat(`${base}/f`)).toMatchObject({ kind: 'file', size: 0 });
});

test('mountinfo: escapes, shared flags, sources', () => {
  const text = [
    '22 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
    '90 22 254:0 /x /mnt/a\\040b rw shared:5 master:1 - ext4 /dev/vda rw',
  ].join('\n');
  expect(parseMountInfo(`${text}\n`)).toEqual([
    { mountPoint: '/', root: '/', fsType: 'ext4', source: '/dev/vda', shared: false },
    { mountPoint: '/mnt/a b', root: '/x', fsType: 'ext4', source: '/dev/vda', shared: true },
  ]);
});

test.each([
  ['6.4.0', true],
  ['6.18.44-fc', true],
  ['7.0.1', true],
  ['6.3.9', false],
  ['5.15.0-91-generic', false],
  ['4.19', false],
])('tmpfs of Linux %s can stay out of swap: %s', (kernel, can) => expect(knowsNoSwap(kernel)).toBe(can));
