import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { silentLogger } from '../../lib/logger.ts';
import { upgradeHandler } from './upgrade.ts';

/** A connection whose other side is the test: `got` is what was written to it, `slowly` when each write takes its time. */
function connection(slowly: boolean): { duplex: Duplex; got(): string } {
  let got = '';
  const duplex = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      const take = (): void => {
        got += chunk.toString();
        done();
      };
      if (slowly) setTimeout(take, 20);
      else take();
    },
  });
  return { duplex, got: () => got };
}

const closed = (stream: Duplex): Promise<void> => new Promise((resolve) => stream.once('close', () => resolve()));

test.each([
  ['the kubelet', true],
  ['the client', false],
])('what %s said last arrives, though it has closed already', async (_who, kubeletCloses) => {
  const client = connection(true);
  const kubelet = connection(true);
  const user = { name: 'admin', groups: [] };
  const handler = upgradeHandler({
    locate: () => Promise.resolve({ kubelet: { node: 'n', host: 'h', port: 1 }, path: '/exec/x' }),
    tokenUser: () => Promise.resolve(user),
    actingUser: () => user,
    connector: {
      request: () => Promise.reject(new Error('not asked')),
      connect: () => Promise.resolve(kubelet.duplex as Socket),
    },
    logger: silentLogger,
  });
  const request = new IncomingMessage(new Socket());
  request.method = 'GET';
  request.url = '/api/v1/namespaces/default/pods/p/exec';
  handler(request, client.duplex, Buffer.alloc(0), user);
  const [from, to] = kubeletCloses ? [kubelet, client] : [client, kubelet];
  const bothClosed = Promise.all([closed(from.duplex), closed(to.duplex)]);
  for (const part of ['first ', 'second ', 'last']) from.duplex.push(part);
  from.duplex.push(null);
  from.duplex.once('end', () => from.duplex.destroy());
  await bothClosed;
  expect(to.got()).toMatch(/first second last$/);
});
