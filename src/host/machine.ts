// What the machine is: processors, memory, names, kernel, and what its kernel lets us do.

import { arch, cpus, hostname, networkInterfaces, release, totalmem } from 'node:os';
import type { Files } from '../lib/system.ts';
import { hostFiles } from './files.ts';

export type CgroupMode = 'v1' | 'hybrid' | 'v2' | 'none';

export interface Machine {
  /** CPUs whose time pods can get: what the machine has, or less where a limit on the whole of it says so; may be broken. */
  cpuCount: number;
  /** Bytes that pods can get, bounded likewise. */
  memoryBytes: number;
  hostname: string;
  /** GOARCH names: amd64, arm64. */
  architecture: string;
  operatingSystem: string;
  kernelVersion: string;
  /** "Debian GNU/Linux 12 (bookworm)". */
  osImage: string;
  machineId: string;
  systemUuid: string;
  bootId: string;
  cgroup: CgroupMode;
  /** Without CAP_SYS_RESOURCE a process's oom_score_adj cannot be lowered below its own: this is the least that works, -1000 to 1000. */
  leastOomScoreAdj: number;
  appArmor: boolean;
  swapBytes: number;
  /** Whether cgroups account for swap. */
  swapController: boolean;
  /** Whether cgroups account for huge pages. */
  hugetlbController: boolean;
  hugepages: { pageSizeBytes: number; count: number }[];
  /** Folders of /sys that tell of the processors' heat, from which containers could learn what others do. */
  thermalPaths: string[];
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', arm64: 'arm64', arm: 'arm' };
const capSysResource = 24n;

async function text(files: Files, path: string): Promise<string> {
  try {
    return (await files.readFile(path)).toString().trim();
  } catch {
    return '';
  }
}

/** PRETTY_NAME of /etc/os-release. */
export function osImageOf(osRelease: string): string {
  const [, quoted, bare] = /^PRETTY_NAME=(?:"(.*)"|(.*))$/m.exec(osRelease) ?? [];
  return quoted ?? bare ?? 'Linux';
}

/** Which cgroup hierarchies are mounted, by the text of /proc/self/mountinfo's cgroup lines. */
export function cgroupModeOf(mountInfo: string): CgroupMode {
  const v1 = / - cgroup [^\n]*\b(memory|cpu)\b/.test(mountInfo);
  const v2 = mountInfo.includes(' - cgroup2 ');
  if (v1) return v2 ? 'hybrid' : 'v1';
  return v2 ? 'v2' : 'none';
}

/** The least oom_score_adj that a child may be given, from /proc/self/status and oom_score_adj_min's stand-in, the own value. */
export function leastOomScoreAdjOf(status: string, ownAdj: string): number {
  const [, caps] = /^CapEff:\s*([0-9a-f]+)/m.exec(status) ?? [];
  const has = caps !== undefined && ((BigInt(`0x${caps}`) >> capSysResource) & 1n) === 1n;
  return has ? -1000 : Number(ownAdj) || 0;
}

const memInfo = (meminfo: string, key: string): number =>
  Number(new RegExp(`^${key}:\\s*(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;

const cgroupRoot = '/sys/fs/cgroup';

/** A count in a file; undefined where there is none, or it says that there is no limit. */
async function limitIn(files: Files, path: string): Promise<number | undefined> {
  const limit = Number((await text(files, path)) || Number.NaN);
  return Number.isFinite(limit) && limit > 0 && limit < Number.MAX_SAFE_INTEGER ? limit : undefined;
}

/**
 * What everything on this machine is held to together, where it is a container itself: the limits on the root of the hierarchy
 * that it sees. `cpus` may be broken.
 */
async function limitsOfWhole(files: Files, mode: CgroupMode): Promise<{ cpus?: number; memoryBytes?: number }> {
  const of = (cpus: number | undefined, memoryBytes: number | undefined) => ({
    ...(cpus === undefined ? {} : { cpus }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  });
  if (mode === 'v2') {
    const [quota, period] = (await text(files, `${cgroupRoot}/cpu.max`)).split(' ').map(Number);
    const cpus = quota && period ? quota / period : undefined;
    return of(cpus, await limitIn(files, `${cgroupRoot}/memory.max`));
  }
  const quota = await limitIn(files, `${cgroupRoot}/cpu/cpu.cfs_quota_us`);
  const period = await limitIn(files, `${cgroupRoot}/cpu/cpu.cfs_period_us`);
  const cpus = quota !== undefined && period !== undefined ? quota / period : undefined;
  return of(cpus, await limitIn(files, `${cgroupRoot}/memory/memory.limit_in_bytes`));
}

/** Whether swap and huge pages are accounted for. Follows getSwapControllerAvailable in pkg/kubelet/kuberuntime of v1.36. */
async function controllersOf(files: Files, mode: CgroupMode): Promise<{ swap: boolean; hugetlb: boolean }> {
  const exists = async (path: string): Promise<boolean> => (await files.stat(path)) !== undefined;
  if (mode !== 'v2')
    return {
      swap: await exists(`${cgroupRoot}/memory/memory.memsw.limit_in_bytes`),
      hugetlb: await exists(`${cgroupRoot}/hugetlb`),
    };
  // The root has no limits of its own: any group below it tells.
  const own = /^0::(.*)$/m.exec(await text(files, '/proc/self/cgroup'))?.[1] ?? '';
  return {
    swap: await exists(`${cgroupRoot}${own}/memory.swap.max`),
    hugetlb: (await text(files, `${cgroupRoot}/cgroup.controllers`)).split(' ').includes('hugetlb'),
  };
}

async function hugepagesOf(files: Files): Promise<Machine['hugepages']> {
  const base = '/sys/kernel/mm/hugepages';
  const names = await files.readdir(base).catch(() => []);
  return Promise.all(
    names.map(async (name) => ({
      pageSizeBytes: Number(/(\d+)kB/.exec(name)?.[1] ?? 0) * 1024,
      count: Number(await text(files, `${base}/${name}/nr_hugepages`)),
    })),
  );
}

/** Follows possibleCPUs in pkg/securitycontext/util_linux.go of v1.36. */
async function thermalPathsOf(files: Files): Promise<string[]> {
  const base = '/sys/devices/system/cpu';
  const names = await files.readdir(base).catch((): string[] => []);
  const paths = names.filter((name) => /^cpu\d+$/.test(name)).map((name) => `${base}/${name}/thermal_throttle`);
  const there = await Promise.all(paths.map((path) => files.lstat(path)));
  return paths.filter((_, i) => there[i] !== undefined);
}

/** Reads it all; what a machine does not tell is empty. */
export async function describeMachine(files: Files = hostFiles): Promise<Machine> {
  const meminfo = await text(files, '/proc/meminfo');
  const mode = cgroupModeOf(await text(files, '/proc/self/mountinfo'));
  const [whole, controllers] = await Promise.all([limitsOfWhole(files, mode), controllersOf(files, mode)]);
  const machineId = (await text(files, '/etc/machine-id')) || (await text(files, '/var/lib/dbus/machine-id'));
  return {
    cpuCount: Math.min(cpus().length, whole.cpus ?? Number.POSITIVE_INFINITY),
    memoryBytes: Math.min(memInfo(meminfo, 'MemTotal') || totalmem(), whole.memoryBytes ?? Number.POSITIVE_INFINITY),
    swapBytes: memInfo(meminfo, 'SwapTotal'),
    hostname: hostname().toLowerCase(),
    architecture: architectures[arch()] ?? arch(),
    operatingSystem: process.platform,
    kernelVersion: release(),
    osImage: osImageOf(await text(files, '/etc/os-release')),
    machineId,
    systemUuid: (await text(files, '/sys/class/dmi/id/product_uuid')).toLowerCase() || machineId,
    bootId: await text(files, '/proc/sys/kernel/random/boot_id'),
    cgroup: mode,
    swapController: controllers.swap,
    hugetlbController: controllers.hugetlb,
    leastOomScoreAdj: leastOomScoreAdjOf(
      await text(files, '/proc/self/status'),
      await text(files, '/proc/self/oom_score_adj'),
    ),
    appArmor: (await text(files, '/sys/module/apparmor/parameters/enabled')) === 'Y',
    hugepages: await hugepagesOf(files),
    thermalPaths: await thermalPathsOf(files),
  };
}

/** The address by which others reach this machine: that of the interface with the default route, else the first that is no loopback, else 127.0.0.1. */
export async function primaryAddress(files: Files = hostFiles): Promise<string> {
  const routes = (await text(files, '/proc/net/route')).split('\n').map((line) => line.split(/\s+/));
  const device = routes.find(
    ([, destination, , flags]) => destination === '00000000' && (Number.parseInt(flags ?? '0', 16) & 1) === 1,
  )?.[0];
  const interfaces = networkInterfaces();
  const candidates = [
    ...(device ? (interfaces[device] ?? []) : []),
    ...Object.values(interfaces).flatMap((list) => list ?? []),
  ];
  return candidates.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}
