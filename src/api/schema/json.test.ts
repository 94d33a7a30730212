import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonSyntaxError, parseJsonStrict } from './json.ts';
import { parseYamlStrict } from './yaml.ts';

test.each([
  ['{"a":1,"b":2}', []],
  ['{"a":1,"a":2}', ['duplicate field "a"']],
  ['{"spec":{"x":[{"k":1},{"k":1,"k":{}}]}}', ['duplicate field "spec.x[1].k"']],
  ['{"a":{"b":1},"c":{"b":1}}', []],
  ['{"a":"b","b":"a\\"b","c":"a"}', []],
  ['{"a":["a","a"]}', []],
  ['{"\\u0061":1,"a":2}', ['duplicate field "a"']],
  ['[{"a":1,"a":1,"a":1}]', ['duplicate field "[0].a"']],
  ['{"a":{"a":{"a":1}}}', []],
  ['"a"', []],
])('duplicates of %s', (text, expected) => {
  expect(parseJsonStrict(text).duplicateFields).toEqual(expected);
});

test('the last of two equal keys wins', () => {
  expect(parseJsonStrict('{"a":1,"a":2}').value).toEqual({ a: 2 });
});

test('no JSON of JSON.stringify has duplicates, and the value is the same', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value);
      expect(parseJsonStrict(text)).toEqual({ value: JSON.parse(text), duplicateFields: [] });
    }),
  );
});

test('__proto__ is a key like any other', () => {
  const { value } = parseJsonStrict('{"__proto__":{"polluted":true}}');
  expect(Object.hasOwn(value as object, '__proto__')).toBe(true);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

test.each([true, false])('nesting is limited (duplicates searched: %s)', (strict) => {
  expect(() => parseJsonStrict('['.repeat(1001) + ']'.repeat(1001), strict)).toThrow('exceeded max depth');
  expect(parseJsonStrict('['.repeat(1000) + ']'.repeat(1000), strict).duplicateFields).toEqual([]);
  expect(parseJsonStrict(JSON.stringify(['['.repeat(5000)]), strict).duplicateFields).toEqual([]);
});

// What Go's encoding/json says of these texts.
test.each([
  ['', 'unexpected end of JSON input'],
  ['{', 'unexpected end of JSON input'],
  ['{"a":1', 'unexpected end of JSON input'],
  ['{"a"', 'unexpected end of JSON input'],
  ['[1,', 'unexpected end of JSON input'],
  ['"abc', 'unexpected end of JSON input'],
  ['x', "invalid character 'x' looking for beginning of value"],
  ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
  ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
  ['[1,]', "invalid character ']' looking for beginning of value"],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['{"a":1 "b":2}', `invalid character '"' after object key:value pair`],
  ['[1 2]', "invalid character '2' after array element"],
  ['{} {}', "invalid character '{' after top-level value"],
  ['nul', 'unexpected end of JSON input'],
  ['nulx', "invalid character 'x' in literal null (expecting 'l')"],
  ['1.x', "invalid character 'x' after decimal point in numeric literal"],
  ['1ex', "invalid character 'x' in exponent of numeric literal"],
  ['-x', "invalid character 'x' in numeric literal"],
  ['01', "invalid character '1' after top-level value"],
  ['"\\q"', "invalid character 'q' in string escape code"],
  ['"\\u00zz"', "invalid character 'z' in \\u hexadecimal character escape"],
  ['"a\nb"', "invalid character '\\n' in string literal"],
])('the syntax error of %j', (text, message) => {
  expect(() => parseJsonStrict(text)).toThrow(new JsonSyntaxError(message));
});

test('YAML scalars read as upstream reads them', () => {
  const { value } = parseYamlStrict('a: yes\nb: 0644\nc: 2020-01-01\nd: 22:22\ne: ~\nf: !!binary aGk=\ng: 1.5\n');
  expect(value).toEqual({ a: true, b: 420, c: '2020-01-01', d: '22:22', e: null, f: 'hi', g: 1.5 });
});

test('YAML duplicates are told and aliases are copies', () => {
  const { value, duplicateFields } = parseYamlStrict('a: 1\nb: &x {c: 1}\nd: *x\na: 2\n');
  expect(value).toEqual({ a: 2, b: { c: 1 }, d: { c: 1 } });
  expect((value as { b: object; d: object }).b).not.toBe((value as { b: object; d: object }).d);
  expect(duplicateFields).toHaveLength(1);
  expect(duplicateFields[0]).toContain('already set in map');
});

test('YAML aliases cannot blow up', () => {
  const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]'];
  for (let i = 1; i < 9; i++) lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(',')}]`);
  expect(() => parseYamlStrict(lines.join('\n'))).toThrow('excessive aliasing');
});

test('bad YAML names the line', () => {
  expect(() => parseYamlStrict('a: 1\nb: [1\n')).toThrow(/^yaml: line \d+: /);
});

test.each([
  ['a: 1\n---\nb: 2\n', { a: 1 }],
  ['---\na: 1\n---\nb: [', { a: 1 }],
  ['%YAML 1.1\n# x\n---\na: 1\n...\nb: 2\n', { a: 1 }],
  ['a: |\n  ---\nb: "---"\n', { a: '---\n', b: '---' }],
  ['---\n---\na: 1\n', null],
  ['{"a": 1} {"b": 2}', { a: 1 }],
  ['{"a": 1}x', { a: 1 }],
])('of the documents and values in %j the first counts', (text, expected) => {
  expect(parseYamlStrict(text).value).toEqual(expected);
});
