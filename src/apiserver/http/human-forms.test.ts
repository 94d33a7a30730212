// What YAML answers look like: as Go writes them.
import { expect, test } from 'vitest';
import { indented, toYaml } from './human-forms.ts';

test('keys stand in order, lists are not indented, and words that would be no text are in double quotes', () => {
  const object = {
    list: ['a', { b: 1, a: ['x'] }],
    empty: '',
    word: 'true',
    number: '0x1',
    time: '2026-01-01T00:00:00Z',
    base60: '10:20',
    old: 'yes',
    star: '*',
    dash: '-',
    pair: 'a: b',
    lines: 'x\ny\n',
    'k:{"k":"b"}': {},
  };
  expect(toYaml(JSON.stringify(object))).toBe(`base60: "10:20"
dash: '-'
empty: ""
k:{"k":"b"}: {}
lines: |
  x
  y
list:
- a
- a:
  - x
  b: 1
number: "0x1"
old: "yes"
pair: 'a: b'
star: '*'
time: "2026-01-01T00:00:00Z"
word: "true"
`);
});

test('JSON is indented by two spaces, with nothing behind it', () => {
  expect(indented('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}');
});
