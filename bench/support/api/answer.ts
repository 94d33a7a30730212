// What the processes of the API's benchmarks have in common: certificates, and answers about themselves.
import { mkdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ensurePki, type Pki } from '../../../src/host/pki.ts';
import { realClock } from '../../../src/host/real-clock.ts';
import { createMemoryFiles } from '../../../src/sim/memory-files.ts';

/** Where a server is, and who may do everything there. */
export interface Address {
  port: number;
  ca: string;
  cert: string;
  key: string;
}

/** What a process tells of itself; delays in ms, since they were asked for last. */
export interface Health {
  delayP99: number;
  delayMax: number;
  rssMb: number;
  cpuMs: number;
}

/** A folder for data, and certificates that are kept nowhere. */
export async function prepare(): Promise<{ folder: string; pki: Pki; admin: { cert: string; key: string } }> {
  const folder = process.argv[2] ?? '';
  mkdirSync(folder, { recursive: true });
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  return { folder, pki, admin: await pki.issueClientCert('admin', ['system:masters']) };
}

/** Says where the server is, and answers questions: `health`, and those of `more`. */
export function serve(address: Address, more: Readonly<Record<string, () => Promise<unknown>>> = {}): void {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  let cpu = process.cpuUsage();
  const health = (): Health => {
    const { user, system } = process.cpuUsage(cpu);
    cpu = process.cpuUsage();
    // The histogram counts the resolution itself, 1 ms.
    const found: Health = {
      delayP99: Math.max(0, delay.percentile(99) / 1e6 - 1),
      delayMax: Math.max(0, delay.max / 1e6 - 1),
      rssMb: process.memoryUsage.rss() / 1e6,
      cpuMs: (user + system) / 1000,
    };
    delay.reset();
    return found;
  };
  process.on('message', (question: string) => {
    if (question === 'stop') process.exit(0);
    if (question === 'gc') global.gc?.();
    const answer = more[question];
    void (answer === undefined ? Promise.resolve(health()) : answer()).then((found) => process.send?.(found ?? null));
  });
  // Nobody is left who would ask, or stop it.
  process.on('disconnect', () => process.exit(0));
  process.send?.(address);
}
