// Creating, limiting, emptying and removing cgroups on version 1, hybrid and version 2 hierarchies.

import { mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import type { MountEntry } from './mounts.ts';
import { listMounts } from './mounts.ts';

/** Limits as version 1 counts them. Left out: untouched; `cpuQuotaMicros` and `memoryBytes` -1: none. */
export interface CgroupLimits {
  cpuShares?: number;
  /** CPU time per 100 ms period, in microseconds. */
  cpuQuotaMicros?: number;
  memoryBytes?: number;
  pids?: number;
  hugepages?: { pageSize: string; limit: number }[];
}

export interface Cgroups {
  readonly version: 1 | 2;
  /** Creates `path` ('/a/b') in every hierarchy in use. Idempotent. */
  create(path: string): Promise<void>;
  limit(path: string, limits: CgroupLimits): Promise<void>;
  /** What the kernel has for CPU and memory, as `limit` takes it; undefined when it is not there. */
  limits(path: string): Promise<CgroupLimits | undefined>;
  /** Names of the direct children. */
  children(path: string): Promise<string[]>;
  /** Every process in it and below. */
  processes(path: string): Promise<number[]>;
  /** Kills what is in it and below, waits for the end, and removes it with all below. Rejects when something stays for 10 s. */
  remove(path: string): Promise<void>;
  /** Memory and CPU in use, from the kernel's own counts; undefined when it is not there. */
  usage(path: string): Promise<{ memoryBytes: number; inactiveFileBytes: number; cpuNanoseconds: number } | undefined>;
}

const periodMicros = 100_000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined;
const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
const errorCode = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** cpu.weight (1 to 10000) for cpu.shares (2 to 262144), as runc and crun map it linearly. */
export function cpuWeightOf(shares: number): number {
  const clamped = Math.min(Math.max(shares, 2), 262_144);
  return 1 + Math.floor(((clamped - 2) * 9999) / 262_142);
}

/** The inverse of cpuWeightOf, up to rounding. */
export function cpuSharesOf(weight: number): number {
  return 2 + Math.ceil(((weight - 1) * 262_142) / 9999);
}

async function foldersBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  const nested = await Promise.all(
    entries.filter((entry) => entry.isDirectory()).map((entry) => foldersBelow(`${path}/${entry.name}`)),
  );
  // Deepest first: the order of removal.
  return [...nested.flat(), path];
}

async function processesIn(folder: string): Promise<number[]> {
  const lists = await Promise.all((await foldersBelow(folder)).map((path) => read(`${path}/cgroup.procs`)));
  return lists.flatMap((text) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map(Number),
  );
}

const kill = (pid: number): void => {
  try {
    if (pid > 1) process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
};

/** Whether it is gone, with nothing left in it; false where something is. */
async function removedEmpty(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    return errorCode(error) === 'ENOENT';
  }
}

async function removeFrom(root: string, path: string): Promise<void> {
  const top = `${root}${path}`;
  if (await removedEmpty(top)) return;
  const deadline = performance.now() + 10_000;
  for (let wait = 2; await exists(top); wait = Math.min(wait * 2, 100)) {
    for (const pid of await processesIn(top)) kill(pid);
    let left: unknown;
    for (const folder of await foldersBelow(top)) {
      await rmdir(folder).catch((error: unknown) => {
        if (errorCode(error) !== 'ENOENT') left = error;
      });
    }
    if (left === undefined) return;
    if (performance.now() > deadline) throw left;
    await pause(wait);
  }
}

const sum = (stat: string, key: string): number => Number(new RegExp(`^${key} (\\d+)`, 'm').exec(stat)?.[1] ?? 0);

export function cgroupsV2(root: string): Cgroups {
  const controllers = ['cpu', 'memory', 'pids', 'cpuset', 'io', 'hugetlb'];
  return {
    version: 2,
    async create(path) {
      const parts = path.split('/').filter((part) => part !== '');
      let folder = root;
      for (const part of parts) {
        // Controllers are passed on one by one: one that the kernel lacks must not keep the others away.
        for (const name of controllers) await writeFile(`${folder}/cgroup.subtree_control`, `+${name}`).catch(() => {});
        folder = `${folder}/${part}`;
        await mkdir(folder, { recursive: true });
      }
      // The last one is a parent, too: of the containers' own.
      for (const name of controllers) await writeFile(`${folder}/cgroup.subtree_control`, `+${name}`).catch(() => {});
    },
    async limit(path, limits) {
      const set = (file: string, value: string | number): Promise<void> =>
        writeFile(`${root}${path}/${file}`, String(value));
      const { cpuShares, cpuQuotaMicros: quota, memoryBytes, pids, hugepages = [] } = limits;
      await Promise.all([
        cpuShares === undefined ? undefined : set('cpu.weight', cpuWeightOf(cpuShares)),
        quota === undefined ? undefined : set('cpu.max', `${quota < 0 ? 'max' : quota} ${periodMicros}`),
        memoryBytes === undefined ? undefined : set('memory.max', memoryBytes < 0 ? 'max' : memoryBytes),
        pids === undefined ? undefined : set('pids.max', pids < 0 ? 'max' : pids),
        ...hugepages.map(({ pageSize, limit }) => set(`hugetlb.${pageSize}.max`, limit)),
      ]);
    },
    async limits(path) {
      const file = async (name: string): Promise<string> => (await read(`${root}${path}/${name}`)).trim();
      if (!(await exists(`${root}${path}`))) return undefined;
      const [quota = ''] = (await file('cpu.max')).split(' ');
      const memory = await file('memory.max');
      return {
        cpuShares: cpuSharesOf(Number(await file('cpu.weight')) || 1),
        cpuQuotaMicros: quota === 'max' || quota === '' ? -1 : Number(quota),
        memoryBytes: memory === 'max' || memory === '' ? -1 : Number(memory),
      };
    },
    children: (path) => childFolders(`${root}${path}`),
    processes: (path) => processesIn(`${root}${path}`),
    remove: (path) => removeFrom(root, path),
    async usage(path) {
      const current = await read(`${root}${path}/memory.current`);
      if (current === '') return undefined;
      return {
        memoryBytes: Number(current),
        inactiveFileBytes: sum(await read(`${root}${path}/memory.stat`), 'inactive_file'),
        cpuNanoseconds: sum(await read(`${root}${path}/cpu.stat`), 'usage_usec') * 1000,
      };
    },
  };
}

async function childFolders(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

/** `roots` maps each v1 controller to its mount ('cpu' and 'cpuacct' may share one); named hierarchies and a v2 part are kept in step. */
export function cgroupsV1(roots: ReadonlyMap<string, string>, all: readonly string[]): Cgroups {
  const at = (controller: string): string | undefined => roots.get(controller);
  const set = async (controller: string, path: string, file: string, value: string | number): Promise<void> => {
    const root = at(controller);
    if (root !== undefined) await writeFile(`${root}${path}/${file}`, String(value));
  };
  return {
    version: 1,
    async create(path) {
      await Promise.all(all.map((root) => mkdir(`${root}${path}`, { recursive: true })));
      const cpuset = at('cpuset');
      if (cpuset === undefined) return;
      await Promise.all(['cpuset.cpus', 'cpuset.mems'].map((file) => inheritCpuset(cpuset, path, file)));
    },
    async limit(path, limits) {
      const { cpuShares, cpuQuotaMicros: quota, memoryBytes, pids, hugepages = [] } = limits;
      const setQuota = async (micros: number): Promise<void> => {
        await set('cpu', path, 'cpu.cfs_period_us', periodMicros);
        await set('cpu', path, 'cpu.cfs_quota_us', micros);
      };
      await Promise.all([
        cpuShares === undefined ? undefined : set('cpu', path, 'cpu.shares', Math.max(cpuShares, 2)),
        quota === undefined ? undefined : setQuota(quota),
        memoryBytes === undefined ? undefined : set('memory', path, 'memory.limit_in_bytes', memoryBytes),
        pids === undefined ? undefined : set('pids', path, 'pids.max', pids < 0 ? 'max' : pids),
        ...hugepages.map(({ pageSize, limit }) => set('hugetlb', path, `hugetlb.${pageSize}.limit_in_bytes`, limit)),
      ]);
    },
    async limits(path) {
      const number = async (controller: string, file: string): Promise<number> =>
        Number((await read(`${at(controller) ?? ''}${path}/${file}`)).trim());
      if (!(await exists(`${at('memory') ?? all[0] ?? ''}${path}`))) return undefined;
      const memory = await number('memory', 'memory.limit_in_bytes');
      return {
        cpuShares: await number('cpu', 'cpu.shares'),
        cpuQuotaMicros: (await number('cpu', 'cpu.cfs_quota_us')) || -1,
        // "None" reads as the most that the kernel can count, rounded to pages.
        memoryBytes: memory === 0 || memory > Number.MAX_SAFE_INTEGER ? -1 : memory,
      };
    },
    children: (path) => childFolders(`${at('memory') ?? all[0] ?? ''}${path}`),
    async processes(path) {
      const lists = await Promise.all(all.map((root) => processesIn(`${root}${path}`)));
      return [...new Set(lists.flat())];
    },
    async remove(path) {
      await Promise.all(all.map((root) => removeFrom(root, path)));
    },
    async usage(path) {
      const current = await read(`${at('memory') ?? ''}${path}/memory.usage_in_bytes`);
      if (current === '') return undefined;
      return {
        memoryBytes: Number(current),
        inactiveFileBytes: sum(await read(`${at('memory') ?? ''}${path}/memory.stat`), 'total_inactive_file'),
        cpuNanoseconds: Number(await read(`${at('cpuacct') ?? ''}${path}/cpuacct.usage`)),
      };
    },
  };
}

/**
 * Gives the folder its parent's value where it has none, and the parent likewise: a v1 cpuset takes no process before it has
 * CPUs and memory nodes, and a new one has none. Gives the value.
 */
async function inheritCpuset(root: string, path: string, file: string): Promise<string> {
  const own = (await read(`${root}${path}/${file}`)).trim();
  if (own !== '' || path === '') return own;
  const inherited = await inheritCpuset(root, path.slice(0, path.lastIndexOf('/')), file);
  await writeFile(`${root}${path}/${file}`, inherited);
  return inherited;
}

/** The machine's cgroups, by what is mounted under /sys/fs/cgroup; undefined where there are none. */
export async function openCgroups(mounts?: readonly MountEntry[]): Promise<Cgroups | undefined> {
  const entries = (mounts ?? (await listMounts())).filter(({ mountPoint }) => mountPoint.startsWith('/sys/fs/cgroup'));
  const v1 = entries.filter(({ fsType }) => fsType === 'cgroup').map(({ mountPoint }) => mountPoint);
  const v2 = entries.find(({ fsType }) => fsType === 'cgroup2')?.mountPoint;
  const roots = new Map<string, string>();
  for (const mountPoint of v1)
    for (const controller of mountPoint.slice(mountPoint.lastIndexOf('/') + 1).split(','))
      roots.set(controller, mountPoint);
  if (roots.has('memory') || roots.has('cpu')) return cgroupsV1(roots, [...v1, ...(v2 === undefined ? [] : [v2])]);
  return v2 === undefined ? undefined : cgroupsV2(v2);
}
