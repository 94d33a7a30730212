// Time from `./peapod up` to API ready, node Ready and first pod Running, on a data folder that was used before.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { eventually } from '../../test/support/eventually.ts';
import { noContainers, repository, startPeapod } from '../../test/support/peapod.ts';
import { type Bench, type Figure, median } from '../figure.ts';

const marks = { 'API ready': /API ready/, 'node Ready': /node \S+ Ready/, 'first pod Running': /pod nginx Running/ };
type Mark = keyof typeof marks;

/** One start of Peapod: ms until each mark appears on its output; ends it again. */
async function startOnce(dataDir: string): Promise<Record<Mark, number>> {
  const started = performance.now();
  const child = spawn(
    join(repository, 'peapod'),
    ['up', '--data-dir', dataDir, '--port', '0', '-f', join(repository, 'examples/nginx.yaml'), '--wait'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const seen: Partial<Record<Mark, number>> = {};
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    for (const [mark, pattern] of Object.entries(marks) as [Mark, RegExp][])
      if (seen[mark] === undefined && pattern.test(output)) seen[mark] = performance.now() - started;
  });
  try {
    await eventually('every mark', () => Object.keys(seen).length === 3, 60_000, 5);
    return seen as Record<Mark, number>;
  } finally {
    child.kill('SIGTERM');
    await eventually('it has ended', () => child.exitCode !== null || child.signalCode !== null, 60_000);
  }
}

/** ms until a bare Node process has loaded its TLS and listens. */
async function bareNodeMs(): Promise<number> {
  const started = performance.now();
  const code = "require('node:http2').createSecureServer({}).listen(0, () => { console.log('up'); process.exit(0); })";
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return performance.now() - started;
}

export const bench: Bench = {
  name: 'start',
  about: 'second start: API ready, node Ready, first pod Running (image present)',
  unavailable: () => noContainers,
  async run(say) {
    const first = await startPeapod();
    try {
      const { dataDir } = first;
      await first.kubectl(['apply', '-f', join(repository, 'examples/nginx.yaml')]);
      await first.kubectl(['wait', '--for=condition=Ready', 'pod/nginx', '--timeout=60s']);
      await first.kubectl(['delete', 'pod', 'nginx', '--now']);
      await first.command(['down']);
      const runs: Record<Mark, number>[] = [];
      const bare: number[] = [];
      for (let i = 0; i < 5; i++) {
        bare.push(await bareNodeMs());
        runs.push(await startOnce(dataDir));
        say(
          `run ${i + 1}: ${Object.entries(runs[i] ?? {})
            .map(([mark, ms]) => `${mark} ${ms.toFixed(0)} ms`)
            .join(', ')}`,
        );
      }
      const limitValue = median(bare);
      const budgets: Record<Mark, number> = { 'API ready': 500, 'node Ready': 1000, 'first pod Running': 2000 };
      return (Object.keys(marks) as Mark[]).map(
        (mark): Figure => ({
          figure: mark,
          value: median(runs.map((run) => run[mark])),
          unit: 'ms',
          limit: 'bare Node TLS server listens',
          limitValue,
          budget: { of: 'value', atMost: budgets[mark] },
        }),
      );
    } finally {
      await first.dispose();
    }
  },
};
