// Holds docs/main-path.md against the code: every file and every function that it names is there.
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = `${import.meta.dirname}/..`;
const text = readFileSync(`${root}/docs/main-path.md`, 'utf8');
const places = [...text.matchAll(/`(src\/[^`:]+): (\w+)`/g)].map(([, file = '', name = '']) => ({ file, name }));

/** Whether the file declares it: a function, constant or class, or a method (private ones without their #). */
function declares(code: string, name: string): boolean {
  const declared = new RegExp(`^(?:export )?(?:async )?(?:function|const|class) ${name}\\b`, 'm');
  const method = new RegExp(`^ {2}(?:async )?#?${name}\\([^;]*$`, 'm');
  return declared.test(code) || method.test(code);
}

test('every function of the main path is where it says', () => {
  const wrong = places.filter(({ file, name }) => {
    const path = `${root}/${file}`;
    return !existsSync(path) || !declares(readFileSync(path, 'utf8'), name);
  });
  expect(wrong).toEqual([]);
});

test('every row of the tables names a place', () => {
  const rows = text.split('\n').filter((line) => /^\|(?! step|---)/.test(line));
  expect(rows.length).toBeGreaterThan(50);
  expect(rows.filter((row) => !/`src\/[^`]+: \w+` *\|$/.test(row))).toEqual([]);
});

test('the check tells what is there from what is not', () => {
  const code =
    'export async function one() {}\nclass Two {\n  async #three(\n    four: string) {\n    five();\n  }\n}\n';
  expect(['one', 'Two', 'three', 'four', 'five', 'six'].filter((name) => declares(code, name))).toEqual([
    'one',
    'Two',
    'three',
  ]);
});
