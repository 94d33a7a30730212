import { expect, it } from 'vitest';
import { envFileValue } from './env-file.ts';

const file = `
# settings
  PLAIN='one'
QUOTES='say "hi" $HOME \\n' # comment
MULTI='first

# not a comment
last'
SPACED= 'lost'
EMPTY=''
PLAIN='never reached'
`;

it.each([
  ['PLAIN', 'one'],
  ['QUOTES', 'say "hi" $HOME \\n'],
  ['MULTI', 'first\n\n# not a comment\nlast'],
  ['SPACED', ''],
  ['EMPTY', ''],
  ['NONE', ''],
])('%s is %j', (key, value) => expect(envFileValue(file, key)).toBe(value));

it.each([
  ['novalue', "at line 1: missing '='"],
  ["='x'", 'at line 1: empty variable name'],
  ["A ='x'", "at line 1: whitespace before '=' is not allowed"],
  ['\nA=x', 'at line 2: value must be enclosed in single quotes'],
  ['A=', 'at line 1: value must be enclosed in single quotes'],
  ["A='x' y", 'at line 1: unexpected content after closing quote'],
  ["A='x\n\n", 'starting at line 1: unclosed single quote'],
])('refuses %j', (content, message) => {
  expect(() => envFileValue(content, 'K')).toThrow(`invalid environment variable format ${message}`);
});

it('does not look beyond the key', () => expect(envFileValue("A='x'\nbroken", 'A')).toBe('x'));
