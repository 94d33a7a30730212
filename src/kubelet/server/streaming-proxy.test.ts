import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { join } from './streaming-proxy.ts';

test('what the runtime said before it reset the connection reaches a slow client', async () => {
  let got = '';
  const client = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      setTimeout(() => {
        got += chunk.toString();
        done();
      }, 10);
    },
  });
  const runtime = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const joined = join(client, runtime);
  for (const part of ['first ', 'second ', 'last']) runtime.push(part);
  runtime.on('data', (chunk: Buffer) => chunk.toString() === 'last' && runtime.destroy(new Error('read ECONNRESET')));
  await joined;
  expect(got).toBe('first second last');
  expect([client.destroyed, runtime.destroyed]).toEqual([true, true]);
});
