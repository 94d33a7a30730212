// The table of every PodSpec and PodStatus field with its state in docs/support.md: `node scripts/pod-fields.ts --write` makes it
// anew, without --write it fails where the page is out of date or a field has no state.
import { readFileSync, writeFileSync } from 'node:fs';
import { notActedOn } from '../src/api/kinds/pod/not-acted-on.ts';
import { loadSchema } from '../src/api/schema/load.ts';
import type { FieldSchema } from '../src/api/schema/schema.ts';

/** Type → field → file below src/ that acts on it or sets it; `refused by FILE`; `copied by FILE`; `never set: WHY`. */
type Answers = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface FieldRow {
  /** `Container.args`. */
  field: string;
  /** Where it stands in a pod; the first place where a type stands in several. */
  path: string;
  state: string;
  where: string;
}

const page = 'docs/support.md';
const start = '<!-- the fields of a pod: made by scripts/pod-fields.ts -->';
const end = '<!-- end of the fields of a pod -->';
const answersOf = (name: string): Answers =>
  JSON.parse(readFileSync(`src/api/kinds/pod/testdata/${name}.json`, 'utf8')) as Answers;
const { definitions } = loadSchema();
const elementOf = (field: FieldSchema): FieldSchema => (field.items ? elementOf(field.items) : field);

function stateOf(path: string, answer = ''): Pick<FieldRow, 'state' | 'where'> {
  if (notActedOn.includes(path)) return { state: 'warned about', where: '' };
  if (answer.startsWith('refused by ')) return { state: 'refused', where: answer.slice('refused by '.length) };
  if (answer.startsWith('copied by ')) return { state: 'copied', where: answer.slice('copied by '.length) };
  if (answer.startsWith('never set: ')) return { state: 'never set', where: answer.slice('never set: '.length) };
  return { state: answer === '' ? '' : 'acts', where: answer };
}

function walk(definition: string, path: string, answers: Answers, rows: Map<string, FieldRow>): void {
  const type = definition.split('.').at(-1) ?? '';
  for (const [name, field] of Object.entries(definitions[definition]?.fields ?? {})) {
    const at = `${path}.${name}`;
    const row = { field: `${type}.${name}`, path: at, ...stateOf(at, answers[type]?.[name]) };
    // A type that stands in several places (Container) has a line more where its state differs there.
    const known = rows.get(row.field);
    if (known === undefined) rows.set(row.field, row);
    else if (known.state !== row.state) rows.set(at, { ...row, field: `${row.field} (${at})` });
    const { ref } = elementOf(field);
    if (ref === undefined || ['refused', 'copied', 'never set'].includes(row.state) || notActedOn.includes(at))
      continue;
    walk(ref, field.type === 'array' ? `${at}[*]` : at, answers, rows);
  }
}

function fieldsOf(type: string, path: string, answers: Answers): FieldRow[] {
  const rows = new Map<string, FieldRow>();
  walk(`io.k8s.api.core.v1.${type}`, path, answers, rows);
  return [...rows.values()];
}

/** Every field of a pod's spec and status, each once; below a refused or warned about one there are no lines of their own. */
export const podFields = (): { spec: FieldRow[]; status: FieldRow[] } => ({
  spec: fieldsOf('PodSpec', 'spec', answersOf('acted-on')),
  status: fieldsOf('PodStatus', 'status', answersOf('status-set-by')),
});

const table = (rows: readonly FieldRow[], where: string): string[] => [
  `| field | state | ${where} |`,
  '|---|---|---|',
  ...rows.map((row) => `| ${row.field} | ${row.state} | ${row.where} |`),
];

/** The section of docs/support.md between its two marks. */
export function podFieldsSection(): string {
  const { spec, status } = podFields();
  return [
    start,
    '## Fields of a pod',
    'Every field of PodSpec and of what is in it. `acts`: the file named acts on it, or is the first of several that do. `refused`: the file',
    'named answers with an error where it is used. `copied`: the file named makes an object of another kind of it, which acts by itself.',
    '`warned about`: the API takes it and warns `spec.x.y: accepted but not acted on`.',
    '',
    ...table(spec, 'by'),
    '',
    'Every field of PodStatus. `acts`: set by the file named.',
    '',
    ...table(status, 'by, or why not'),
    end,
  ].join('\n');
}

if (process.argv[1] === import.meta.filename) {
  const text = readFileSync(page, 'utf8');
  const [before = '', rest] = text.split(start);
  const after = rest?.split(end)[1] ?? '\n';
  const fresh = `${rest === undefined ? `${text.trimEnd()}\n\n` : before}${podFieldsSection()}${after}`;
  const { spec, status } = podFields();
  const open = [...spec, ...status].filter(({ state }) => state === '');
  for (const { path } of open) console.error(`${path} has no state in src/api/kinds/pod/testdata`);
  if (process.argv.includes('--write')) writeFileSync(page, fresh);
  else if (fresh !== text) console.error(`${page} is out of date: run node scripts/pod-fields.ts --write`);
  process.exitCode = open.length > 0 || (!process.argv.includes('--write') && fresh !== text) ? 1 : 0;
}
