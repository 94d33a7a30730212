// A command over WebSocket v5, with a runtime that speaks SPDY played by the test.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { dataFrames } from './spdy-frames.ts';
import { closableProtocol, remoteCommand, type RemoteCommandOptions } from './remote-command.ts';
import { acceptWebSocket } from './web-socket.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Session {
  client: WebSocket;
  /** What the client got on a channel. */
  got(channel: number): string;
  /** The last thing on the error channel. */
  status(): unknown;
  closed: Promise<void>;
  /** The runtime's side of the connection, whose request was read. */
  runtime: Duplex;
  request: string;
  /** Frames that the runtime got since, as stream ids with text; `!` is the end of a stream. */
  said(): string[];
}

const all: RemoteCommandOptions = { stdin: true, stdout: true, stderr: true, tty: false };

async function open(options: RemoteCommandOptions, answer: string): Promise<Session> {
  const [near, runtime] = duplexPair();
  const server: Server = createServer();
  server.on('upgrade', (request, socket, head) => {
    void acceptWebSocket(request, socket, head, closableProtocol).then((webSocket) =>
      remoteCommand(webSocket, socket, { connect: async () => near, host: 'h:1', path: '/exec/x?input=1' }, options),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, [closableProtocol]);
  closers.push(() => {
    client.terminate();
    server.close();
    runtime.destroy();
  });
  const messages: Buffer[] = [];
  client.on('message', (data: Buffer) => messages.push(data));
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
  const opened = new Promise<void>((resolve) => client.once('open', () => resolve()));
  const request = await new Promise<string>((resolve) =>
    runtime.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1'))),
  );
  const said: string[] = [];
  let unread = Buffer.alloc(0);
  runtime.on('data', (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    for (;;) {
      const length = unread.length < 8 ? 0 : 8 + unread.readUIntBE(5, 3);
      if (length === 0 || unread.length < length) return;
      const content = unread.toString('latin1', 8, length);
      if (unread[0]! >= 0x80) said.push(`open ${content.replace(/^.*streamtype\0\0\0.|[^a-z]*$/gs, '')}`);
      else said.push(`${unread.readUInt32BE(0)} ${content}${unread[4] === 1 ? '!' : ''}`);
      unread = unread.subarray(length);
    }
  });
  // The request may be here before the client has heard that it may speak.
  await opened;
  runtime.write(answer);
  const on = (channel: number): string =>
    Buffer.concat(messages.filter((m) => m[0] === channel).map((m) => m.subarray(1))).toString();
  return {
    client,
    got: on,
    status: () => JSON.parse(on(3)) as unknown,
    closed,
    runtime,
    request,
    said: () => said,
  };
}

const switched = (protocol = 'v4.channel.k8s.io'): string =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`;

/** The runtime says something on one of its streams. */
const say = ({ runtime }: Session, stream: number, text: string, fin = false): void => {
  for (const part of dataFrames(stream, Buffer.from(text), fin)) runtime.write(part);
};

test('each channel is a stream of the runtime, and its end is the exit', async () => {
  const session = await open(all, switched());
  expect(session.request).toMatch(/^POST \/exec\/x\?input=1 HTTP\/1.1\r\nHost: h:1\r\n/);
  expect(session.request).toContain('X-Stream-Protocol-Version: v4.channel.k8s.io\r\n');
  await expect.poll(session.said).toEqual(['open error', 'open stdin', 'open stdout', 'open stderr']);
  session.client.send(Buffer.from('\0hello'));
  session.client.send(Buffer.from([255, 0]));
  session.client.send(Buffer.from('\0too late'));
  await expect.poll(session.said).toEqual(['open error', 'open stdin', 'open stdout', 'open stderr', '3 hello', '3 !']);
  say(session, 5, 'out', true);
  say(session, 7, 'err', true);
  say(session, 1, '', true);
  await session.closed;
  expect([session.got(1), session.got(2)]).toEqual(['out', 'err']);
  expect(session.status()).toEqual({ metadata: {}, status: 'Success' });
});

test('a terminal has one output, and sizes', async () => {
  const session = await open({ ...all, tty: true }, switched());
  await expect.poll(session.said).toEqual(['open error', 'open stdin', 'open stdout', 'open resize']);
  session.client.send(Buffer.from('\x04{"Width":80,"Height":24}'));
  await expect.poll(session.said).toContain('7 {"Width":80,"Height":24}');
});

test('an exit code, though output comes behind it', async () => {
  const session = await open(all, switched());
  const status = {
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: 'command terminated with non-zero exit code: exit status 7',
    details: { causes: [{ reason: 'ExitCode', message: '7' }] },
  };
  say(session, 1, JSON.stringify(status), true);
  say(session, 7, '', true);
  say(session, 5, 'last words', true);
  await session.closed;
  expect(session.got(1)).toBe('last words');
  expect(session.status()).toEqual({
    metadata: {},
    ...status,
    message: 'command terminated with non-zero exit code: command terminated with exit code 7',
  });
});

test.each<[string, string, RegExp]>([
  [
    'a refusal in plain text',
    'HTTP/1.1 404 Not Found\r\nContent-Length: 22\r\n\r\ncontainer not found (x',
    /^Internal error occurred: unable to upgrade connection: container not found \(x$/,
  ],
  [
    'a refusal with a Status',
    `HTTP/1.1 403 Forbidden\r\n\r\n{"kind":"Status","status":"Failure","message":"no","reason":"Forbidden","code":403}`,
    /^no$/,
  ],
  [
    'a redirect, which is not followed',
    'HTTP/1.1 302 Found\r\nLocation: http://evil/\r\nContent-Length: 0\r\n\r\n',
    /unable to upgrade/,
  ],
  ['another protocol', switched('channel.k8s.io'), /the runtime answered with protocol "channel.k8s.io"/],
])('%s is told on the error channel', async (_name, answer, message) => {
  const session = await open(all, answer);
  session.runtime.end();
  await session.closed;
  expect(session.status()).toMatchObject({ status: 'Failure', message: expect.stringMatching(message) as string });
});

test.each<[string, (session: Session) => void, RegExp]>([
  ['a runtime that goes', ({ runtime }) => void runtime.end(), /unexpected EOF/],
  ['nonsense', ({ runtime }) => void runtime.end('HTTP/1.1 never mind, no SPDY'), /./],
  [
    'a broken status',
    (session) => [1, 5, 7].forEach((id) => say(session, id, '{', true)),
    /error stream protocol error/,
  ],
  [
    'a command that cannot be run',
    (session) => {
      say(session, 1, '{"status":"Failure","message":"no such file"}', true);
      [5, 7].forEach((id) => say(session, id, '', true));
    },
    /^Internal error occurred: no such file$/,
  ],
])('%s is a failure, never a success', async (_what, act, message) => {
  const session = await open(all, switched());
  await expect.poll(session.said).toHaveLength(4);
  act(session);
  await session.closed;
  expect(session.status()).toMatchObject({ status: 'Failure', message: expect.stringMatching(message) as string });
});

test('a client that goes takes the connection to the runtime with it', async () => {
  const session = await open(all, switched());
  await expect.poll(session.said).toHaveLength(4);
  const gone = new Promise<void>((resolve) => session.runtime.once('close', () => resolve()));
  session.runtime.once('end', () => session.runtime.destroy());
  session.client.terminate();
  await gone;
});
