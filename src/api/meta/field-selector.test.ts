import { expect, it } from 'vitest';
import { fieldSelectorText, matchesFields, parseFieldSelector, requiredValue } from './field-selector.ts';

it.each([
  ['a=b', { a: 'b' }, true],
  ['a==b', { a: 'c' }, false],
  ['a!=b', {}, true],
  ['a=', {}, true],
  ['a=x\\,y', { a: 'x,y' }, true],
  ['', {}, true],
  ['a=1,b!=2', { a: '1', b: '2' }, false],
])('%s on %j', (text, fields: Record<string, string>, expected) => {
  const selector = parseFieldSelector(text);
  expect(matchesFields(selector, fields)).toBe(expected);
  expect(parseFieldSelector(fieldSelectorText(selector))).toEqual(selector);
});

it('finds the value that a field must have', () => {
  expect(requiredValue(parseFieldSelector('x!=1,metadata.name=n'), 'metadata.name')).toBe('n');
});

it.each([
  ['foo', "invalid selector: 'foo'; can't understand 'foo'"],
  ['a=b=c', 'invalid field selector: unescaped character in value: 61'],
  ['a=\\x', 'invalid field selector: invalid escape sequence: \\x'],
])('%s does not parse', (text, message) => {
  expect(messageOf(() => parseFieldSelector(text))).toBe(message);
});

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return '';
}
