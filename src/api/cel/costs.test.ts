// What expressions cost: the figures that upstream keeps stable from version to version, when they run and as estimated from a schema.
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import type { JSONSchemaProps } from '../generated/types.ts';
import { perCallLimit } from './base-environment.ts';
import { check } from './checker.ts';
import { estimateCost } from './estimate.ts';
import { compileProgram, costExceeded, type Program } from './evaluate.ts';
import { ruleEnvironment } from './rule-compile.ts';
import { schemaSizes, schemaType, type SchemaType, typedValue } from './schema-types.ts';
import { Turns } from './turns.ts';

const integers: JSONSchemaProps = { type: 'array', items: { type: 'integer' } as never };
const texts: JSONSchemaProps = { type: 'array', items: { type: 'string' } as never };
const schema: JSONSchemaProps = {
  type: 'object',
  properties: {
    n: { type: 'integer' },
    s: { type: 'string' },
    short: { type: 'string', maxLength: 10 },
    list: integers,
    texts,
    few: { ...texts, maxItems: 10 },
    map: { type: 'object', additionalProperties: { type: 'integer' } as never },
    obj: { type: 'object', properties: { field: { type: 'string' }, absent: { type: 'string' } } },
  },
};
const type = schemaType(schema, 'selfType', true) as SchemaType;
const environment = ruleEnvironment(type, false);
const self = typedValue(
  {
    n: 5,
    s: 'Rook takes',
    short: 'ab',
    list: [1, 2, 3, 4, 5],
    texts: ['a', 'b'],
    few: [],
    map: { a: 1, b: 2 },
    obj: { field: 'a' },
  },
  type,
);

const compiled = (expression: string) => {
  const result = check(expression, environment);
  if (!result.ok) throw new Error(result.issues.toString());
  return result.checked;
};
const actual = (expression: string): number =>
  compileProgram(compiled(expression), environment).evaluate(
    (name) => (name === 'self' ? self : undefined),
    perCallLimit,
  ).cost;

test.each<[string, number]>([
  ['self.n == 5', 3],
  ['type(self.n) == int', 4],
  ['self.obj.field == self.obj.field', 7],
  ["self.s.startsWith('Rook')", 3],
  ["!self.s.startsWith('knight')", 4],
  ["self.s.matches('^[^0-9]*$')", 8],
  ['double(5) < 10.0', 1],
  ["self.s in ['Pending', 'Available']", 2],
  ["duration('1h') + duration('3s') == duration('1h3s')", 2],
  ['self.map.all(k, self.map[k] > 0)', 17],
  ['!self.map.exists(k, self.map[k] == 3)', 20],
  ['self.map.exists_one(k, self.map[k] == 2)', 14],
  ['size(self.map.filter(k, self.map[k] > 1)) == 1', 26],
  ['self.map.transformMap(k, v, v > 1, v + 1).size() == 1', 14],
  ['self.list.exists_one(e, e > 4)', 16],
  ['self.list[0] == 1', 4],
  ["optional.of('a').or(optional.of('a')).hasValue()", 2],
  ["optional.none().or(optional.of('a')).hasValue()", 3],
  ["optional.of('a').optMap(v, v == 'value').hasValue()", 8],
  ["self.obj.?field == optional.of('a')", 5],
  ['self.obj.?absent == optional.none()', 4],
  ['has(self.obj.field)', 2],
  ['quantity("200M") == quantity("0.2G")', 3],
  ['quantity("50k").add(quantity("20")) == quantity("50.02k")', 5],
  ['lists.range(4) == [0,1,2,3]', 16],
  ['[5,1,2,3].reverse() == [3,2,1,5]', 16],
  ['[1,2,3,4].slice(1, 3) == [2, 3]', 14],
  ['[4, 3, 2, 1].sort() == [1, 2, 3, 4]', 44],
  ['["d", "a", "b", "c"].sort() == ["a", "b", "c", "d"]', 45],
  ['["a"].sortBy(e, e) == ["a"]', 30],
  ['[-2, 5, -2, 1, 1, 5, -2, 1].distinct() == [-2, 5, 1]', 140],
  ["url('https:://kubernetes.io/').getScheme()", 4],
  ["ip('192.168.0.1').family()", 3],
  ["cidr('192.168.0.0/16').prefixLength()", 3],
])('%s costs %i', (expression, cost) => expect(actual(expression)).toBe(cost));

const estimated = (expression: string): number => estimateCost(compiled(expression), schemaSizes(type)).max;

test.each<[string, number]>([
  ['self.n == 5', 2],
  ["self.s == 'abc'", 3],
  ["self.s.contains('abc')", 314575],
  ["self.short.contains('abc')", 6],
  ['self.s == self.s', 314577],
  ['self.list.all(x, x > 0)', 7864318],
  ['self.few.all(x, true)', 33],
  ["self.few.all(x, x == 'a')", 53],
  ["self.s.matches('^a')", 314575],
  ["string(self.n) + 'a' == 'x'", 1844674407370955300],
  ['has(self.obj.field) && self.n > 0', 5],
  ["self.few.map(x, x).filter(x, x != 'a').size() == 0", 296],
  ['self.map.all(k, self.map[k] > 0)', 3595115],
  ["self.texts.join(',') == ''", 329853068905],
  ['self.list.sum() == 5', 1572866],
  ['self.n > 0 ? self.n < 5 : self.n > -5', 6],
])('%s is estimated to cost at most %i', (expression, cost) => expect(estimated(expression)).toBe(cost));

/** Evaluates in turns of `perTurn`, and says in how many, and how often a variable was looked up in one of them at most. */
function inSmallTurns(program: Program, limit: number, perTurn: number) {
  const turns = new Turns(undefined, perTurn);
  let lookUps = 0;
  let most = 0;
  const underWay = program.start(() => {
    lookUps++;
    return self;
  }, limit);
  for (let count = 1; ; count++) {
    turns.left = perTurn;
    lookUps = 0;
    const evaluation = underWay.proceed(turns);
    most = Math.max(most, lookUps);
    if (evaluation !== undefined) return { evaluation, count, most };
  }
}

describe('in turns', () => {
  test.each<[string, number]>([
    ['lists.range(100).all(a, lists.range(100).all(b, self.n + b >= 0))', 60],
    // What came before is not gone through again.
    [
      '[1,2,3].map(i, lists.range(900).map(a, a + self.n).sum()).sum() + lists.range(900).map(b, b + self.n).sum() > 0',
      20,
    ],
    // Without a loop: each name stands for twice the one before.
    [`optional.of(self.n)${'.optMap(x, x + self.n)'.repeat(12)}.hasValue()`, 4],
    ['lists.range(300).filter(a, self.list.exists(b, b == a)).size() == 5', 8],
    ['lists.range(500).sortBy(a, 0 - a - self.n)[0] == 499', 2],
    [
      'self.map.all(k, lists.range(200).all(a, self.map[k] > 0 || a > 0)) && lists.range(3).exists(i, i in self.list)',
      4,
    ],
    ['lists.range(2000).all(a, lists.range(2000).all(b, a + b + self.n >= 0))', 800],
  ])('%s comes to the same, at the same cost', (expression, leastTurns) => {
    const program = compileProgram(compiled(expression), environment);
    const { evaluation, count } = inSmallTurns(program, perCallLimit, 1000);
    expect(evaluation).toEqual(program.evaluate(() => self, perCallLimit));
    expect(count).toBeGreaterThanOrEqual(leastTurns);
  });

  test('no turn does much more than it may', () => {
    const long = 'lists.range(900).all(a, lists.range(900).all(b, a + b + self.n >= 0))';
    const { evaluation, most } = inSmallTurns(
      compileProgram(compiled(`${long} && ${long}`), environment),
      perCallLimit,
      10_000,
    );
    expect(evaluation.value).toBe(costExceeded);
    expect(most).toBeLessThan(3000);
  });

  test('what fits into one turn takes no other', () =>
    expect(inSmallTurns(compileProgram(compiled('self.n == 5'), environment), perCallLimit, 10).count).toBe(1));
});

describe('nothing hangs', () => {
  test.each([
    ['lists.range(1000000000)', 'a list that would not fit'],
    ['lists.range(900000).map(x, lists.range(900000)).size()', 'lists of lists'],
    [
      'lists.range(1000).map(a, lists.range(1000).map(b, lists.range(1000).map(c, a + b + c))).size() > 0',
      'nested folds',
    ],
    [`${'[1,2,3,4,5,6,7,8,9,0].map(x, '.repeat(20)}1${')'.repeat(20)}.size()`, 'twenty folds'],
    [`optional.of(1)${'.optMap(x, x + 1)'.repeat(60)}.hasValue()`, 'a target that doubles at each step'],
    [`'${'a'.repeat(1000)}'.matches('(a*)*b')`, 'a pattern that backtracks'],
    ["lists.range(400).all(i, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'.matches('(a|aa)+$'))", 'a pattern again and again'],
    ["lists.range(30).map(x, 'a').join('').replace('', 'b').replace('', 'c').size() > 0", 'texts that grow'],
  ])('%s (%s)', (expression) => {
    const result = check(expression, environment);
    if (!result.ok) throw new Error(result.issues.toString());
    compileProgram(result.checked, environment).evaluate(() => self, perCallLimit);
  });

  test('what costs too much ends in an error', () =>
    expect(
      compileProgram(compiled('lists.range(2000).all(a, lists.range(2000).all(b, a + b >= 0))'), environment).evaluate(
        () => self,
        perCallLimit,
      ).value,
    ).toBe(costExceeded));

  const atoms = fc.constantFrom(
    'self',
    'self.list',
    'self.map',
    'self.s',
    'self.n',
    'self.obj.field',
    'oldSelf',
    '1',
    '-1',
    '2u',
    '1.5',
    "'a'",
    "b'x'",
    'null',
    'true',
    '[]',
    '{}',
    '[1, 2]',
    "{'k': 1}",
    'x',
    "timestamp('2020-01-01T00:00:00Z')",
    "duration('1s')",
    'optional.none()',
    "quantity('1')",
  );
  const operators = fc.constantFrom(
    '+',
    '-',
    '*',
    '/',
    '%',
    '==',
    '!=',
    '<',
    '>=',
    '&&',
    '||',
    'in',
    '?',
    '.',
    ',',
    ':',
  );
  const pieces = fc.oneof(
    atoms,
    operators,
    fc.constantFrom(
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '.all(x,',
      '.map(x,',
      '.filter(x,',
      'has(',
      'size(',
      '.size()',
      '.orValue(',
      '.?',
      '[?',
      '!',
      "'",
      '"',
      '"""',
      'r"',
      '//',
      '\n',
      '\\',
    ),
    fc.string({ maxLength: 3 }),
  );
  const nested = fc.letrec<{ expr: string }>((tie) => ({
    expr: fc.oneof(
      { maxDepth: 4 },
      atoms,
      fc.tuple(tie('expr'), operators, tie('expr')).map(([a, op, b]) => `(${a} ${op} ${b})`),
      fc
        .tuple(tie('expr'), fc.constantFrom('all', 'exists', 'map', 'filter', 'exists_one', 'sortBy'), tie('expr'))
        .map(([a, m, b]) => `${a}.${m}(x, ${b})`),
      fc
        .tuple(fc.constantFrom('dyn', 'string', 'int', 'size', 'type', 'double', 'bytes'), tie('expr'))
        .map(([f, a]) => `${f}(${a})`),
      fc.tuple(tie('expr'), tie('expr'), tie('expr')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
      fc.array(tie('expr'), { maxLength: 3 }).map((all) => `[${all.join(', ')}]`),
      fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `dyn(${a})[dyn(${b})]`),
    ),
  })).expr;

  const tried = (expression: string): void => {
    const result = check(expression, environment);
    if (!result.ok) {
      expect(result.issues.toString()).toMatch(/^ERROR: <input>:/);
      return;
    }
    estimateCost(result.checked, schemaSizes(type));
    const program = compileProgram(result.checked, environment);
    expect(inSmallTurns(program, 20_000, 300).evaluation).toEqual(program.evaluate(() => self, 20_000));
  };
  test('no text crashes it', () =>
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => tried(parts.join(' '))),
      { numRuns: 1000 },
    ));
  test('no expression crashes it', () => fc.assert(fc.property(nested, tried), { numRuns: 1000 }));
});
