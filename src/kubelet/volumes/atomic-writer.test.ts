import { beforeEach, describe, expect, it } from 'vitest';
import type { Files } from '../../lib/system.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { hasProjection, type Payload, writePayload } from './atomic-writer.ts';

const volume = '/v';
const now = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
let files: Files;
beforeEach(async () => {
  files = createMemoryFiles();
  await files.mkdir(volume);
});

const payloadOf = (contents: Record<string, string>, mode = 0o644): Payload =>
  new Map(Object.entries(contents).map(([path, text]) => [path, { data: Buffer.from(text), mode }]));
const read = async (path: string): Promise<string> => (await files.readFile(`${volume}/${path}`)).toString();
const visible = async (): Promise<string[]> =>
  (await files.readdir(volume)).filter((name) => !name.startsWith('..')).sort();

/** Files that stop working after so many changes, as for a process that was killed there. */
function dyingAfter(changes: number): Files {
  const mutating = new Set([
    'writeFile',
    'mkdir',
    'mkdtemp',
    'symlink',
    'rename',
    'unlink',
    'removeTree',
    'chmod',
    'chown',
  ]);
  let left = changes;
  return new Proxy(files, {
    get(target, name) {
      const method = Reflect.get(target, name) as (...all: unknown[]) => unknown;
      return (...all: unknown[]) => {
        if (left <= 0) return Promise.reject(new Error('killed'));
        if (mutating.has(String(name))) left--;
        return method.apply(target, all);
      };
    },
  });
}

describe('a write that is killed at any point', () => {
  const before = { a: '1', 'd/x': '1', old: '1' };
  const after = { a: '2', 'd/x': '2', fresh: '2' };
  it.each(Array.from({ length: 24 }, (_, i) => i))(
    'after %i changes leaves old or new, and is made good',
    async (n) => {
      await writePayload(files, volume, payloadOf(before), now);
      await writePayload(dyingAfter(n), volume, payloadOf(after), now + 1000).catch(() => {});
      const seen = [await read('a'), await read('d/x')];
      expect([
        ['1', '1'],
        ['2', '2'],
      ]).toContainEqual(seen);
      await writePayload(files, volume, payloadOf(after), now + 2000);
      expect(await visible()).toEqual(['a', 'd', 'fresh']);
      expect([await read('a'), await read('d/x'), await read('fresh')]).toEqual(['2', '2', '2']);
      expect((await files.readdir(volume)).filter((name) => name.startsWith('..')).sort()).toEqual(
        ['..data', await files.readlink('/v/..data')].sort(),
      );
    },
  );
});

describe('writePayload', () => {
  it('shows files through ..data', async () => {
    expect(await hasProjection(files, volume)).toBe(false);
    expect(await writePayload(files, volume, payloadOf({ a: '1', 'dir/b': '2', './dir//c': '3' }), now)).toBe(true);
    expect(await visible()).toEqual(['a', 'dir']);
    expect(await files.readlink('/v/a')).toBe('..data/a');
    expect(await files.readlink('/v/..data')).toMatch(/^\.\.2026_01_02_03_04_05\.\w+$/);
    expect([await read('a'), await read('dir/b'), await read('dir/c')]).toEqual(['1', '2', '3']);
    expect(await hasProjection(files, volume)).toBe(true);
  });

  it('sets modes whatever the umask', async () => {
    await writePayload(files, volume, payloadOf({ 'd/key': 'x' }, 0o400), now);
    expect(((await files.stat('/v/d/key'))?.mode ?? 0) & 0o777).toBe(0o400);
    expect(((await files.stat('/v/d'))?.mode ?? 0) & 0o777).toBe(0o755);
  });

  it('does nothing when nothing changed', async () => {
    await writePayload(files, volume, payloadOf({ a: '1' }), now);
    const before = await files.readlink('/v/..data');
    expect(await writePayload(files, volume, payloadOf({ a: '1' }), now + 5000)).toBe(false);
    expect(await files.readlink('/v/..data')).toBe(before);
  });

  it('swaps the whole, removing what is gone and the old folder', async () => {
    await writePayload(files, volume, payloadOf({ a: '1', b: '1', 'd/x': '1' }), now);
    const old = await files.readlink('/v/..data');
    expect(await writePayload(files, volume, payloadOf({ b: '2', c: '2' }), now)).toBe(true);
    expect(await visible()).toEqual(['b', 'c']);
    expect(await read('b')).toBe('2');
    expect(await files.lstat(`/v/${old}`)).toBeUndefined();
    expect((await files.readdir(volume)).filter((name) => name.startsWith('..'))).toHaveLength(2);
  });

  it('becomes empty', async () => {
    await writePayload(files, volume, payloadOf({ a: '1' }), now);
    await writePayload(files, volume, new Map(), now);
    expect(await visible()).toEqual([]);
    expect(await hasProjection(files, volume)).toBe(true);
  });

  it('recovers from a write that was cut off', async () => {
    await writePayload(files, volume, payloadOf({ a: '1' }), now);
    await files.mkdir('/v/..2025_01_01_00_00_00.123');
    await files.symlink('..2025_01_01_00_00_00.123', '/v/..data_tmp');
    await writePayload(files, volume, payloadOf({ a: '2' }), now);
    expect(await read('a')).toBe('2');
    expect((await files.readdir(volume)).sort()).toEqual(['..data', await files.readlink('/v/..data'), 'a'].sort());
  });

  it('keeps the old content when a write fails', async () => {
    await writePayload(files, volume, payloadOf({ a: '1' }), now);
    const failing = writePayload(files, volume, payloadOf({ a: '2' }), now, {
      setOwnership: async () => {
        throw new Error('no space');
      },
    });
    await expect(failing).rejects.toThrow('no space');
    expect(await read('a')).toBe('1');
    expect((await files.readdir(volume)).length).toBe(3);
  });

  it('goes past the next link that an interrupted write left', async () => {
    await writePayload(files, volume, payloadOf({ a: '1' }), now);
    await files.symlink('..gone', `${volume}/..data_tmp`);
    await writePayload(files, volume, payloadOf({ a: '2' }), now + 1000);
    expect([await read('a'), await files.readdir(volume)]).toEqual(['2', expect.not.arrayContaining(['..data_tmp'])]);
  });

  it('never follows a ..data that is not its own', async () => {
    await files.mkdir('/host');
    await files.writeFile('/host/keep', 'x');
    await files.symlink('/host', '/v/..data');
    await writePayload(files, volume, payloadOf({ a: '1' }), now);
    expect(await read('a')).toBe('1');
    expect((await files.readFile('/host/keep')).toString()).toBe('x');
  });

  it.each(['/abs', '../up', 'a/../../b', '..hidden', ''])('refuses the path %j', async (path) => {
    await expect(writePayload(files, volume, payloadOf({ [path]: 'x' }), now)).rejects.toThrow('invalid path');
    expect(await files.readdir(volume)).toEqual([]);
  });
});
