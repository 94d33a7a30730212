import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { forbidden } from '../../api/meta/errors.ts';
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

// What admission warns of goes with a refusal of this server, and with no answer that comes from a kubelet: nor does it in Kubernetes.
test.each([
  ['HTTP/1.1 101 Switching Protocols', 'GET /exec/x HTTP/1.1\r\nHost: h:1\r\n\r\nheadmore'],
  ['HTTP/1.1 403 Forbidden', 'GET /exec/x HTTP/1.1\r\nHost: h:1\r\n\r\n'],
])('after %s the kubelet has got what is meant for it, and the client just that', async (status, expected) => {
  const client = connection(false);
  const kubelet = connection(false);
  const user = { name: 'admin', groups: [] };
  const handler = upgradeHandler({
    locate(_method, _path, _query, _user, warnings) {
      warnings.push('somebody looks on');
      return Promise.resolve({ kubelet: { node: 'n', host: 'h', port: 1 }, path: '/exec/x', command: undefined });
    },
    identify: () => Promise.resolve(user),
    connector: {
      request: () => Promise.reject(new Error('not asked')),
      connect: () => Promise.resolve(kubelet.duplex as Socket),
    },
    logger: silentLogger,
  });
  const request = new IncomingMessage(new Socket());
  request.method = 'GET';
  request.url = '/api/v1/namespaces/default/pods/p/exec';
  handler(request, client.duplex, Buffer.from('head'), { user, proxyName: undefined });
  client.duplex.push('more');
  const answer = `${status}\r\n\r\n`;
  // In two pieces, as a network may bring it.
  kubelet.duplex.push(answer.slice(0, 5));
  kubelet.duplex.push(answer.slice(5));
  await expect.poll(client.got).toBe(answer);
  const bothClosed = Promise.all([closed(client.duplex), closed(kubelet.duplex)]);
  client.duplex.push(null);
  client.duplex.once('end', () => client.duplex.destroy());
  await bothClosed;
  expect(kubelet.got()).toBe(expected);
});

test('what this server refuses itself comes with its warnings', async () => {
  const client = connection(false);
  const user = { name: 'admin', groups: [] };
  const handler = upgradeHandler({
    locate(_method, _path, _query, _user, warnings) {
      warnings.push('somebody looks on');
      return Promise.reject(forbidden({ group: '', resource: 'pods' }, 'p', 'no'));
    },
    identify: () => Promise.resolve(user),
    connector: {
      request: () => Promise.reject(new Error('not asked')),
      connect: () => Promise.reject(new Error('no')),
    },
    logger: silentLogger,
  });
  const request = new IncomingMessage(new Socket());
  request.url = '/api/v1/namespaces/default/pods/p/exec';
  handler(request, client.duplex, Buffer.alloc(0), { user, proxyName: undefined });
  await expect.poll(client.got).toContain('Warning: 299 - "somebody looks on"');
  expect(client.got()).toMatch(/^HTTP\/1.1 403 /);
});

// A runtime that closes before it has read all that was sent to it resets its connection: that is an error here, and no less an end.
test.each([
  ['the kubelet', 'closed', true, undefined],
  ['the client', 'closed', false, undefined],
  ['the kubelet', 'reset its connection', true, new Error('read ECONNRESET')],
])('what %s said last arrives, though it has %s already', async (_who, _how, kubeletCloses, error) => {
  const client = connection(true);
  const kubelet = connection(true);
  const user = { name: 'admin', groups: [] };
  const handler = upgradeHandler({
    locate: () => Promise.resolve({ kubelet: { node: 'n', host: 'h', port: 1 }, path: '/exec/x', command: undefined }),
    identify: () => Promise.resolve(user),
    connector: {
      request: () => Promise.reject(new Error('not asked')),
      connect: () => Promise.resolve(kubelet.duplex as Socket),
    },
    logger: silentLogger,
  });
  const request = new IncomingMessage(new Socket());
  request.method = 'GET';
  request.url = '/api/v1/namespaces/default/pods/p/exec';
  handler(request, client.duplex, Buffer.alloc(0), { user, proxyName: undefined });
  const [from, to] = kubeletCloses ? [kubelet, client] : [client, kubelet];
  const bothClosed = Promise.all([closed(from.duplex), closed(to.duplex)]);
  kubelet.duplex.push('HTTP/1.1 101 Switching Protocols\r\n\r\n');
  for (const part of ['first ', 'second ', 'last']) from.duplex.push(part);
  if (error === undefined) from.duplex.push(null);
  else from.duplex.on('data', (chunk: Buffer) => chunk.toString().endsWith('last') && from.duplex.destroy(error));
  from.duplex.once('end', () => from.duplex.destroy());
  await bothClosed;
  expect(to.got()).toMatch(/first second last$/);
});
