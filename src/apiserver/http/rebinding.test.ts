// Names whose DNS answer changes between the check and the use: a connection goes only to an address that was checked.
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ensurePki } from '../../host/pki.ts';
import { realClock } from '../../host/real-clock.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import type { ResolveName } from './checked-lookup.ts';
import { extensionClient } from './extension-client.ts';
import { webhookCaller } from './webhook-client.ts';

const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
const name = 'rebound.example.com';
/** Where the name may lead, and where it must not. */
const [good, bad] = ['127.0.0.2', '127.0.0.3'];
const allowed = (address: string): boolean => address === good;

/** Connections to each address. */
let connections: Record<string, number>;
const servers: Server[] = [];
let port: number;

async function serve(host: string, at: number): Promise<number> {
  const serving = await pki.issueServingCert({ commonName: name, hosts: [name] });
  const server = createServer(serving, (_request, answer) => answer.end('{}'));
  server.on('connection', () => {
    connections[host] = (connections[host] ?? 0) + 1;
  });
  servers.push(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at, host, resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Both on the same port: nothing but the address tells them apart. */
async function serveBoth(attempts = 20): Promise<number> {
  const free = await serve(good, 0);
  try {
    return await serve(bad, free);
  } catch (error) {
    if (attempts === 0) throw error;
    return serveBoth(attempts - 1);
  }
}

beforeAll(async () => {
  port = await serveBoth();
});
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});
beforeEach(() => {
  connections = {};
});

/** A name server whose answers come one after another; the last stays. */
function nameServer(...answers: string[][]) {
  const asked: string[] = [];
  const resolve: ResolveName = (hostname, _, done) => {
    asked.push(hostname);
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? [];
    setImmediate(() =>
      done(
        null,
        answer.map((address) => ({ address, family: 4 })),
      ),
    );
  };
  return { asked, resolve };
}

const { signal } = new AbortController();

/** Ways of the API server to somebody whom a name names. */
const ways: Record<string, (resolve: ResolveName) => () => Promise<unknown>> = {
  'a webhook': (resolve) => {
    const call = webhookCaller(allowed, resolve);
    return async () => {
      const { status } = await call({
        url: `https://${name}:${port}/hook`,
        connectTo: undefined,
        ca: pki.ca,
        body: Buffer.from('{}'),
        signal,
      });
      return status;
    };
  },
  'an extension server': (resolve) => {
    const { request } = extensionClient(undefined, allowed, resolve);
    return async () => {
      const target = { host: name, port, serverName: name, ca: pki.ca, insecure: false };
      const answer = await request(target, { method: 'GET', path: '/apis', headers: {}, signal });
      for await (const _ of answer.body);
      return answer.status;
    };
  },
  'an upgrade by an extension server': (resolve) => {
    const { connect } = extensionClient(undefined, allowed, resolve);
    return async () => {
      const socket = await connect({ host: name, port, serverName: name, ca: pki.ca, insecure: false });
      socket.destroy();
      return 200;
    };
  },
};

describe.each(Object.entries(ways))('%s', (what, way) => {
  test('is where the name led when it was checked, whatever it leads to next', async () => {
    const { asked, resolve } = nameServer([good], [bad]);
    expect(await way(resolve)()).toBe(200);
    expect(connections).toEqual({ [good]: 1 });
    // The name is asked for once: there is no second answer to fall for.
    expect(asked).toEqual([name]);
  });

  test('is not reached where the name leads elsewhere by now', async () => {
    const { resolve } = nameServer([bad], [good]);
    await expect(way(resolve)()).rejects.toThrow('address not allowed');
    expect(connections).toEqual({});
  });

  test('is reached by those addresses only that it may have', async () => {
    const { resolve } = nameServer([bad, good]);
    expect(await way(resolve)()).toBe(200);
    expect(connections).toEqual({ [good]: 1 });
  });

  test('stays where it is for as long as its connection is kept, and is checked anew for the next', async () => {
    const { asked, resolve } = nameServer([good], [bad]);
    const call = way(resolve);
    expect(await call()).toBe(200);
    const second = call();
    if (what.startsWith('an upgrade')) {
      await expect(second).rejects.toThrow('address not allowed');
      expect(asked).toHaveLength(2);
    } else {
      expect(await second).toBe(200);
      expect(asked).toHaveLength(1);
    }
    expect(connections).toEqual({ [good]: 1 });
    for (const server of servers) server.closeAllConnections();
    await new Promise((resolve) => setImmediate(resolve));
    // A connection that just broke may still be tried.
    await expect(call()).rejects.toThrow();
    await expect(call()).rejects.toThrow('address not allowed');
    expect(connections[bad]).toBeUndefined();
  });
});
