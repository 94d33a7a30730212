import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readShortFile } from './short-file.ts';

test('a short file is read whole, of a longer one its beginning', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'peapod-short-'));
  try {
    const path = join(folder, 'file');
    writeFileSync(path, 'containerd-shim\0-id\0abc\0');
    expect(await readShortFile(path)).toBe('containerd-shim\0-id\0abc\0');
    const buffer = Buffer.alloc(10, 'x');
    expect(await readShortFile(path, buffer)).toBe('containerd');
    writeFileSync(path, 'ab');
    expect(await readShortFile(path, buffer)).toBe('ab');
    writeFileSync(path, '');
    expect(await readShortFile(path, buffer)).toBe('');
    await expect(readShortFile(join(folder, 'none'))).rejects.toThrow('ENOENT');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
