// Which instance has which ranges of addresses for pods and for services, on this machine since boot: so that two instances that
// start together, before either has a pod, do not take the same.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';

type Use = 'pod' | 'service';

const folderOf = (use: Use): string => `/run/peapod/${use}-cidrs`;

/** Ranges that other instances have claimed for that use. Empty where the folder cannot be read. */
export async function claimedCidrs(use: Use, exceptInstance: string): Promise<string[]> {
  const folder = folderOf(use);
  const names = await readdir(folder).catch((): string[] => []);
  const others = names.filter((name) => name !== exceptInstance);
  return await Promise.all(others.map((name) => readFile(`${folder}/${name}`, 'utf8').catch(() => ''))).then((all) =>
    all.filter(Boolean),
  );
}

/** Claims the range for the instance. Needs root. */
export async function claimCidr(use: Use, instance: string, cidr: string): Promise<void> {
  const folder = folderOf(use);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  await writeFile(`${folder}/${instance}`, cidr, { mode: 0o644 });
}

/** Gives back what the instance has. Idempotent. */
export async function releaseCidrs(instance: string): Promise<void> {
  for (const use of ['pod', 'service'] as const) await rm(`${folderOf(use)}/${instance}`, { force: true });
}
