import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canMount } from '../../test/support/can-mount.ts';
import { createHostMounts } from './mounts.ts';
import { hostProcesses } from './processes.ts';
import { createHostSubPaths } from './sub-paths.ts';

const mountable = await canMount('bind');

const mounts = createHostMounts();
const subPaths = createHostSubPaths();
let dir: string;
let volume: string;
let target: string;
beforeEach(() => {
  dir = realpathSync(mkdtempSync(`${tmpdir()}/peapod-subpath-`));
  volume = `${dir}/volume`;
  target = `${dir}/subpaths/v/c/0`;
  mkdirSync(`${volume}/real/deep`, { recursive: true });
  mkdirSync(`${dir}/outside`);
  writeFileSync(`${dir}/outside/secret`, 'host');
  writeFileSync(`${volume}/real/file`, 'inside');
});
afterEach(async () => {
  for (const point of await mounts.listUnder(dir)) await mounts.unmount(point);
  rmSync(dir, { recursive: true, force: true });
});

describe.skipIf(!mountable)('createHostSubPaths', () => {
  it('binds a folder, and what is written there is in the volume', async () => {
    await subPaths.bind(volume, 'real', target);
    writeFileSync(`${target}/new`, 'x');
    expect(readFileSync(`${volume}/real/new`, 'utf8')).toBe('x');
    expect(await mounts.listUnder(dir)).toEqual([target]);
  });

  it('binds a file through links that stay inside, as configMaps have them', async () => {
    mkdirSync(`${volume}/..1`);
    writeFileSync(`${volume}/..1/key`, 'one');
    symlinkSync('..1', `${volume}/..data`);
    symlinkSync('..data/key', `${volume}/key`);
    await subPaths.bind(volume, 'key', target);
    expect(readFileSync(target, 'utf8')).toBe('one');
  });

  it('makes missing folders with the mode of the volume', async () => {
    statSync(volume);
    await hostProcesses.run(['chmod', '2777', volume]);
    await subPaths.bind(volume, 'real/deep/a/b', target);
    expect(lstatSync(`${volume}/real/deep/a/b`).mode & 0o7777).toBe(0o2777);
    expect(statSync(target).ino).toBe(statSync(`${volume}/real/deep/a/b`).ino);
  });

  it('is a no-op while the same is shown, and follows a change', async () => {
    await subPaths.bind(volume, 'real/file', target);
    await subPaths.bind(volume, 'real/file', target);
    expect(await mounts.listUnder(dir)).toEqual([target]);
    rmSync(`${volume}/real/file`);
    writeFileSync(`${volume}/real/file`, 'newer');
    await subPaths.bind(volume, 'real/file', target);
    expect(readFileSync(target, 'utf8')).toBe('newer');
    expect(await mounts.listUnder(dir)).toEqual([target]);
    await subPaths.bind(volume, 'real/deep', target);
    expect(statSync(target).isDirectory()).toBe(true);
  });

  it.each(['out', 'out/secret', 'up/outside', 'out/new', 'loop'])('never leaves by the link %s', async (path) => {
    symlinkSync(`${dir}/outside`, `${volume}/out`);
    symlinkSync('..', `${volume}/up`);
    symlinkSync('loop', `${volume}/loop`);
    await expect(subPaths.bind(volume, path, target)).rejects.toThrow();
    expect(await mounts.listUnder(dir)).toEqual([]);
    expect(() => statSync(`${dir}/outside/new`)).toThrow('ENOENT');
  });

  it('makes nothing through a dangling link', async () => {
    symlinkSync(`${dir}/outside/made`, `${volume}/dangling`);
    await expect(subPaths.bind(volume, 'dangling', target)).rejects.toThrow();
    await expect(subPaths.bind(volume, 'dangling/x', target)).rejects.toThrow();
    expect(() => statSync(`${dir}/outside/made`)).toThrow('ENOENT');
  });

  it('reads files inside, and nothing else', async () => {
    symlinkSync('real', `${volume}/in`);
    symlinkSync(`${dir}/outside`, `${volume}/out`);
    await hostProcesses.run(['mkfifo', `${volume}/pipe`]);
    expect((await subPaths.readFile(volume, 'in/file')).toString()).toBe('inside');
    await expect(subPaths.readFile(volume, 'out/secret')).rejects.toThrow('outside of the volume');
    await expect(subPaths.readFile(volume, 'pipe')).rejects.toThrow('not a regular file');
    await expect(subPaths.readFile(volume, 'none')).rejects.toThrow('ENOENT');
  });

  it.each(['/etc', '../outside', 'real/../../outside'])('refuses %s', async (path) => {
    await expect(subPaths.bind(volume, path, target)).rejects.toThrow('subPath');
  });
});
