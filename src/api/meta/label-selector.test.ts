import { describe, expect, it } from 'vitest';
import {
  labelSelectorText,
  matchesLabels,
  parseLabelSelector,
  selectorOf,
  everything,
  selectorFromLabels,
} from './label-selector.ts';

describe('parsing and printing', () => {
  it.each([
    ['', ''],
    ['a=b', 'a=b'],
    ['a==b', 'a==b'],
    ['a!=b', 'a!=b'],
    ['a', 'a'],
    ['!a', '!a'],
    ['b,a', 'a,b'],
    ['x in (foo,,baz),y,z notin ()', 'x in (,baz,foo),y,z notin ()'],
    [' a = b , c in ( x , y ) ', 'a=b,c in (x,y)'],
    ['a>1,b<2', 'a>1,b<2'],
    ['a=', 'a='],
    ['a in (in)', 'a in (in)'],
    ['in in (a)', 'in in (a)'],
    ['a in (,)', 'a in ()'],
  ])('%s', (text, printed) => {
    expect(labelSelectorText(parseLabelSelector(text))).toBe(printed);
  });

  it.each([
    ['a=b=c', "found '=', expected: ',' or 'end of string'"],
    [',a', "found ',', expected: !, identifier, or 'end of string'"],
    ['a,', "found '', expected: identifier after ','"],
    ['a in', "unable to parse requirement: found '' expected: '('"],
    ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    [
      'a>x',
      "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
    ['a=b!', "found '!', expected: ',' or 'end of string'"],
    [
      '$=a',
      `unable to parse requirement: <nil>: Invalid value: "$": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
    ],
  ])('%s does not parse', (text, message) => {
    expect(messageOf(() => parseLabelSelector(text))).toBe(message);
  });
});

describe('matching', () => {
  it.each([
    ['a=1', { a: '1' }, true],
    ['a=1', {}, false],
    ['a!=1', {}, true],
    ['a!=1', { a: '1' }, false],
    ['a notin (1,2)', { a: '3' }, true],
    ['a in (1,2)', { a: '2' }, true],
    ['a', { a: '' }, true],
    ['!a', { a: '' }, false],
    ['a>5', { a: '10' }, true],
    ['a>5', { a: 'x' }, false],
    ['a<5', { a: '-3' }, true],
    ['a=1,b', { a: '1' }, false],
    ['toString', {}, false],
  ])('%s on %j is %s', (text, labels: Record<string, string>, expected) => {
    expect(matchesLabels(parseLabelSelector(text), labels)).toBe(expected);
  });
  it('null selects nothing, {} everything', () => {
    expect(matchesLabels(selectorOf(undefined), {})).toBe(false);
    expect(matchesLabels(selectorOf({}), {})).toBe(true);
    expect(matchesLabels(everything, {})).toBe(true);
    expect(labelSelectorText(selectorFromLabels({ b: '2', a: '1' }))).toBe('a=1,b=2');
    const selector = selectorOf({
      matchLabels: { a: '1' },
      matchExpressions: [{ key: 'b', operator: 'NotIn', values: ['x'] }],
    });
    expect(labelSelectorText(selector)).toBe('a=1,b notin (x)');
    expect(() => selectorOf({ matchExpressions: [{ key: 'b', operator: 'Foo' }] })).toThrow(
      '"Foo" is not a valid label selector operator',
    );
  });
});

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return '';
}
