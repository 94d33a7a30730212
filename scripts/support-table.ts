// Reads docs/support.md and holds it against the specification's rows, the test files that exist, and what a test run skipped.

import { existsSync, readFileSync } from 'node:fs';

export interface SupportRow {
  row: string;
  state: string;
  /** Test files named by the row, as `path` or `path: part of the test's name`. */
  tests: { file: string; name?: string }[];
}

const states = new Set(['done', 'partly', 'not yet']);
/** Number of rows in each section of the specification. */
const sections: Record<string, number> = { A: 16, B: 10, C: 5, D: 4, E: 3, F: 5, G: 5, H: 3 };

/** The table lines of docs/support.md. */
export function readSupportTable(text: string): SupportRow[] {
  return text
    .split('\n')
    .filter((line) => /^\| [A-I]\d* \|/.test(line))
    .map((line) => {
      const [row = '', state = '', tests = ''] = line
        .split('|')
        .slice(1)
        .map((cell) => cell.trim());
      const named = [...tests.matchAll(/`([^`]+)`/g)].map(([, text = '']) => {
        const [file = '', ...name] = text.split(': ');
        return name.length ? { file, name: name.join(': ') } : { file };
      });
      return { row, state, tests: named };
    });
}

/** What is wrong with the table itself: one line per finding. */
export function checkSupportTable(rows: SupportRow[]): string[] {
  const wrong: string[] = [];
  const have = new Set(rows.map((row) => row.row));
  for (const [section, count] of Object.entries(sections))
    for (let i = 1; i <= count; i++)
      if (!have.has(`${section}${i}`)) wrong.push(`docs/support.md has no row ${section}${i}`);
  for (const row of rows) {
    if (!states.has(row.state)) wrong.push(`docs/support.md ${row.row}: "${row.state}" is not done, partly or not yet`);
    if (row.state !== 'not yet' && row.tests.length === 0)
      wrong.push(`docs/support.md ${row.row}: ${row.state}, and no test shows it`);
    for (const { file, name } of row.tests) {
      if (!existsSync(file)) wrong.push(`docs/support.md ${row.row}: there is no ${file}`);
      else if (name && !readFileSync(file, 'utf8').includes(name))
        wrong.push(`docs/support.md ${row.row}: ${file} has no test "${name}"`);
    }
  }
  return wrong;
}

/** Tests that a done row names and that did not run, on a machine that could have run them. */
export function checkSkippedRows(
  results: { name: string; assertionResults: { fullName: string; status: string }[] }[],
  able: boolean,
): string[] {
  if (!able) return [];
  const wrong: string[] = [];
  for (const row of readSupportTable(readFileSync('docs/support.md', 'utf8'))) {
    if (row.state !== 'done') continue;
    for (const { file, name } of row.tests) {
      const ran = results
        .filter((result) => result.name.endsWith(`/${file}`))
        .flatMap((result) => result.assertionResults)
        .filter((test) => !name || test.fullName.includes(name));
      if (!ran.some((test) => test.status === 'passed'))
        wrong.push(`row ${row.row} is done, but no test of ${file}${name ? ` (${name})` : ''} passed in this run`);
    }
  }
  return wrong;
}

if (process.argv[1] === import.meta.filename) {
  const wrong = checkSupportTable(readSupportTable(readFileSync('docs/support.md', 'utf8')));
  for (const line of wrong) console.error(line);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}
