import { describe, expect, it } from 'vitest';
import { createMemoryFiles } from './memory-files.ts';

describe('createMemoryFiles', () => {
  it('writes, reads, lists and removes', async () => {
    const files = createMemoryFiles({ now: () => 42 });
    await files.mkdir('/var/log/pods', { recursive: true });
    await files.writeFile('/var/log/pods/a', 'hello');
    expect((await files.readFile('/var/log/pods/a')).toString()).toBe('hello');
    expect(await files.stat('/var/log/pods/a')).toMatchObject({ kind: 'file', mode: 0o600, size: 5, mtimeMs: 42 });
    expect(await files.readdir('/var/log')).toEqual(['pods']);
    await files.removeTree('/var/log');
    expect(await files.lstat('/var/log/pods')).toBeUndefined();
    await files.removeTree('/var/log');
  });

  it.each([
    ['readFile', '/nothing', 'ENOENT'],
    ['readdir', '/file', 'ENOTDIR'],
    ['readFile', '/folder', 'EISDIR'],
    ['unlink', '/folder', 'EISDIR'],
    ['readlink', '/file', 'EINVAL'],
    ['readFile', '/loop', 'ELOOP'],
    ['readFile', '/file/x', 'ENOTDIR'],
    ['readFile', 'relative', 'EINVAL'],
  ] as const)('%s of %s fails with %s', async (call, path, code) => {
    const files = createMemoryFiles();
    await files.writeFile('/file', '');
    await files.mkdir('/folder');
    await files.symlink('/loop', '/loop');
    await expect(files[call](path)).rejects.toMatchObject({ code });
  });

  it('follows links in the middle and at the end, and swaps one by rename as the kubelet does', async () => {
    const files = createMemoryFiles();
    await files.mkdir('/v/..1', { recursive: true });
    await files.mkdir('/v/..2');
    await files.writeFile('/v/..1/key', 'one');
    await files.writeFile('/v/..2/key', 'two');
    await files.symlink('..1', '/v/..data');
    await files.symlink('..data/key', '/v/key');
    expect((await files.readFile('/v/key')).toString()).toBe('one');
    await files.symlink('..2', '/v/..data_tmp');
    await files.rename('/v/..data_tmp', '/v/..data');
    expect((await files.readFile('/v/key')).toString()).toBe('two');
    expect(await files.realpath('/v/key')).toBe('/v/..2/key');
    expect((await files.lstat('/v/key'))?.kind).toBe('symlink');
    expect((await files.readFile('/v/../v/key')).toString()).toBe('two');
    await files.removeTree('/v/..data');
    expect(await files.stat('/v/key')).toBeUndefined();
    expect((await files.readFile('/v/..2/key')).toString()).toBe('two');
  });

  it('renames as POSIX does', async () => {
    const files = createMemoryFiles();
    await files.mkdir('/a/b', { recursive: true });
    await files.mkdir('/full/x', { recursive: true });
    await expect(files.rename('/a', '/full')).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    await expect(files.rename('/a', '/a/b/c')).rejects.toMatchObject({ code: 'EINVAL' });
    await files.writeFileAtomic('/f', '1');
    await expect(files.rename('/f', '/a')).rejects.toMatchObject({ code: 'EISDIR' });
    await files.rename('/a', '/full/x');
    expect(await files.readdir('/full/x')).toEqual(['b']);
  });

  it('keeps an open file readable after its name is gone, and tells watchers', async () => {
    const files = createMemoryFiles();
    await files.mkdir('/d');
    let changes = 0;
    const watch = files.watch('/d', () => changes++);
    await files.writeFile('/d/log', 'line\n');
    const reader = await files.open('/d/log');
    expect(changes).toBe(1);
    await files.rename('/d/log', '/d/log.1');
    await files.unlink('/d/log.1');
    expect((await reader.read(2, 10)).toString()).toBe('ne\n');
    await reader.close();
    await expect(reader.read(0, 1)).rejects.toMatchObject({ code: 'EBADF' });
    watch.close();
    const seen = changes;
    await files.writeFile('/d/log', '');
    expect(changes).toBe(seen);
  });

  it('counts bytes and inodes', async () => {
    const files = createMemoryFiles({ capacity: { totalBytes: 100, totalInodes: 10 } });
    await files.writeFile('/a', 'x'.repeat(40));
    await files.writeFileAtomic('/a', 'x'.repeat(10));
    expect(await files.statfs('/')).toEqual({ totalBytes: 100, availableBytes: 90, totalInodes: 10, freeInodes: 8 });
    await files.removeTree('/a');
    expect(await files.statfs('/')).toMatchObject({ availableBytes: 100, freeInodes: 9 });
  });
});
