import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHostMounts } from './mounts.ts';
import { removeTree } from './remove-tree.ts';

let base = '';
beforeEach(async () => {
  base = await mkdtemp(`${tmpdir()}/peapod-remove-`);
});
afterEach(() => rm(base, { recursive: true, force: true }));

/** What a hostile process does while its tree (its first argument) is removed; the second is what it would have others remove. */
const swap = `
  const fs = require('node:fs');
  const [tree, keep] = process.argv.slice(1);
  const attempt = (work) => { try { work(); } catch {} };
  const began = Date.now();
  // Whoever started it may not live to end it.
  for (let round = 0; Date.now() - began < 60_000; round++) {
    const own = tree + '-' + round;
    const place = tree + '/' + (round % 4);
    fs.mkdirSync(own + '/deep/er', { recursive: true });
    fs.writeFileSync(own + '/deep/precious', 'y');
    attempt(() => fs.mkdirSync(tree));
    attempt(() => fs.renameSync(own, place));
    // Out again, where only this process makes links, and back with one in the place of a folder.
    attempt(() => fs.renameSync(place, own));
    attempt(() => fs.renameSync(own + '/deep', own + '/moved'));
    attempt(() => fs.symlinkSync(keep + '/deep', own + '/deep'));
    attempt(() => fs.renameSync(own, place));
    attempt(() => fs.renameSync(place, tree + '/moved-' + round));
    attempt(() => fs.symlinkSync(keep, place));
    attempt(() => fs.rmSync(own, { recursive: true, force: true }));
  }`;

// A busy machine may take its time with so many files.
describe('removeTree', { timeout: 60_000 }, () => {
  test('removes all, never what links point to, whatever the names', async () => {
    await mkdir(`${base}/keep`);
    await writeFile(`${base}/keep/precious`, 'x');
    await mkdir(`${base}/tree/a/b`, { recursive: true });
    await symlink(`${base}/keep`, `${base}/tree/a/link`);
    await symlink('/nonexistent', `${base}/tree/dangling`);
    await writeFile(Buffer.concat([Buffer.from(`${base}/tree/a/`), Buffer.from([0xff, 0xfe])]), 'not UTF-8');
    await removeTree(`${base}/tree`);
    expect(await readdir(base)).toEqual(['keep']);
    expect(await readFile(`${base}/keep/precious`, 'utf8')).toBe('x');
  });

  test('removes a link itself, and nothing is no error', async () => {
    await mkdir(`${base}/keep`);
    await symlink(`${base}/keep`, `${base}/link`);
    await removeTree(`${base}/link`);
    await removeTree(`${base}/link`);
    await removeTree(`${base}/no/such/folder`);
    expect(await readdir(base)).toEqual(['keep']);
  });

  test.skipIf(process.getuid?.() !== 0)('stops at a mount, bind mounts of the same file system included', async () => {
    const mounts = createHostMounts();
    await mkdir(`${base}/data`);
    await writeFile(`${base}/data/precious`, 'x');
    await mkdir(`${base}/tree/here`, { recursive: true });
    await mounts.bind(`${base}/data`, `${base}/tree/here`);
    try {
      await writeFile(`${base}/tree/kept`, 'x');
      await expect(removeTree(`${base}/tree`)).rejects.toMatchObject({
        code: 'EBUSY',
        message: `EBUSY: still mounted: ${base}/tree/here`,
      });
      expect(await readdir(`${base}/tree`)).toEqual(['here', 'kept']);
      expect(await readFile(`${base}/data/precious`, 'utf8')).toBe('x');
      expect(await mounts.listUnder(base)).toEqual([`${base}/tree/here`]);
    } finally {
      await mounts.unmount(`${base}/tree/here`);
    }
    await removeTree(`${base}/tree`);
    expect(await readdir(base)).toEqual(['data']);
  });

  test('removes what is nested deeper than a path or the open files may go', async () => {
    let top = `${base}/d0`;
    mkdirSync(top);
    writeFileSync(`${top}/bottom`, 'x');
    for (let depth = 1; depth <= 300; depth++) {
      const above = `${base}/d${depth}`;
      mkdirSync(above);
      renameSync(top, `${above}/${'n'.repeat(40)}`);
      writeFileSync(`${above}/f`, 'x');
      top = above;
    }
    let most = 0;
    const counting = setInterval(() => (most = Math.max(most, readdirSync('/proc/self/fd').length)), 5);
    const before = readdirSync('/proc/self/fd').length;
    await removeTree(top);
    clearInterval(counting);
    expect(await readdir(base)).toEqual([]);
    expect(most - before).toBeLessThan(20);
  });

  test('removes many files in one folder', async () => {
    mkdirSync(`${base}/wide`);
    for (let i = 0; i < 1000; i++) writeFileSync(`${base}/wide/${i}`, '');
    await removeTree(`${base}/wide`);
    expect(await readdir(base)).toEqual([]);
  });

  test('is never led out by a process that swaps folders for links and moves them meanwhile', async () => {
    mkdirSync(`${base}/keep/deep/er`, { recursive: true });
    for (const place of ['keep', 'keep/deep', 'keep/deep/er']) writeFileSync(`${base}/${place}/precious`, 'x');
    const swapper = spawn(process.execPath, ['-e', swap, `${base}/tree`, `${base}/keep`], { stdio: 'inherit' });
    try {
      const end = performance.now() + Number(process.env['PEAPOD_LONG'] === '1' ? 15_000 : 1500);
      while (performance.now() < end) await removeTree(`${base}/tree`).catch(() => {});
    } finally {
      swapper.kill('SIGKILL');
      await once(swapper, 'exit');
    }
    for (const place of ['keep', 'keep/deep', 'keep/deep/er'])
      expect(await readFile(`${base}/${place}/precious`, 'utf8')).toBe('x');
    await removeTree(`${base}/tree`);
    expect(await readdir(base)).not.toContain('tree');
  });
});
