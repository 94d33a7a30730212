import { PassThrough } from 'node:stream';
import type { ServerHttp2Stream } from 'node:http2';
import { expect, test } from 'vitest';
import { warningHeader } from './encode.ts';
import { http2Reply } from './reply.ts';

test('who asks after the end of a connection is told of it all the same', async () => {
  const stream = new PassThrough() as unknown as ServerHttp2Stream;
  const told: string[] = [];
  http2Reply(stream).onClose(() => told.push('before'));
  await new Promise<void>((resolve) => {
    stream.once('close', resolve);
    stream.destroy();
  });
  http2Reply(stream).onClose(() => told.push('after'));
  await Promise.resolve();
  expect(told).toEqual(['before', 'after']);
});

test('a warning holds nothing that a header may not', () => {
  expect(warningHeader('unknown field "a\u0000\u001b\u007f\r\nb"')).toBe('299 - "unknown field \\"a b\\""');
});
