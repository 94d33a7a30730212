// Measures the process it runs in, and prints one line of JSON for the benchmark that started it.

export interface LoadFigures {
  /** Probes that succeeded, and that did not. */
  probes: number;
  failures: number;
  ms: number;
  /** User and system time in ms. */
  cpuMs: number;
  /** Resident memory at the end, in MB (10^6 bytes). */
  rssMb: number;
}

export interface ProbeCount {
  probes: number;
  failures: number;
}

export const warmUpMs = 5_000;
export const measuredMs = 15_000;

/** Lets things settle, then watches for a while. `count` is counted on by what runs meanwhile. */
export async function measure(count: ProbeCount): Promise<LoadFigures> {
  await new Promise((resolve) => setTimeout(resolve, warmUpMs));
  const before = { ...count };
  const started = performance.now();
  const cpu = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, measuredMs));
  const { user, system } = process.cpuUsage(cpu);
  return {
    probes: count.probes - before.probes,
    failures: count.failures - before.failures,
    ms: performance.now() - started,
    cpuMs: (user + system) / 1000,
    rssMb: process.memoryUsage.rss() / 1e6,
  };
}
