// Rules of CustomResourceDefinitions: what is refused when they are written, and what they say of objects.
import { describe, expect, test } from 'vitest';
import type { JSONSchemaProps, ValidationRule } from '../generated/types.ts';
import { fieldErrorText, FieldPath } from '../meta/errors.ts';
import { compileSchemaRules } from './schema-rules.ts';

type Rules = readonly (string | ValidationRule)[];
const rulesOf = (...rules: Rules) => rules.map((rule) => (typeof rule === 'string' ? { rule } : rule));
const withRules = (schema: JSONSchemaProps, ...rules: Rules): JSONSchemaProps => ({
  ...schema,
  'x-kubernetes-validations': rulesOf(...rules),
});
const text: JSONSchemaProps = { type: 'string' };
const whole: JSONSchemaProps = { type: 'integer' };
const object = (properties: Record<string, JSONSchemaProps>, more: JSONSchemaProps = {}): JSONSchemaProps => ({
  type: 'object',
  properties,
  ...more,
});
const list = (items: JSONSchemaProps, more: JSONSchemaProps = {}): JSONSchemaProps => ({
  type: 'array',
  items: items as never,
  ...more,
});
const map = (values: JSONSchemaProps, more: JSONSchemaProps = {}): JSONSchemaProps => ({
  type: 'object',
  additionalProperties: values as never,
  ...more,
});

const path = new FieldPath('openAPIV3Schema');
const compileErrors = (schema: JSONSchemaProps): string[] =>
  compileSchemaRules(schema, path).errors.map(fieldErrorText);

/** What the rules say of an object: texts, warnings marked. */
function findings(schema: JSONSchemaProps, value: object, old?: object): string[] {
  const rules = compileSchemaRules(schema, path);
  expect(rules.errors.map(fieldErrorText)).toEqual([]);
  const { errors, warnings } = rules.validate(value, old);
  return [...errors.map(fieldErrorText), ...warnings.map((warning) => `warning: ${warning}`)];
}
/** Whether one rule on the root holds. */
const holds = (schema: JSONSchemaProps, rule: string, value: object): string[] =>
  findings(withRules(schema, rule), value);

describe('values by their schemas', () => {
  const schema = object({
    n: whole,
    f: { type: 'number' },
    s: { ...text, maxLength: 20 },
    b: { type: 'boolean' },
    port: { 'x-kubernetes-int-or-string': true },
    bytes: { ...text, format: 'byte' },
    date: { ...text, format: 'date' },
    at: { ...text, format: 'date-time' },
    span: { ...text, format: 'duration' },
    set: list({ ...text, maxLength: 5 }, { 'x-kubernetes-list-type': 'set', maxItems: 10 }),
    set2: list({ ...text, maxLength: 5 }, { 'x-kubernetes-list-type': 'set', maxItems: 10 }),
    keyed: list(object({ k: text, v: whole }), {
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
      maxItems: 10,
    }),
    map: map(whole, { maxProperties: 10 }),
    namespace: text,
    'dash-ed': whole,
    'dot.ted': whole,
    'sl/ash': whole,
    two__scores: whole,
    nullable: { ...text, nullable: true },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { known: whole } },
    embedded: { type: 'object', 'x-kubernetes-embedded-resource': true },
  });
  const value = {
    apiVersion: 'v1',
    kind: 'K',
    metadata: { name: 'me', labels: { a: 'b' } },
    n: 3,
    f: 2,
    s: 'text',
    b: true,
    port: 80,
    bytes: 'AQI=',
    date: '2021-01-01',
    at: '2021-01-01T10:00:00Z',
    span: '1h30m',
    set: ['a', 'b'],
    set2: ['b', 'a'],
    keyed: [
      { k: 'x', v: 1 },
      { k: 'y', v: 2 },
    ],
    map: { one: 1 },
    namespace: 'ns',
    'dash-ed': 1,
    'dot.ted': 2,
    'sl/ash': 3,
    two__scores: 4,
    nullable: null,
    free: { known: 1, other: 2 },
    embedded: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pod' } },
  };
  test.each([
    'self.n == 3 && type(self.n) == int',
    'self.f == 2.0 && type(self.f) == double',
    "self.s.startsWith('te')",
    'self.b',
    'type(self.port) == int && self.port == 80',
    "self.bytes == b'\\x01\\x02'",
    "self.date == timestamp('2021-01-01T00:00:00Z')",
    'self.at.getHours() == 10',
    "self.span == duration('90m')",
    'self.set == self.set2',
    "(self.set + ['c', 'a']).size() == 3",
    'self.keyed + [] == self.keyed && self.keyed.all(e, e.v > 0)',
    "self.map.one == 1 && self.map.all(k, self.map[k] > 0) && 'one' in self.map",
    "self.__namespace__ == 'ns'",
    'self.dash__dash__ed + self.dot__dot__ted + self.sl__slash__ash + self.two__underscores__scores == 10',
    '!has(self.nullable)',
    'self.free.known == 1',
    "self.embedded.kind == 'Pod' && self.embedded.metadata.name == 'pod'",
    "self.metadata.name == 'me' && self.kind == 'K' && self.apiVersion == 'v1'",
    '!has(self.metadata.generateName)',
  ])('%s', (rule) => expect(holds(schema, rule, value)).toEqual([]));

  test.each([
    ['self.free.other == 2', "undefined field 'other'"],
    ['self.metadata.labels.size() > 0', "undefined field 'labels'"],
    ['self.absent', "undefined field 'absent'"],
    ["self.n == 'a'", "found no matching overload for '_==_' applied to '(int, string)'"],
    ['self.n', 'cel expression must evaluate to a bool'],
    ['oldSelf.n >', 'Syntax error'],
  ])('%s does not compile', (rule, message) => {
    const [error = ''] = compileErrors(withRules(schema, rule));
    expect(error).toContain('openAPIV3Schema.x-kubernetes-validations[0].rule: Invalid value: {"Rule":');
    expect(error).toContain(message);
  });

  test('a field that is not set is an error, and has() finds it out', () => {
    const one = object({ a: text });
    expect(holds(one, "self.a == 'x'", {})).toEqual([
      ': Invalid value: "object": no such key: a evaluating rule: self.a == \'x\'',
    ]);
    expect(holds(one, "!has(self.a) || self.a == 'x'", {})).toEqual([]);
  });
});

describe('what a broken rule says', () => {
  const one = (rule: ValidationRule, value: object = { n: 1 }) =>
    findings(object({ spec: withRules(object({ n: whole, m: map(whole) }), rule) }), { spec: value });
  test.each<[string, ValidationRule, string]>([
    ['itself', { rule: 'self.n > 1' }, 'spec: Invalid value: failed rule: self.n > 1'],
    ['its message', { rule: 'self.n > 1', message: ' too small ' }, 'spec: Invalid value: too small'],
    [
      'its message expression',
      { rule: 'self.n > 1', message: 'm', messageExpression: "'n is %d'.format([self.n])" },
      'spec: Invalid value: n is 1',
    ],
    [
      'its message, where the expression fails',
      { rule: 'self.n > 1', message: 'm', messageExpression: 'string(self.n / 0)' },
      'spec: Invalid value: m',
    ],
    [
      'its message, where the expression gives nothing',
      { rule: 'self.n > 1', message: 'm', messageExpression: "'  '" },
      'spec: Invalid value: m',
    ],
    ['its path', { rule: 'self.n > 1', fieldPath: '.n' }, 'spec.n: Invalid value: failed rule: self.n > 1'],
    ['Forbidden', { rule: 'false', reason: 'FieldValueForbidden' }, 'spec: Forbidden: failed rule: false'],
    ['Required', { rule: 'false', reason: 'FieldValueRequired' }, 'spec: Required value: failed rule: false'],
    ['Duplicate', { rule: 'false', reason: 'FieldValueDuplicate' }, 'spec: Duplicate value'],
  ])('%s', (_, rule, expected) => expect(one(rule)).toEqual([expected]));

  test('int-or-string is checked as it runs', () =>
    expect(holds(object({ p: { 'x-kubernetes-int-or-string': true } }), 'self.p > 5', { p: 'http' })).toEqual([
      ': Invalid value: "object": \'no such overload\': call arguments did not match a supported operator, function or macro signature for rule: self.p > 5',
    ]));

  test('rules of parts have the paths of these', () => {
    const schema = object({
      list: list(withRules(whole, 'self > 0'), { maxItems: 5 }),
      map: map(withRules(whole, 'self > 0'), { maxProperties: 5 }),
    });
    expect(findings(schema, { list: [1, 0], map: { a: 1, b: -1 } })).toEqual([
      'list[1]: Invalid value: 0: failed rule: self > 0',
      'map[b]: Invalid value: -1: failed rule: self > 0',
    ]);
  });
});

describe('transitions', () => {
  const immutable = withRules(text, 'self == oldSelf');
  test('run only where there was a value', () => {
    const schema = object({ a: immutable });
    expect(findings(schema, { a: 'x' })).toEqual([]);
    expect(findings(schema, { a: 'x' }, {})).toEqual([]);
    expect(findings(schema, { a: 'x' }, { a: 'x' })).toEqual([]);
    expect(findings(schema, { a: 'y' }, { a: 'x' })).toEqual(['a: Invalid value: "y": failed rule: self == oldSelf']);
  });
  test('find the items of a list with keys', () => {
    const schema = object({
      l: list(object({ k: text, v: withRules({ ...text, maxLength: 10 }, 'self == oldSelf') }), {
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
        maxItems: 10,
      }),
    });
    const old = {
      l: [
        { k: 'a', v: '1' },
        { k: 'b', v: '2' },
      ],
    };
    expect(
      findings(
        schema,
        {
          l: [
            { k: 'b', v: '2' },
            { k: 'c', v: '3' },
            { k: 'a', v: 'x' },
          ],
        },
        old,
      ),
    ).toEqual(['l[2].v: Invalid value: "x": failed rule: self == oldSelf']);
  });
  test('are refused where items have no old value', () =>
    expect(compileErrors(object({ l: list(immutable, { maxItems: 3 }) }))).toEqual([
      'openAPIV3Schema.properties[l].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within openAPIV3Schema.properties[l]',
    ]));
  test('with optionalOldSelf run on creation too', () => {
    const schema = object({
      a: withRules(text, { rule: "oldSelf.hasValue() || self == 'first'", optionalOldSelf: true }),
    });
    expect(findings(schema, { a: 'first' })).toEqual([]);
    expect(findings(schema, { a: 'other' }, { a: 'x' })).toEqual([]);
    expect(findings(schema, { a: 'other' })).toHaveLength(1);
    expect(compileErrors(object({ a: withRules(text, { rule: "self == ''", optionalOldSelf: true }) }))).toEqual([
      'openAPIV3Schema.properties[a].x-kubernetes-validations[0].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule',
    ]);
  });
});

describe('ratcheting: what has not changed is warned about only', () => {
  const schema = object({
    a: withRules(text, "self == 'right'"),
    o: object({ b: withRules(text, "self == 'right'") }),
  });
  test.each<[string, object, object | undefined, string[]]>([
    ['created', { a: 'wrong' }, undefined, ['a: Invalid value: "wrong": failed rule: self == \'right\'']],
    [
      'unchanged',
      { a: 'wrong' },
      { a: 'wrong' },
      ['warning: a: Invalid value: "wrong": failed rule: self == \'right\''],
    ],
    ['changed', { a: 'worse' }, { a: 'wrong' }, ['a: Invalid value: "worse": failed rule: self == \'right\'']],
    [
      'unchanged beside a change',
      { a: 'right', o: { b: 'wrong' } },
      { o: { b: 'wrong' } },
      ['warning: o.b: Invalid value: "wrong": failed rule: self == \'right\''],
    ],
  ])('%s', (_, value, old, expected) => expect(findings(schema, value, old)).toEqual(expected));

  test('items of an atomic list go by the whole list', () => {
    const listed = object({ l: list(withRules(text, "self == 'right'"), { maxItems: 3 }) });
    expect(findings(listed, { l: ['x'], z: 1 }, { l: ['x'] })[0]).toMatch(/^warning: l\[0\]/);
    expect(findings(listed, { l: ['x', 'right'] }, { l: ['x'] })[0]).toMatch(/^l\[0\]/);
  });
});

describe('the form of rules', () => {
  const schema = object({ a: text });
  test.each<[ValidationRule, string]>([
    [{ rule: ' ' }, 'rule: Required value: rule is not specified'],
    [{ rule: 'true', message: ' ' }, 'message: Invalid value: " ": must be non-empty if specified'],
    [{ rule: 'true', message: 'a\nb' }, 'message: Invalid value: "a\\nb": must not contain line breaks'],
    [{ rule: 'true &&\ntrue' }, 'message: Required value: message must be specified if rule contains line breaks'],
    [
      { rule: 'true', messageExpression: ' ' },
      'messageExpression: Required value: messageExpression must be non-empty if specified',
    ],
    [
      { rule: 'true', reason: 'Other' as never },
      'reason: Unsupported value: "Other": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"',
    ],
    [{ rule: 'true', fieldPath: '.b' }, 'fieldPath: Invalid value: ".b": must be a valid path'],
    [{ rule: 'true', fieldPath: 'a' }, 'fieldPath: Invalid value: "a": must be a valid path'],
  ])('%j', (rule, expected) =>
    expect(compileErrors(withRules(schema, rule))).toEqual([`openAPIV3Schema.x-kubernetes-validations[0].${expected}`]),
  );

  test('a message expression must give a string', () =>
    expect(compileErrors(withRules(schema, { rule: 'true', messageExpression: '1' }))[0]).toContain(
      'messageExpression must evaluate to a string',
    ));
});

describe('costs', () => {
  const advice =
    '(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)';
  test('a rule over lists without limits is refused', () => {
    const schema = object({ l: withRules(list(list(text)), 'self.all(x, x.all(y, y == "a"))') });
    expect(compileErrors(schema)).toEqual([
      `openAPIV3Schema.properties[l].x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x ${advice}`,
      expect.stringContaining('contributed to estimated rule cost total'),
      `openAPIV3Schema: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x ${advice}`,
    ]);
  });
  test('limits make it affordable', () =>
    expect(
      compileErrors(
        object({
          l: withRules(
            list(list({ ...text, maxLength: 10 }, { maxItems: 10 }), { maxItems: 10 }),
            'self.all(x, x.all(y, y == "a"))',
          ),
        }),
      ),
    ).toEqual([]));
  test('a cheap rule on unlimited items is refused for their number', () => {
    const [error] = compileErrors(object({ l: list(withRules(text, "self.contains('a')")) }));
    expect(error).toContain('estimated rule cost exceeds budget');
  });
  test('a rule that costs too much when it runs ends validation', () => {
    const numbers = Array.from({ length: 2000 }, (_, i) => i);
    const schema = object({
      a: withRules(list(whole, { maxItems: 2000 }), 'self.all(x, self.all(y, y >= 0 || x >= 0))'),
    });
    const { validate } = compileSchemaRules(schema, path);
    expect(validate({ a: numbers }, undefined).errors.map(fieldErrorText)).toEqual([
      'a: Invalid value: "array": \'operation cancelled: actual cost limit exceeded\': no further validation rules will be run due to call cost exceeds limit for rule: self.all(x, self.all(y, y >= 0 || x >= 0))',
    ]);
  });
  test('rules that are each affordable run out of budget together', () => {
    const schema = object({
      a: list(withRules(list(whole, { maxItems: 50 }), 'self.all(x, self.all(y, y >= 0))'), { maxItems: 3000 }),
    });
    const { validate } = compileSchemaRules(schema, path);
    const errors = validate(
      { a: Array.from({ length: 3000 }, () => Array.from({ length: 50 }, () => 1)) },
      undefined,
    ).errors;
    expect(errors.map(fieldErrorText)).toEqual([
      expect.stringMatching(
        /validation failed due to running out of cost budget, no further validation rules will be run$/,
      ),
    ]);
  });
});
