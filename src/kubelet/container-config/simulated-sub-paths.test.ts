import { expect, it } from 'vitest';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createSimulatedSubPaths } from './simulated-sub-paths.ts';

it('makes, reads and refuses as a real one does', async () => {
  const files = createMemoryFiles();
  await files.mkdir('/v/real', { recursive: true });
  await files.mkdir('/host');
  await files.writeFile('/host/secret', 'x');
  await files.writeFile('/v/real/f', 'inside');
  await files.symlink('/host', '/v/out');
  await files.symlink('real', '/v/in');
  const subPaths = createSimulatedSubPaths(files);
  await subPaths.bind('/v', 'a/b', '/t');
  expect((await files.stat('/v/a/b'))?.kind).toBe('directory');
  await subPaths.bind('/v', 'in', '/t');
  expect((await subPaths.readFile('/v', 'in/f')).toString()).toBe('inside');
  await expect(subPaths.bind('/v', 'out', '/t')).rejects.toThrow('outside of the volume');
  await expect(subPaths.readFile('/v', 'out/secret')).rejects.toThrow('outside of the volume');
});
