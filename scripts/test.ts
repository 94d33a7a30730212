// `./peapod test`: prepares the machine (packages, build, fixtures), runs the static checks and every test, and prints the sum.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { installMissing } from '../src/host/install.ts';
import { hostProcesses } from '../src/host/processes.ts';
import { checkSkippedRows } from './support-table.ts';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const args = process.argv.slice(2);
const long = args.includes('--long');
const filters = args.filter((arg) => arg !== '--long');
const root = process.getuid?.() === 0 && process.platform === 'linux';
const started = Date.now();

function step(title: string, argv: string[], env: Record<string, string> = {}): boolean {
  console.log(`\n== ${title} (at ${((Date.now() - started) / 1000).toFixed(0)} s)`);
  const [command = '', ...rest] = argv;
  const { status } = spawnSync(command, rest, { stdio: 'inherit', env: { ...process.env, ...env } });
  return status === 0;
}

interface TestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  success: boolean;
  testResults: { name: string; status: string; assertionResults: { fullName: string; status: string }[] }[];
}

/** Runs one vitest project and gives its report; a run that left none counts as one failure. */
function vitest(project: string): TestReport {
  mkdirSync('.cache', { recursive: true });
  const file = `.cache/report-${project}.json`;
  writeFileSync(file, '');
  const ok = step(
    `${project} tests`,
    [
      'node_modules/.bin/vitest',
      'run',
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      '--passWithNoTests',
      ...filters,
    ],
    { PEAPOD_LONG: long ? '1' : '' },
  );
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const none = {
    numPassedTests: 0,
    numFailedTests: 1,
    numPendingTests: 0,
    numTodoTests: 0,
    success: false,
    testResults: [],
  };
  const report = text ? (JSON.parse(text) as TestReport) : none;
  // A file that fails to load has no tests of its own to count.
  if (!ok && report.numFailedTests === 0) report.numFailedTests = 1;
  return report;
}

let [passed, failed, skipped] = [0, 0, 0];
if (root) await installMissing(hostProcesses, (line) => console.log(`peapod: ${line}`));
else console.log('not root on Linux: tests that need real containers are skipped');

// Checks and tests read it; it is done at once where nothing has changed.
if (!step('API schema', [process.execPath, 'scripts/generate.ts'])) failed++;
if (filters.length === 0) {
  if (step('static checks', [process.execPath, 'scripts/check.ts'])) passed++;
  else failed++;
}
if (!step('build', [process.execPath, 'scripts/build.ts'])) failed++;
if (root && !step('image fixtures', [process.execPath, 'scripts/fixtures.ts'])) failed++;

const reports = [vitest('unit'), vitest('e2e'), vitest('alone')];
for (const report of reports) {
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  skipped += report.numPendingTests + report.numTodoTests;
}
if (filters.length === 0) {
  const wrong = checkSkippedRows(
    reports.flatMap((report) => report.testResults),
    root,
  );
  for (const line of wrong) console.log(line);
  failed += wrong.length;
}
console.log(`\ntook ${((Date.now() - started) / 60_000).toFixed(1)} min`);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
