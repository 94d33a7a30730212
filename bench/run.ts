// `npm run bench -- NAME… [--json]`: runs the named benchmarks (all without a name) and prints their figures.
import { readdirSync } from 'node:fs';
import { type Bench, type FigureLine, lineOf } from './figure.ts';

const args = process.argv.slice(2);
const json = args.includes('--json');
const wanted = args.filter((arg) => !arg.startsWith('-'));
const folder = new URL('./benches/', import.meta.url);
const benches: Bench[] = [];
for (const file of readdirSync(folder)
  .filter((name) => name.endsWith('.ts'))
  .sort())
  benches.push(((await import(new URL(file, folder).href)) as { bench: Bench }).bench);

const unknown = wanted.filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0 || args.includes('--help')) {
  if (unknown.length > 0) console.error(`no such benchmark: ${unknown.join(', ')}`);
  for (const bench of benches) console.error(`  ${bench.name.padEnd(14)} ${bench.about}`);
  process.exit(unknown.length > 0 ? 2 : 0);
}

/** Prints figures as aligned columns. */
function table(lines: FigureLine[]): string {
  const head = ['figure', 'value', 'limit', 'limit value', 'ratio', 'budget', ''];
  const rows = lines.map((l) => [
    l.figure,
    `${l.value} ${l.unit}`,
    l.limit,
    `${l.limitValue} ${l.unit}`,
    l.ratio.toFixed(2),
    l.budget,
    l.within ? 'ok' : 'OVER',
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const say = (line: string): void => console.error(`  ${line}`);
for (const bench of benches) {
  if (wanted.length > 0 && !wanted.includes(bench.name)) continue;
  const why = bench.unavailable?.();
  if (why !== undefined) {
    console.error(`${bench.name}: not run: ${why}`);
    process.exitCode = 3;
    continue;
  }
  console.error(`${bench.name}: ${bench.about}`);
  const lines = (await bench.run(say)).map((figure) => lineOf(bench.name, figure));
  if (json) for (const line of lines) console.log(JSON.stringify(line));
  else console.log(`${table(lines)}\n`);
}
