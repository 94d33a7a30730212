import { describe, expect, it } from 'vitest';
import { expand, expandStrictly } from './expansion.ts';

const values = new Map([
  ['A', 'alpha'],
  ['B', 'beta'],
  ['EMPTY', ''],
  ['NESTED', '$(A)'],
]);

describe('expand', () => {
  const table: [string, string][] = [
    ['plain', 'plain'],
    ['$(A)', 'alpha'],
    ['x$(A)y$(B)z', 'xalphaybetaz'],
    ['$(A)$(A)', 'alphaalpha'],
    ['$(MISSING)', '$(MISSING)'],
    ['$(EMPTY)|', '|'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$alpha'],
    ['$$$$(A)', '$$(A)'],
    ['$A ${A}', '$A ${A}'],
    ['$(A', '$(A'],
    ['$(A $(B)', '$(A $(B)'],
    ['end$', 'end$'],
    ['$', '$'],
    ['$$', '$'],
    ['$()', '$()'],
    ['$(NESTED)', '$(A)'],
    ['a)$(B))', 'a)beta)'],
    ['', ''],
  ];
  it.each(table)('%s → %s', (text, expected) => {
    expect(expand(text, (name) => values.get(name))).toBe(expected);
  });
});

describe('expandStrictly', () => {
  it('expands what is known', () => expect(expandStrictly('logs/$(A)/$$x', values)).toBe('logs/alpha/$x'));
  it('names what is missing or empty, sorted', () => {
    expect(() => expandStrictly('$(Z)/$(EMPTY)/$(A)', values)).toThrow('missing value for EMPTY, Z');
  });
});
