// Whether containerd's pulls get on: what it is fetching, and how much it has unpacked, as a text that changes with both.

import { readdir, stat } from 'node:fs/promises';
import { hostFiles } from './files.ts';
import type { Instance } from './instance.ts';

/** Less than this written to the disk in a minute, by everybody, is no unpacking. Bytes. */
const unpackedStep = 4 * 1024 * 1024;

/** What is fetched at the moment, with the bytes of each. Folders come and go meanwhile. */
async function ingests(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  return await Promise.all(
    names.toSorted().map(async (name) => {
      const found = await stat(`${folder}/${name}/data`).catch(() => undefined);
      return `${name}:${found?.size ?? 0}`;
    }),
  );
}

/** For the kubelet's watch over pulls: the runtime itself tells nothing of how far they are. */
export async function pullProgress({ containerdRootDir }: Instance): Promise<string> {
  const [fetching, { availableBytes }] = await Promise.all([
    ingests(`${containerdRootDir}/io.containerd.content.v1.content/ingest`),
    hostFiles.statfs(containerdRootDir),
  ]);
  return [...fetching, Math.floor(availableBytes / unpackedStep)].join(' ');
}
