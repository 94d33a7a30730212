// What Prometheus' clients tell of the process itself. Follows client_golang prometheus/process_collector.go.

import { readdirSync, readFileSync } from 'node:fs';
import type { Registry } from '../../lib/metrics-registry.ts';

/** A number from a text of /proc; undefined where that is not there. */
function fromProc<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

const maxFiles = (): number | undefined =>
  fromProc(() => Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]));

const virtualBytes = (): number | undefined =>
  fromProc(() => Number(/^VmSize:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024);

const openFiles = (): number | undefined => fromProc(() => readdirSync('/proc/self/fd').length);

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Numbers are read when they are asked for; what this machine does not tell is left out. */
export function processMetrics(registry: Registry): void {
  const started = Date.now() / 1000 - process.uptime();
  const add = (kind: 'counter' | 'gauge', name: string, help: string, read: () => number | undefined): void =>
    registry.read(kind, name, help, [], () => {
      const value = read();
      return value === undefined || Number.isNaN(value) ? [] : [[[], value]];
    });
  add('counter', 'process_cpu_seconds_total', 'Time of processors spent, in seconds.', cpuSeconds);
  add('gauge', 'process_max_fds', 'Files that may be open.', maxFiles);
  add('gauge', 'process_open_fds', 'Files that are open.', openFiles);
  add('gauge', 'process_resident_memory_bytes', 'Memory in use, in bytes.', () => process.memoryUsage.rss());
  add('gauge', 'process_start_time_seconds', 'When the process began, in seconds since 1970.', () => started);
  add('gauge', 'process_virtual_memory_bytes', 'Memory mapped, in bytes.', virtualBytes);
}
