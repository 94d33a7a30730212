// Memory of an idle all-in-one Peapod (without containerd), beside a bare Node process that serves HTTPS.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { startPeapod } from '../../test/support/peapod.ts';
import { type Bench, median } from '../figure.ts';

/** Resident memory of a process in MB (10^6 bytes). */
function residentMb(pid: number): number {
  const [, kb = '0'] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (Number(kb) * 1024) / 1e6;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The middle of ten readings, a second apart, after the process has come to rest. */
async function idleMb(pid: number): Promise<number> {
  await pause(10_000);
  const readings: number[] = [];
  for (let i = 0; i < 10; i++) {
    readings.push(residentMb(pid));
    await pause(1_000);
  }
  return median(readings);
}

const bareServer = `
const { createSecureServer } = require('node:http2');
const server = createSecureServer({ allowHTTP1: true });
server.on('error', () => {});
server.listen(0, '127.0.0.1');
`;

export const bench: Bench = {
  name: 'memory',
  about: 'resident memory of an idle all-in-one Peapod with one node',
  unavailable: () => (process.platform === 'linux' ? undefined : 'reads /proc'),
  async run(say) {
    const runtime = process.getuid?.() === 0 ? 'containerd' : 'simulated';
    say(`one node on ${runtime}, ten seconds of rest, ten readings`);
    const bare = spawn(process.execPath, ['-e', bareServer], { stdio: 'ignore' });
    const peapod = await startPeapod({ runtime, images: false });
    try {
      const [value, limitValue] = await Promise.all([idleMb(peapod.pid), idleMb(bare.pid ?? 0)]);
      return [
        {
          figure: 'idle, one node',
          value,
          unit: 'MB',
          limit: 'bare Node HTTP/2 server',
          limitValue,
          budget: { of: 'value', atMost: 120 },
        },
      ];
    } finally {
      bare.kill('SIGKILL');
      await peapod.dispose();
    }
  },
};
