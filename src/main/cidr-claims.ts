// Which instance has which ranges of addresses for pods and for services, on this machine since boot: so that two instances that
// start together, before either has a pod, do not take the same.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';

export type AddressUse = 'pod' | 'service';

const uses: readonly AddressUse[] = ['pod', 'service'];

/** What `resolveSettings` asks about ranges of addresses. */
export interface CidrClaims {
  /** Ranges that other instances have. Empty where they cannot be read. */
  ofOthers(use: AddressUse): Promise<string[]>;
  /** Takes the range, unless another instance was faster: false. Needs root. */
  claim(use: AddressUse, cidr: string): Promise<boolean>;
}

/** Where no two instances can meet: simulated nodes have no addresses on the machine. */
export const noCidrClaims: CidrClaims = { ofOthers: async () => [], claim: async () => true };

/** The instance's claims in a folder of the machine, a file per range that holds its instance. */
export function cidrClaims(instance: string, root = '/run/peapod'): CidrClaims {
  const folderOf = (use: AddressUse): string => `${root}/${use}-cidrs`;
  return {
    async ofOthers(use) {
      const all = await readClaims(folderOf(use));
      return all.filter(({ owner }) => owner !== instance).map(({ file }) => file.replace('_', '/'));
    },
    async claim(use, cidr) {
      const folder = folderOf(use);
      await mkdir(folder, { recursive: true, mode: 0o755 });
      const file = `${folder}/${cidr.replaceAll('/', '_')}`;
      try {
        // Of two that choose the same range at the same time, one makes the file.
        await writeFile(file, instance, { mode: 0o644, flag: 'wx' });
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        return (await readFile(file, 'utf8').catch(() => '')) === instance;
      }
    },
  };
}

/** Gives back what the instance has. Idempotent. */
export async function releaseCidrs(instance: string, root = '/run/peapod'): Promise<void> {
  for (const use of uses) {
    const folder = `${root}/${use}-cidrs`;
    for (const { file, owner } of await readClaims(folder))
      if (owner === instance) await rm(`${folder}/${file}`, { force: true });
  }
}

async function readClaims(folder: string): Promise<{ file: string; owner: string }[]> {
  const files = await readdir(folder).catch((): string[] => []);
  return await Promise.all(
    files.map(async (file) => ({ file, owner: await readFile(`${folder}/${file}`, 'utf8').catch(() => '') })),
  );
}
