import { expect, it } from 'vitest';
import { patchedText } from './patched-text.ts';

const patched = { kind: 'Pod', a: { z: 1, b: { y: 1, x: 2 }, c: [{ q: 1, p: 2 }] }, n: { m: '<', l: 1 } };

it.each([
  ['merge', {}, '{"a":{"z":1,"b":{"y":1,"x":2},"c":[{"q":1,"p":2}]},"kind":"Pod","n":{"m":"\\u003c","l":1}}'],
  [
    'merge',
    { a: { z: 1 } },
    '{"a":{"b":{"y":1,"x":2},"c":[{"q":1,"p":2}],"z":1},"kind":"Pod","n":{"m":"\\u003c","l":1}}',
  ],
  [
    'json',
    [{ op: 'add', path: '/a/b/x', value: 2 }],
    '{"a":{"b":{"x":2,"y":1},"c":[{"q":1,"p":2}],"z":1},"kind":"Pod","n":{"m":"\\u003c","l":1}}',
  ],
  [
    'json',
    [{ op: 'copy', from: '/n/l', path: '/a/c/0/q' }, 'odd', { op: 'test', path: 1 }],
    '{"a":{"b":{"y":1,"x":2},"c":[{"p":2,"q":1}],"z":1},"kind":"Pod","n":{"l":1,"m":"\\u003c"}}',
  ],
  ['json', 'no list', '{"a":{"z":1,"b":{"y":1,"x":2},"c":[{"q":1,"p":2}]},"kind":"Pod","n":{"m":"\\u003c","l":1}}'],
] as const)('only what a %s patch of %j names is sorted', (type, patch, text) => {
  expect(patchedText(type, patch, patched)).toBe(text);
});
