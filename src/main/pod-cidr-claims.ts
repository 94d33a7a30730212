// Which instance has which range of pod addresses, on this machine since boot: so that two instances that start together, before
// either has a pod, do not take the same.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';

const folder = '/run/peapod/pod-cidrs';

/** Ranges that other instances have claimed. Empty where the folder cannot be read. */
export async function claimedPodCidrs(exceptInstance: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  const others = names.filter((name) => name !== exceptInstance);
  return await Promise.all(others.map((name) => readFile(`${folder}/${name}`, 'utf8').catch(() => ''))).then((all) =>
    all.filter(Boolean),
  );
}

/** Claims the range for the instance. Needs root. */
export async function claimPodCidr(instance: string, cidr: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  await writeFile(`${folder}/${instance}`, cidr, { mode: 0o644 });
}

/** Gives it back. Idempotent. */
export async function releasePodCidr(instance: string): Promise<void> {
  await rm(`${folder}/${instance}`, { force: true });
}
