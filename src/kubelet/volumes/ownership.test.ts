import { expect, it } from 'vitest';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { setVolumeOwnership } from './ownership.ts';

it.each([
  [false, 0o660, 0o2770],
  [true, 0o640, 0o2750],
])('gives the tree to the group (read only: %s)', async (readOnly, fileMode, dirMode) => {
  const files = createMemoryFiles();
  await files.mkdir('/v/d', { recursive: true, mode: 0o700 });
  await files.mkdir('/host');
  await files.writeFile('/host/shadow', 'x', 0o600);
  await files.writeFile('/v/d/f', 'x', 0o600);
  await files.chmod('/v', 0o700);
  await files.chmod('/v/d', 0o700);
  await files.symlink('/host/shadow', '/v/d/link');
  await setVolumeOwnership(files, '/v', 2000, readOnly);
  for (const [path, mode] of [
    ['/v', dirMode],
    ['/v/d', dirMode],
    ['/v/d/f', fileMode],
  ] as const) {
    const stat = await files.lstat(path);
    expect([path, (stat?.mode ?? 0) & 0o7777, stat?.gid]).toEqual([path, mode, 2000]);
  }
  expect((await files.lstat('/v/d/link'))?.gid).toBe(2000);
  const outside = await files.lstat('/host/shadow');
  expect([(outside?.mode ?? 0) & 0o777, outside?.gid]).toEqual([0o600, 0]);
});
