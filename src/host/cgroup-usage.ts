// What the processes of a cgroup use, as the kernel counts it, on version 1 and version 2 hierarchies.
// Which file holds what follows opencontainers/cgroups and cadvisor's container/libcontainer/handler.go.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { nextTurn } from '../lib/next-turn.ts';
import { createSlices } from '../lib/slices.ts';
import type { CgroupUsage, Pressure, PressureFigures } from '../lib/usage.ts';
import { type MountEntry, listMounts } from './mounts.ts';

export interface CgroupReader {
  /** Undefined when the cgroup is not there (any more). `path` is '/a/b'. */
  usage(path: string): Promise<CgroupUsage | undefined>;
  /** Processes in it and below. */
  processes(path: string): Promise<number[]>;
}

/**
 * The kernel answers these reads from memory in some 10 microseconds; handing each to another thread takes ten times that, and there
 * are thousands of them on a node full of pods. So they are made here, and the event loop has its turn in between.
 */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const sliced = createSlices({ sliceMs: 4, monotonic: () => performance.now(), nextTurn });

/** Version 1 tells CPU time by user and system in ticks of 10 ms. */
const tickNs = 10_000_000;
/** Beyond it the kernel means "no limit" (a page-rounded maximum). */
const unlimited = 2 ** 62;

/** `name value` lines as numbers. */
function table(text: string): Map<string, number> {
  const lines = text.split('\n').map((line) => line.split(' '));
  return new Map(lines.map(([name = '', value]) => [name, Number(value ?? 0)]));
}

/** A limit file's bytes; undefined for none. */
function limitOf(text: string): number | undefined {
  const value = Number(text.trim() || Number.NaN);
  return Number.isFinite(value) && value < unlimited ? value : undefined;
}

/** The text of a .pressure file; undefined when it is empty. */
export function parsePressure(text: string): Pressure | undefined {
  const line = (kind: string): PressureFigures | undefined => {
    const form = new RegExp(`^${kind} avg10=([\\d.]+) avg60=([\\d.]+) avg300=([\\d.]+) total=(\\d+)`, 'm');
    const [, avg10, avg60, avg300, total] = form.exec(text) ?? [];
    return total === undefined
      ? undefined
      : { avg10: Number(avg10), avg60: Number(avg60), avg300: Number(avg300), total: Number(total) };
  };
  const some = line('some');
  if (some === undefined) return undefined;
  return { some, full: line('full') ?? { avg10: 0, avg60: 0, avg300: 0, total: 0 } };
}

function processesBelow(folder: string): number[] {
  const own = read(`${folder}/cgroup.procs`)
    .split('\n')
    .filter((line) => line !== '');
  const below = foldersIn(folder).flatMap((name) => processesBelow(`${folder}/${name}`));
  return [...own.map(Number), ...below];
}

function foldersIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}

const withLimit = (limit: number | undefined): { limit?: number } => (limit === undefined ? {} : { limit });

function readerV2(root: string): CgroupReader {
  return {
    processes: (path) => sliced(() => processesBelow(`${root}${path}`)),
    usage: (path) => sliced(() => usageV2(`${root}${path}`)),
  };
}

function usageV2(folder: string): CgroupUsage | undefined {
  const file = (name: string): string => read(`${folder}/${name}`);
  const current = file('memory.current');
  if (current === '') return undefined;
  const cpu = table(file('cpu.stat'));
  const memory = table(file('memory.stat'));
  const usage = Number(current);
  const swap = file('memory.swap.current');
  const psi = {
    cpu: parsePressure(file('cpu.pressure')),
    memory: parsePressure(file('memory.pressure')),
    io: parsePressure(file('io.pressure')),
  };
  return {
    cpu: {
      totalNs: (cpu.get('usage_usec') ?? 0) * 1000,
      userNs: (cpu.get('user_usec') ?? 0) * 1000,
      systemNs: (cpu.get('system_usec') ?? 0) * 1000,
      periods: cpu.get('nr_periods') ?? 0,
      throttledPeriods: cpu.get('nr_throttled') ?? 0,
      throttledNs: (cpu.get('throttled_usec') ?? 0) * 1000,
    },
    memory: {
      usage,
      workingSet: Math.max(0, usage - (memory.get('inactive_file') ?? 0)),
      rss: memory.get('anon') ?? 0,
      cache: memory.get('file') ?? 0,
      mappedFile: memory.get('file_mapped') ?? 0,
      pageFaults: memory.get('pgfault') ?? 0,
      majorPageFaults: memory.get('pgmajfault') ?? 0,
      ...withLimit(limitOf(file('memory.max'))),
    },
    ...(swap === '' ? {} : { swap: { usage: Number(swap), ...withLimit(limitOf(file('memory.swap.max'))) } }),
    processes: processesBelow(folder).length,
    pressure: {
      ...(psi.cpu ? { cpu: psi.cpu } : {}),
      ...(psi.memory ? { memory: psi.memory } : {}),
      ...(psi.io ? { io: psi.io } : {}),
    },
  };
}

/** `roots` maps each controller to its mount. */
function readerV1(roots: ReadonlyMap<string, string>): CgroupReader {
  const main = roots.get('memory') ?? roots.get('cpu') ?? '';
  // There only where the kernel counts swap for groups.
  const countsSwap = existsSync(`${main}/memory.memsw.limit_in_bytes`);
  return {
    processes: (path) => sliced(() => processesBelow(`${main}${path}`)),
    usage: (path) => sliced(() => usageV1(roots, path, countsSwap)),
  };
}

function usageV1(roots: ReadonlyMap<string, string>, path: string, countsSwap: boolean): CgroupUsage | undefined {
  const file = (controller: string, name: string): string => {
    const root = roots.get(controller);
    return root === undefined ? '' : read(`${root}${path}/${name}`);
  };
  const current = file('memory', 'memory.usage_in_bytes');
  if (current === '') return undefined;
  const modes = table(file('cpuacct', 'cpuacct.stat'));
  const cpu = table(file('cpu', 'cpu.stat'));
  const memory = table(file('memory', 'memory.stat'));
  const usage = Number(current);
  const limit = limitOf(file('memory', 'memory.limit_in_bytes'));
  const together = countsSwap ? limitOf(file('memory', 'memory.memsw.limit_in_bytes')) : undefined;
  const swapLimit = together === undefined || limit === undefined ? undefined : Math.max(0, together - limit);
  return {
    cpu: {
      totalNs: Number(file('cpuacct', 'cpuacct.usage')),
      userNs: (modes.get('user') ?? 0) * tickNs,
      systemNs: (modes.get('system') ?? 0) * tickNs,
      periods: cpu.get('nr_periods') ?? 0,
      throttledPeriods: cpu.get('nr_throttled') ?? 0,
      throttledNs: cpu.get('throttled_time') ?? 0,
    },
    memory: {
      usage,
      workingSet: Math.max(0, usage - (memory.get('total_inactive_file') ?? 0)),
      rss: memory.get('total_rss') ?? 0,
      cache: memory.get('total_cache') ?? 0,
      mappedFile: memory.get('total_mapped_file') ?? 0,
      pageFaults: memory.get('total_pgfault') ?? 0,
      majorPageFaults: memory.get('total_pgmajfault') ?? 0,
      ...withLimit(limit),
    },
    ...(memory.has('total_swap') ? { swap: { usage: memory.get('total_swap') ?? 0, ...withLimit(swapLimit) } } : {}),
    processes: processesBelow(`${roots.get('memory') ?? ''}${path}`).length,
  };
}

/** A reader over what is mounted under /sys/fs/cgroup; undefined where there is nothing. */
export async function openCgroupReader(mounts?: readonly MountEntry[]): Promise<CgroupReader | undefined> {
  const entries = (mounts ?? (await listMounts())).filter(({ mountPoint }) => mountPoint.startsWith('/sys/fs/cgroup'));
  const roots = new Map<string, string>();
  for (const { mountPoint, fsType } of entries) {
    if (fsType !== 'cgroup') continue;
    for (const controller of mountPoint.slice(mountPoint.lastIndexOf('/') + 1).split(','))
      roots.set(controller, mountPoint);
  }
  if (roots.has('memory') || roots.has('cpu')) return readerV1(roots);
  const v2 = entries.find(({ fsType }) => fsType === 'cgroup2')?.mountPoint;
  return v2 === undefined ? undefined : readerV2(v2);
}
