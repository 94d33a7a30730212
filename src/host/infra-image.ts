// The image of the container that holds a pod's namespaces: Debian's catatonit as pause program, built on the spot, so that no sandbox needs the network.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ociImageTar } from './oci-image.ts';

const candidates = ['/usr/bin/catatonit', '/usr/libexec/podman/catatonit', '/usr/libexec/catatonit/catatonit'];

/** Reads the first catatonit of the usual places; an error says what to install. */
async function readCatatonit(): Promise<Buffer> {
  for (const path of candidates) {
    try {
      return await readFile(path);
    } catch {
      // The next place.
    }
  }
  throw new Error('catatonit was not found: install the package "catatonit"');
}

/** The image's full name, which changes with the program, and its tar. `catatonit -P` sleeps and reaps like a pause container. */
export async function infraImage(architecture: string): Promise<{ name: string; tar: Buffer }> {
  const program = await readCatatonit();
  const name = `peapod.dev/pause:${createHash('sha256').update(program).digest('hex').slice(0, 12)}`;
  const tar = ociImageTar({
    names: [name],
    architecture,
    config: { Entrypoint: ['/catatonit', '-P'], Labels: { 'dev.peapod.infra': 'true' } },
    entries: [{ kind: 'file', path: 'catatonit', mode: 0o755, data: program }],
  });
  return { name, tar };
}
