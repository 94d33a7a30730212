// The language: what expressions give, which errors they end in, and what the compiler says of wrong ones.
import { describe, expect, test } from 'vitest';
import { baseEnvironment, perCallLimit } from './base-environment.ts';
import { check } from './checker.ts';
import type { Environment } from './environment.ts';
import { compileProgram } from './evaluate.ts';
import { jsonValue } from './schema-types.ts';
import { durationText, timestampText } from './time.ts';
import * as types from './types.ts';
import {
  CelError,
  Duration,
  elements,
  isList,
  isMap,
  Optional,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from './values.ts';

/** A value as these tables write it. */
function plain(value: Value | undefined): unknown {
  if (value instanceof CelError) return `error: ${value.message}`;
  if (value instanceof Uint) return `${value.value}u`;
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (value instanceof Duration) return durationText(value.nanos);
  if (value instanceof Timestamp) return timestampText(value.nanos);
  if (value instanceof TypeValue) return `type ${value.name}`;
  if (value instanceof Optional) return value.value === undefined ? 'none' : { optional: plain(value.value) };
  if (value !== undefined && isList(value)) return elements(value).map(plain);
  if (value !== undefined && isMap(value))
    return Object.fromEntries([...value.keys()].map((key) => [String(plain(key)), plain(value.get(key))]));
  return value;
}

const data: Record<string, unknown> = { x: { a: 1, s: 'text', list: [1, 2, 3], m: { k: 'v' }, big: 2.5, no: null } };
const environment = baseEnvironment.extend({ variables: { x: types.dyn } });

function run(expression: string, within: Environment = environment): unknown {
  const result = check(expression, within);
  if (!result.ok) return result.issues.toString();
  const variables = (name: string) => (name in data ? jsonValue(data[name]) : undefined);
  return plain(compileProgram(result.checked, within).evaluate(variables, perCallLimit).value);
}

describe('values', () => {
  test.each<[string, unknown]>([
    ['1 + 2 * 3', 7n],
    ['-7 / 2', -3n],
    ['-7 % 2', -1n],
    ['7u - 2u', '5u'],
    ['0xFF', 255n],
    ['0x10u', '16u'],
    ['-9223372036854775808', -9223372036854775808n],
    ['1.5e3', 1500],
    ['.5 + 1.0', 1.5],
    ['\'a\' + "b"', 'ab'],
    ["'''three 'quotes' '''", "three 'quotes' "],
    ["r'\\d'", '\\d'],
    ["'\\u00e9\\x41\\101\\n'", '\u00e9AA\n'],
    ["b'\\xff\\377ab'", 'bytes ffff6162'],
    ["b'\u00e9'", 'bytes c3a9'],
    ['[1, 2] + [3]', [1n, 2n, 3n]],
    ["{'a': 1, 'b': 2}.a", 1n],
    ["{1: 'x'}[1]", 'x'],
    ["{true: 'x'}[true]", 'x'],
    ['true ? 1 : 2', 1n],
    ['!!true', true],
    ['--5', 5n],
    ['null == null', true],
    [
      '1 == 1.0 || 1 == 1',
      "ERROR: <input>:1:3: found no matching overload for '_==_' applied to '(int, double)'\n | 1 == 1.0 || 1 == 1\n | ..^",
    ],
    ['dyn(1) == 1.0', true],
    ['dyn(1u) == 1', true],
    ["dyn(1) == 'a'", false],
    ['1 < 2.5', true],
    ['2u > 1', true],
    ["'a' < 'b'", true],
    ["'\\U0001F600' > '\\uFFFD'", true],
    ["b'a' < b'b'", true],
    ['[1, [2].size()] == [1, 1]', true],
    ["{'a': [1]} == {'a': [1]}", true],
    ['2 in [1, 2]', true],
    ["'k' in {'k': 1}", true],
    ["size('\\U0001F600') + size([1]) + size({}) + size(b'ab')", 4n],
    ['x.a + 1', 2n],
    ['x.list[1]', 2n],
    ["x['s']", 'text'],
    ['x.big', 2.5],
    ['has(x.a) && !has(x.b)', true],
    ['has(x.m.k)', true],
    ['x.no == null', true],
    ['type(1)', 'type int'],
    ["type('a') == string", true],
    ['type([]) == list && type({}) == map && type(null) == null_type', true],
    ['type(type(1)) == type', true],
    ['x.`a`', 1n],
  ])('%s', (expression, expected) => expect(run(expression)).toEqual(expected));
});

describe('conversions and times', () => {
  test.each<[string, unknown]>([
    ["int('12')", 12n],
    ["int('x')", "error: type conversion error from 'string' to 'int'"],
    ['int(2.9)', 2n],
    ['int(1e30)', 'error: integer overflow'],
    ['uint(3)', '3u'],
    ['uint(-1)', 'error: unsigned integer overflow'],
    ["double('1.5')", 1.5],
    ['double(3)', 3],
    ['string(1.0)', '1'],
    ['string(1e21)', '1000000000000000000000'],
    ['string(0.000001)', '0.000001'],
    ['string(true)', 'true'],
    ["string(b'ab')", 'ab'],
    ["string(b'\\xff')", 'error: invalid UTF-8 in bytes, cannot convert to string'],
    ["bytes('\u00e9')", 'bytes c3a9'],
    ["bool('true')", true],
    ["bool('yes')", "error: type conversion error from 'string' to 'bool'"],
    ["duration('1h30m')", '5400s'],
    ["string(duration('1.5s'))", '1.5s'],
    ["duration('1h').getMinutes()", 60n],
    ["duration('1.5s').getMilliseconds()", 1500n],
    ["duration('ab' + 'c')", "error: type conversion error from 'string' to 'google.protobuf.Duration'"],
    ["timestamp('2023-05-06T07:08:09.5Z').getMilliseconds()", 500n],
    ["timestamp('2023-05-06T07:08:09Z').getFullYear()", 2023n],
    ["timestamp('2023-05-06T07:08:09Z').getMonth()", 4n],
    ["timestamp('2023-05-06T07:08:09Z').getDate()", 6n],
    ["timestamp('2023-05-06T07:08:09Z').getDayOfMonth()", 5n],
    ["timestamp('2023-05-06T07:08:09Z').getDayOfWeek()", 6n],
    ["timestamp('2023-05-06T07:08:09Z').getDayOfYear()", 125n],
    ["timestamp('2023-05-06T07:08:09Z').getHours('-02:00')", 5n],
    ["timestamp('2023-05-06T07:08:09Z').getHours('Asia/Tokyo')", 16n],
    ["timestamp('2023-05-06T07:08:09+01:00')", '2023-05-06T06:08:09Z'],
    [
      "timestamp('2023-02-30T00:00:00' + 'Z')",
      "error: type conversion error from 'string' to 'google.protobuf.Timestamp'",
    ],
    ["timestamp('2023-01-01T00:00:00Z') + duration('24h')", '2023-01-02T00:00:00Z'],
    ["timestamp('2023-01-02T00:00:00Z') - timestamp('2023-01-01T00:00:00Z')", '86400s'],
    ["timestamp('9999-12-31T23:59:59Z') + duration('1s')", 'error: timestamp overflow'],
    ['timestamp(0)', '1970-01-01T00:00:00Z'],
  ])('%s', (expression, expected) => expect(run(expression)).toEqual(expected));
});

describe('macros', () => {
  test.each<[string, unknown]>([
    ['[1, 2, 3].all(i, i > 0)', true],
    ['[].all(i, i > 0)', true],
    ['[1, 2].exists(i, i == 2)', true],
    ['[1, 2, 2].exists_one(i, i == 2)', false],
    ['[1, 2].existsOne(i, i == 2)', true],
    ['[1, 2].map(i, i * 2)', [2n, 4n]],
    ['[1, 2, 3].map(i, i > 1, i * 2)', [4n, 6n]],
    ['[1, 2, 3].filter(i, i % 2 == 1)', [1n, 3n]],
    ["{'a': 1, 'b': 2}.filter(k, k != 'a')", ['b']],
    ["{'a': 1}.all(k, v, k == 'a' && v == 1)", true],
    ['[5, 6].all(i, v, v == i + 5)', true],
    ["{'a': 1}.exists(k, v, v == 1)", true],
    ['[1, 1].existsOne(i, v, v == 1)', false],
    ['[1, 2].transformList(i, v, i + v)', [1n, 3n]],
    ['[1, 2].transformList(i, v, v > 1, v)', [2n]],
    ["{'a': 1, 'b': 2}.transformMap(k, v, v * 10)", { a: 10n, b: 20n }],
    ["{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v)", { b: 2n }],
    ["{'a': 'x'}.transformMapEntry(k, v, {v: k})", { x: 'a' }],
    ["{'a': 'x', 'b': 'x'}.transformMapEntry(k, v, {v: k})", 'error: insert failed: key x already exists'],
    ['[1, 2].all(i, i / 0 == 1 || true)', true],
    ['[0, 1].all(i, 1 / i == 5)', false],
    ['[0, 1].exists(i, 1 / i == 1)', true],
    ['[0, 0].exists(i, 1 / i == 1)', 'error: division by zero'],
    ['[[1, 2], [3]].map(l, l.map(i, i + 1))', [[2n, 3n], [4n]]],
    ['[1].map(x, x + 1)', [2n]],
    ['[3, 1, 2].sortBy(i, -i)', [3n, 2n, 1n]],
  ])('%s', (expression, expected) => expect(run(expression)).toEqual(expected));
});

describe('optional values', () => {
  test.each<[string, unknown]>([
    ['x.?a', { optional: 1n }],
    ['x.?b', 'none'],
    ['x.?b.?c.?d', 'none'],
    ['x.?m.k', { optional: 'v' }],
    ['x.?b.orValue(7)', 7n],
    ['x[?"s"].orValue("none")', 'text'],
    ['[1, 2][?5]', 'none'],
    ['[1, 2][?1]', { optional: 2n }],
    ['optional.of(1).hasValue()', true],
    ['optional.none().hasValue()', false],
    ['optional.of(1).value()', 1n],
    ['optional.none().value()', 'error: optional.none() dereference'],
    ['optional.ofNonZeroValue(0)', 'none'],
    ['optional.none().or(optional.of(2)).value()', 2n],
    ['optional.of(2).optMap(i, i * 2)', { optional: 4n }],
    ['optional.of([1]).optFlatMap(l, l[?0])', { optional: 1n }],
    ['[?optional.of(1), ?optional.none(), 2]', [1n, 2n]],
    ["{?'a': optional.none(), 'b': 2}", { b: 2n }],
    ['[optional.of(1), optional.none()].unwrapOpt()', [1n]],
    ['[1, 2].first().value() + [1, 2].last().value()', 3n],
    ['has(x.?a.b)', 'error: no such overload'],
  ])('%s', (expression, expected) => expect(run(expression)).toEqual(expected));
});

describe('errors when it runs', () => {
  test.each<[string, string]>([
    ['1 / 0', 'division by zero'],
    ['1 % 0', 'modulus by zero'],
    ['9223372036854775807 + 1', 'integer overflow'],
    ['-9223372036854775808 - 1', 'integer overflow'],
    ['0u - 1u', 'unsigned integer overflow'],
    ['x.b', 'no such key: b'],
    ["x['b']", 'no such key: b'],
    ['[1][1]', 'index out of bounds: 1'],
    ['[1][-1]', 'index out of bounds: -1'],
    ["x.a + 'b'", 'no such overload'],
    ['x.s.k', 'no such overload'],
    ["'a'.matches('(' + '')", 'error parsing regexp: missing closing ): `(`'],
    ['true && x.b', 'no such key: b'],
    ['x.b || false', 'no such key: b'],
  ])('%s', (expression, message) => expect(run(expression)).toBe(`error: ${message}`));

  test.each(['false && x.b', 'x.b && false', 'true || x.b', 'x.b || true'])('%s is decided by the other side', (text) =>
    expect(run(text)).toBe(text.includes('true')),
  );
});

/** The message, and the column it points at. */
const problem = (expression: string): string => {
  const text = String(run(expression));
  const [, at, message] = /^ERROR: <input>:(-?\d+:\d+): (.*)$/m.exec(text) ?? [];
  return `${at} ${message}`;
};

describe('errors of the compiler', () => {
  test.each<[string, string]>([
    ['y', "1:1 undeclared reference to 'y' (in container '')"],
    ['x.foo()', "1:6 undeclared reference to 'foo' (in container '')"],
    ["1 + 'a'", "1:3 found no matching overload for '_+_' applied to '(int, string)'"],
    ["'a'.startsWith(1)", "1:15 found no matching overload for 'startsWith' applied to 'string.(int)'"],
    ['size(1)', "1:5 found no matching overload for 'size' applied to '(int)'"],
    ["'a'.b", "1:4 type 'string' does not support field selection"],
    ["[1, 'a']", "1:5 expected type 'int' but found 'string'"],
    ['1 ? 2 : 3', "1:3 found no matching overload for '_?_:_' applied to '(int, int, int)'"],
    ["'a' && true", "1:1 expected type 'bool' but found 'string'"],
    [
      '1.all(i, true)',
      "1:1 expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
    ],
    ['[1].all(i, i + 1)', "1:14 expected type 'bool' but found 'int'"],
    ['[1].all(1, true)', '1:9 argument must be a simple name'],
    ['[1].map(1, true)', '1:9 argument is not an identifier'],
    ['[1].all(i, i, true)', '1:12 duplicate variable name: i'],
    ['has(x)', '1:5 invalid argument to has() macro'],
    ['namespace', '1:1 reserved identifier: namespace'],
    ['Foo{a: 1}', "1:4 undeclared reference to 'Foo' (in container '')"],
    ['9223372036854775808', '1:1 invalid int literal'],
    [
      '1 +',
      "1:4 Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
    ],
    ['(1', "1:3 Syntax error: mismatched input '<EOF>' expecting ')'"],
    ['1 2', "1:3 Syntax error: extraneous input '2' expecting <EOF>"],
    ['1)', "1:2 Syntax error: extraneous input ')' expecting <EOF>"],
    ["duration('1d')", '1:10 invalid duration argument'],
    ["timestamp('x')", '1:11 invalid timestamp argument'],
    ["'a'.matches('(')", '1:13 invalid matches argument'],
    ['x.true', "1:3 Syntax error: mismatched input 'true' expecting IDENTIFIER"],
    ['a @ b', "1:3 Syntax error: token recognition error at: '@'"],
  ])('%s', (expression, expected) => expect(problem(expression)).toBe(expected));

  test('all of them, each with its line', () =>
    expect(run('x.a &&\n  y == 1 &&\n\tz')).toBe(
      [
        "ERROR: <input>:2:3: undeclared reference to 'y' (in container '')",
        ' |   y == 1 &&',
        ' | ..^',
        "ERROR: <input>:3:2: undeclared reference to 'z' (in container '')",
        ' |  z',
        ' | .^',
      ].join('\n'),
    ));

  test('objects with declared fields', () => {
    const typed = baseEnvironment.extend({
      variables: { o: types.struct('T') },
      objectTypes: (name) => (name === 'T' ? { name, field: (f) => (f === 'a' ? types.int : undefined) } : undefined),
    });
    expect(run('o.b', typed)).toBe("ERROR: <input>:1:2: undefined field 'b'\n | o.b\n | .^");
    expect(run("o.a + 'x'", typed)).toContain("'_+_' applied to '(int, string)'");
  });

  test.each([
    ['!'.repeat(100_001), 'expression code point size exceeds limit: size: 100001, limit 100000'],
    ['('.repeat(300), 'expression recursion limit exceeded: 250'],
    [Array.from({ length: 300 }, () => '1').join('+'), 'expression recursion limit exceeded: 250'],
    [`x${'.a'.repeat(300)}`, 'expression recursion limit exceeded: 250'],
  ])('limits (%#)', (expression, message) => expect(run(expression)).toBe(`ERROR: <input>:-1:0: ${message}`));

  test('long chains of && and || are not deep', () =>
    expect(run(Array.from({ length: 2000 }, () => 'true').join(' && '))).toBe(true));
});
