// Runs every static check as an error (types, lint, layers, dead code, formatting, support table), side by side, and prints what failed.
import { spawn } from 'node:child_process';

const bin = 'node_modules/.bin';
const checks: Record<string, string[]> = {
  types: [`${bin}/tsc`, '--noEmit', '--incremental', '--tsBuildInfoFile', '.cache/check.tsbuildinfo'],
  lint: [`${bin}/oxlint`, '--type-aware', '--deny-warnings', 'src', 'test', 'bench', 'scripts'],
  layers: [`${bin}/depcruise`, '--config', '.dependency-cruiser.cjs', 'src', 'test', 'bench', 'scripts'],
  'dead code': [`${bin}/knip`, '--no-progress'],
  format: [`${bin}/biome`, 'format', '.'],
  ambient: [process.execPath, 'scripts/check-ambient.ts'],
  'support table': [process.execPath, 'scripts/support-table.ts'],
  'pod fields': [process.execPath, 'scripts/pod-fields.ts'],
  'api page': [process.execPath, 'scripts/api-table.ts'],
};

/** Runs one check and gives its exit code, output and wall time in ms. */
function run(argv: string[]): Promise<{ code: number; output: string; ms: number }> {
  const started = performance.now();
  return new Promise((resolve) => {
    const [command = '', ...args] = argv;
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', (error) => resolve({ code: 127, output: error.message, ms: performance.now() - started }));
    child.on('close', (code) => resolve({ code: code ?? 1, output, ms: performance.now() - started }));
  });
}

const wanted = process.argv.slice(2);
let failed = 0;
await Promise.all(
  Object.entries(checks)
    .filter(([name]) => wanted.length === 0 || wanted.includes(name))
    .map(async ([name, argv]) => {
      const { code, output, ms } = await run(argv);
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${(ms / 1000).toFixed(1)} s)`);
      if (code !== 0) {
        failed++;
        console.log(output);
      }
    }),
);
process.exitCode = failed === 0 ? 0 : 1;
