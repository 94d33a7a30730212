// Choices of the first start that later starts on the same data folder keep: address ranges and the kubelet's port.

import { networkInterfaces } from 'node:os';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Files } from '../lib/system.ts';
import type { AddressUse, CidrClaims } from './cidr-claims.ts';

export interface Settings {
  podCidr: string;
  serviceCidr: string;
  kubeletPort: number;
}

interface Wanted {
  podCidr?: string;
  serviceCidr?: string;
  kubeletPort?: number;
}

const defaultKubeletPort = 10250;

/** IPv4 as a number. */
function ipv4(text: string): number {
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function overlaps(cidr: string, other: string): boolean {
  const [a = '', aBits = '32'] = cidr.split('/');
  const [b = '', bBits = '32'] = other.split('/');
  const size = 2 ** (32 - Math.min(Number(aBits), Number(bBits)));
  return Math.floor(ipv4(a) / size) === Math.floor(ipv4(b) / size);
}

/** Ranges that this machine's interfaces are in. */
function usedRanges(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? [])
      .filter((address) => address.family === 'IPv4' && address.cidr)
      .map((address) => address.cidr ?? ''),
  );
}

/** The first of 10.42.0.0/16, 10.44.0.0/16, … that overlaps none of the ranges. Throws when there is none. */
export const freePodCidr = (used: readonly string[]): string => freeCidr(42, '--pod-cidr', used);

/** The same for services, from 10.43.0.0/16 on. */
export const freeServiceCidr = (used: readonly string[]): string => freeCidr(43, '--service-cidr', used);

function freeCidr(from: number, option: string, used: readonly string[]): string {
  for (let second = from; second < 256; second += 2) {
    const cidr = `10.${second}.0.0/16`;
    if (!used.some((other) => overlaps(cidr, other))) return cidr;
  }
  throw new Error(`every range from 10.${from}.0.0/16 on is in use: name one with ${option}`);
}

/** The n-th /24 of an IPv4 range. Throws when the range has none of that number. */
export function nodeRange(podCidr: string, n: number): string {
  const [address = '', bits = '16'] = podCidr.split('/');
  const available = 2 ** Math.max(0, 24 - Number(bits));
  if (n >= available) throw new Error(`${podCidr} has room for ${available} nodes: name a larger --pod-cidr`);
  if (Number(bits) > 24) return podCidr;
  const base = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) + n * 256;
  return `${[24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256).join('.')}/24`;
}

/** Whether nobody listens on the port, on any address. */
async function portIsFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}

/** A range that the machine does not use and no other instance has, claimed. */
async function takeFree(use: AddressUse, claims: CidrClaims): Promise<string> {
  for (;;) {
    const used = [...usedRanges(), ...(await claims.ofOthers(use))];
    const cidr = use === 'pod' ? freePodCidr(used) : freeServiceCidr(used);
    if (await claims.claim(use, cidr)) return cidr;
  }
}

/**
 * The settings of a data folder: what was kept, else what the options say, else defaults that do not clash with what the machine
 * has and other instances have claimed. An option that differs from what was kept for the pod range is an Error: pods have addresses of the old one.
 */
export async function resolveSettings(
  files: Files,
  path: string,
  wanted: Wanted,
  claims: CidrClaims,
): Promise<Settings> {
  const kept = await readFile(path, 'utf8').then(
    (text) => JSON.parse(text) as Settings,
    () => undefined,
  );
  if (kept && wanted.podCidr && kept.podCidr !== wanted.podCidr)
    throw new Error(
      `this data folder's pods have addresses in ${kept.podCidr}: --pod-cidr cannot change that (reset it, or use another --data-dir)`,
    );
  /** What was said wins, also over another instance's claim: those who name ranges know why. */
  const range = async (use: AddressUse, said: string | undefined): Promise<string> => {
    if (said === undefined) return await takeFree(use, claims);
    await claims.claim(use, said);
    return said;
  };
  const keptPort = kept && (await portIsFree(kept.kubeletPort)) ? kept.kubeletPort : undefined;
  const settings: Settings = {
    podCidr: await range('pod', kept?.podCidr ?? wanted.podCidr),
    serviceCidr: await range('service', wanted.serviceCidr ?? kept?.serviceCidr),
    kubeletPort: wanted.kubeletPort ?? keptPort ?? ((await portIsFree(defaultKubeletPort)) ? defaultKubeletPort : 0),
  };
  await files.writeFileAtomic(path, `${JSON.stringify(settings, null, 2)}\n`, 0o600);
  return settings;
}
