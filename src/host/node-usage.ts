// What the machine uses just now: processors, memory, swap, processes, network; and what a pod's network has carried.

import { readFile, readdir } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import type { InterfaceUsage, MachineUsage, OwnUsage } from '../lib/usage.ts';

const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
const tickNs = 10_000_000;
/** Interfaces that say nothing about the machine's own traffic, as cadvisor leaves them out. */
const ignoredInterfaces = /^(lo|veth|docker|nerdctl)/;

/** A number in a file of /proc; undefined where there is none. */
async function numberIn(path: string): Promise<number | undefined> {
  const value = Number((await read(path)).trim() || Number.NaN);
  return Number.isFinite(value) ? value : undefined;
}

/** The text of /proc/net/dev. */
export function parseInterfaces(text: string): InterfaceUsage[] {
  return text.split('\n').flatMap((line) => {
    const [, name, counts = ''] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined) return [];
    const numbers = counts.trim().split(/\s+/).map(Number);
    const [rxBytes = 0, rxPackets = 0, rxErrors = 0, rxDropped = 0] = numbers;
    const [txBytes = 0, txPackets = 0, txErrors = 0, txDropped = 0] = numbers.slice(8);
    return [{ name, rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped }];
  });
}

/** The interfaces that a process sees, without loopback; undefined when it has ended. */
export async function interfacesOf(pid: number): Promise<InterfaceUsage[] | undefined> {
  const text = await read(`/proc/${pid}/net/dev`);
  return text === '' ? undefined : parseInterfaces(text).filter(({ name }) => name !== 'lo');
}

/** All CPU time but idle and waiting, from the first line of /proc/stat. Guests' time is part of user time already. */
function cpuTime(stat: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] =
    /^cpu +(.*)$/m.exec(stat)?.[1]?.split(' ').map(Number) ?? [];
  return (user + nice + system + irq + softirq + steal) * tickNs;
}

/** Reads it; where there is no /proc, processes are taken to have room. Memory follows what cgroup version 2 has for its root. */
export async function readMachineUsage(): Promise<MachineUsage> {
  const [meminfo, stat, vmstat, maxPids, maxThreads, processes, loadavg, dev] = await Promise.all([
    read('/proc/meminfo'),
    read('/proc/stat'),
    read('/proc/vmstat'),
    numberIn('/proc/sys/kernel/pid_max'),
    numberIn('/proc/sys/kernel/threads-max'),
    readdir('/proc').catch((): string[] => []),
    read('/proc/loadavg'),
    read('/proc/net/dev'),
  ]);
  const memory = (key: string): number | undefined => {
    const kib = new RegExp(`^${key}:\\s*(\\d+) kB`, 'm').exec(meminfo)?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  };
  const count = (key: string): number => Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(vmstat)?.[1] ?? 0);
  const total = memory('MemTotal') ?? totalmem();
  const usage = total - (memory('MemFree') ?? freemem());
  const swapTotal = memory('SwapTotal') ?? 0;
  // The second of "running/all" counts threads.
  const threads = Number(/\/(\d+) /.exec(loadavg)?.[1] ?? 0);
  return {
    bootedAt: Number(/^btime (\d+)$/m.exec(stat)?.[1] ?? 0) * 1000,
    cpuTotalNs: cpuTime(stat),
    memory: {
      total,
      usage,
      workingSet: Math.max(0, usage - (memory('Inactive\\(file\\)') ?? 0)),
      rss: memory('AnonPages') ?? 0,
      pageFaults: count('pgfault'),
      majorPageFaults: count('pgmajfault'),
    },
    swap: { total: swapTotal, usage: swapTotal - (memory('SwapFree') ?? 0) },
    pids: {
      max: Math.min(maxPids ?? 4_194_304, maxThreads ?? Number.POSITIVE_INFINITY),
      running: threads || processes.filter((name) => /^\d+$/.test(name)).length,
    },
    interfaces: parseInterfaces(dev).filter(({ name }) => !ignoredInterfaces.test(name)),
  };
}

/** What this process itself has used. */
export function readOwnUsage(): OwnUsage {
  const { user, system } = process.cpuUsage();
  return {
    cpuTotalNs: (user + system) * 1000,
    rss: process.memoryUsage.rss(),
    startedAt: Date.now() - process.uptime() * 1000,
  };
}
