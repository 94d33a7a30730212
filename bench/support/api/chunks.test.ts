import { expect, test } from 'vitest';
import { chunkedBody } from './chunks.ts';

test('a body is counted and ends the same, however it is cut', () => {
  const body = Buffer.from('5\r\nhello\r\n10;ext=1\r\n0123456789abcdef\r\n0\r\n\r\n');
  for (let cut = 1; cut < body.length; cut++) {
    const take = chunkedBody();
    const pieces: Buffer[] = [];
    for (let at = 0; at < body.length; at += cut) pieces.push(body.subarray(at, at + cut));
    const taken = pieces.map(take);
    expect(taken.reduce((sum, { content }) => sum + content, 0)).toBe(21);
    expect(taken.map(({ ended }) => ended)).toEqual(pieces.map((_, i) => i === pieces.length - 1));
  }
});
