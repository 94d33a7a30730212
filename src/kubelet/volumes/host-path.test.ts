import { beforeEach, describe, expect, it } from 'vitest';
import type { Files } from '../../lib/system.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { prepareHostPath } from './host-path.ts';

let files: Files;
beforeEach(async () => {
  files = createMemoryFiles();
  await files.mkdir('/srv/dir', { recursive: true });
  await files.writeFile('/srv/file', 'x', 0o600);
  await files.symlink('dir', '/srv/link');
});
const prepare = (path: string, type?: string): Promise<void> =>
  prepareHostPath(files, { path, ...(type === undefined ? {} : { type }) } as never);

describe('prepareHostPath', () => {
  it.each([
    ['/srv/dir', 'Directory'],
    ['/srv/link', 'Directory'],
    ['/srv/dir', 'DirectoryOrCreate'],
    ['/srv/file', 'File'],
    ['/srv/file', 'FileOrCreate'],
    ['/nowhere', ''],
    ['/nowhere', undefined],
  ])('accepts %s as %s', async (path, type) => expect(await prepare(path, type)).toBeUndefined());

  it.each([
    ['/srv/file', 'Directory', "directory, it's a File"],
    ['/srv/file', 'DirectoryOrCreate', "directory, it's a File"],
    ['/srv/dir', 'File', "file, it's a Directory"],
    ['/srv/dir', 'FileOrCreate', "file, it's a Directory"],
    ['/srv/file', 'Socket', "socket file, it's a File"],
    ['/srv/file', 'CharDevice', "character device, it's a File"],
    ['/srv/link', 'BlockDevice', "block device, it's a Directory"],
  ])('refuses %s as %s', async (path, type, what) => {
    await expect(prepare(path, type)).rejects.toThrow(`hostPath type check failed: ${path} is not a ${what}`);
  });

  it.each(['Directory', 'File', 'Socket', 'CharDevice', 'BlockDevice'])(
    'refuses what is not there as %s',
    async (type) => {
      await expect(prepare('/nowhere', type)).rejects.toThrow("hostPath /nowhere doesn't exist");
      await expect(prepare('/srv/file/x', type)).rejects.toThrow("hostPath /srv/file/x doesn't exist");
    },
  );

  it('makes folders with their parents, and empty files', async () => {
    await prepare('/srv/new/deep', 'DirectoryOrCreate');
    expect((await files.stat('/srv/new/deep'))?.kind).toBe('directory');
    await prepare('/srv/made', 'FileOrCreate');
    expect((await files.stat('/srv/made'))?.size).toBe(0);
    await expect(prepare('/srv/none/made', 'FileOrCreate')).rejects.toThrow('no such file');
  });
  it('keeps an existing file', async () => {
    await prepare('/srv/file', 'FileOrCreate');
    expect((await files.readFile('/srv/file')).toString()).toBe('x');
  });
  it.each([
    ['/a/../b', 'Directory', "invalid HostPath `/a/../b`: must not contain '..'"],
    ['/srv/dir', 'Pipe', 'Pipe is an invalid volume type'],
  ])('refuses %s %s', async (path, type, message) => expect(prepare(path, type)).rejects.toThrow(message));
});
