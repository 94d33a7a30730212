import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeGenerated } from './write-generated.ts';

const root = `${import.meta.dirname}/../..`;
const used = `${root}/src/api/generated`;
let out: string;
beforeAll(() => {
  out = mkdtempSync(`${tmpdir()}/peapod-generated-`);
});
afterAll(() => rmSync(out, { recursive: true }));

/** A file that is written anew is another one, even where its text is the same. */
const identities = (folder: string): string[] =>
  readdirSync(folder)
    .sort()
    .map((name) => `${name} ${statSync(`${folder}/${name}`).ino}`);

test('files are made where there are none, and then only when their sources change', () => {
  expect(writeGenerated({ root, out })).toBe(true);
  const made = identities(out);
  expect(made.map((line) => line.split(' ')[0])).toEqual([
    'descriptions.json',
    'inputs.sha256',
    'schema.json',
    'types.ts',
  ]);
  expect(writeGenerated({ root, out })).toBe(false);
  expect(identities(out)).toEqual(made);
  const stamp = readFileSync(`${out}/inputs.sha256`, 'utf8');
  writeFileSync(`${out}/inputs.sha256`, 'of other sources');
  expect(writeGenerated({ root, out })).toBe(true);
  expect(readFileSync(`${out}/inputs.sha256`, 'utf8')).toBe(stamp);
});

test('what is in use is what the sources give', () => {
  writeGenerated({ root, out });
  for (const name of ['types.ts', 'schema.json', 'descriptions.json']) {
    expect(readFileSync(`${used}/${name}`, 'utf8') === readFileSync(`${out}/${name}`, 'utf8'), name).toBe(true);
  }
});

test('an install leaves alone what is up to date', () => {
  const install = (): unknown => execFileSync(process.execPath, ['scripts/postinstall.mjs'], { cwd: root });
  install();
  const before = identities(used);
  install();
  expect(identities(used)).toEqual(before);
});
