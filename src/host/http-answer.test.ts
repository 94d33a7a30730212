// Answers as servers send them, whole and in pieces.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAnswerReader, MalformedAnswer } from './http-answer.ts';

/** Pushes the pieces and the end; gives the answer, or the error's message. */
function read(pieces: readonly (string | Buffer)[], { max = 100, ended = true } = {}): object | string {
  const reader = createAnswerReader(max);
  try {
    for (const piece of pieces) if (reader.push(Buffer.from(piece as string))) return reader.answer();
    if (!ended) return 'more';
    reader.end();
    return reader.answer();
  } catch (error) {
    if (error instanceof MalformedAnswer) return error.message;
    throw error;
  }
}

const broken = 'net/http: HTTP/1.x transport connection broken: ';
const ok = { status: 200, location: undefined };

describe('an answer', () => {
  test.each<[string, string, object | string]>([
    ['of known length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokrest', { ...ok, body: 'ok' }],
    ['without a body', 'HTTP/1.1 204 No Content\r\n\r\n', { ...ok, status: 204, body: '' }],
    ['without a reason', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', { ...ok, body: '' }],
    ['with bare line feeds', 'HTTP/1.0 200 OK\nContent-Length: 1\n\nx', { ...ok, body: 'x' }],
    [
      'in chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\nA\r\n0123456789\r\n0\r\n\r\n',
      { ...ok, body: 'ok0123456789' },
    ],
    [
      'that leads elsewhere',
      'HTTP/1.1 302 Found\r\nlocation: /x \r\nContent-Length: 0\r\n\r\n',
      { status: 302, location: '/x', body: '' },
    ],
    [
      'after one that says to wait',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n',
      { ...ok, status: 503, body: '' },
    ],
    ['that is none', 'SSH-2.0-OpenSSH_9.2\r\n', `${broken}malformed HTTP response "SSH-2.0-OpenSSH_9.2"`],
    ['with a status that is none', 'HTTP/1.1 OK\r\n', `${broken}malformed HTTP status code "OK"`],
    ['with a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', `${broken}bad Content-Length "-1"`],
    [
      'with a chunk that is none',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
      `${broken}invalid byte in chunk length`,
    ],
  ])('%s', (_, text, expected) => {
    expect(read([text], { ended: false })).toEqual(expected);
    expect(read(text.split(''), { ended: false })).toEqual(expected);
  });

  test.each<[string, string[], object | string]>([
    ['until the connection ends', ['HTTP/1.1 200 OK\r\n\r\na', 'b'], { ...ok, body: 'ab' }],
    ['that never came', [], 'EOF'],
    ['in TLS', ['\x15\x03\x01\x00\x02'], `${broken}malformed HTTP response "\\x15\\x03\\x01\\x00\\x02"`],
    ['that breaks off in its head', ['HTTP/1.1 200 OK\r\nConte'], `${broken}unexpected EOF`],
    ['that breaks off in its body', ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx'], 'unexpected EOF'],
    [
      'that breaks off between chunks',
      ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n'],
      'unexpected EOF',
    ],
  ])('%s', (_, pieces, expected) => expect(read(pieces)).toEqual(expected));

  test('is read no further than is wanted', () => {
    expect(read(['HTTP/1.1 200 OK\r\n\r\n', 'x'.repeat(70), 'y'.repeat(70), 'z'])).toEqual({
      ...ok,
      body: 'x'.repeat(70) + 'y'.repeat(30),
    });
    expect(read(['HTTP/1.1 200 OK\r\nX: ', ...Array.from({ length: 20 }, () => 'x'.repeat(60_000))])).toBe(
      'net/http: server response headers exceeded 1048576 bytes; aborted',
    );
  });

  test('is the same in whatever pieces it comes', () => {
    const text = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n';
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 })), (sizes) => {
        const pieces: string[] = [];
        let rest = text;
        for (const size of sizes) {
          pieces.push(rest.slice(0, size));
          rest = rest.slice(size);
        }
        expect(read([...pieces.filter((p) => p !== ''), rest].filter((p) => p !== ''))).toEqual({
          ...ok,
          body: 'hello world',
        });
      }),
    );
  });
});
