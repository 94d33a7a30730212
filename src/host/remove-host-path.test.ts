import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeHostPath } from './remove-host-path.ts';

let base = '';
beforeEach(async () => {
  base = await mkdtemp(`${tmpdir()}/peapod-host-path-`);
  await mkdir(`${base}/data/deep`, { recursive: true });
  await mkdir(`${base}/kept/deep`, { recursive: true });
  await writeFile(`${base}/kept/deep/file`, 'x');
});
afterEach(() => rm(base, { recursive: true, force: true }));

test('a folder goes with all that is in it, and one that is gone already is none to mind', async () => {
  await removeHostPath(`${base}/data/deep`, `${base}/data`);
  expect(existsSync(`${base}/data/deep`)).toBe(false);
  await removeHostPath(`${base}/data/deep/er`, `${base}/data`);
});

test.each(['/kept/deep', '/data/link/deep', '/data/../kept/deep', '/data'])('%s is left alone', async (path) => {
  await symlink(`${base}/kept`, `${base}/data/link`);
  await expect(removeHostPath(base + path, `${base}/data`)).rejects.toThrow('is not below');
  expect(existsSync(`${base}/kept/deep/file`)).toBe(true);
});

test('a link itself goes, what it leads to stays', async () => {
  await symlink(`${base}/kept`, `${base}/data/link`);
  await removeHostPath(`${base}/data/link`, `${base}/data`);
  expect(existsSync(`${base}/data/link`)).toBe(false);
  expect(existsSync(`${base}/kept/deep/file`)).toBe(true);
});
