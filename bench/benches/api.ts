// The API server by itself: durable creates, gets, lists, deletion of collections and memory, over HTTPS with the client on the same cores.
import type { Bench, Figure } from '../figure.ts';
import { median } from '../figure.ts';
import type { Address, Health } from '../support/api/answer.ts';
import { type Process, startProcess } from '../support/api/bundle.ts';
import { loadPod } from '../support/api/load-pod.ts';
import { beside, measurePeer } from '../support/api/peer.ts';
import { openRaw, rate, type RawConnection } from '../support/api/raw-client.ts';

const clients = 16;
const pods = 3000;
const rounds = 3;
const readMs = 2000;
const lists = 15;
const heldPods = Number(process.env['HELD_PODS'] ?? 100_000);

async function must(answer: Promise<{ status: number; start: Buffer }>, status: number): Promise<void> {
  const { status: got, start } = await answer;
  if (got !== status) throw new Error(`${got} instead of ${status}: ${start.toString('utf8', 0, 500)}`);
}

async function makeNamespace(connection: RawConnection, name: string): Promise<void> {
  await must(connection.send('POST', '/api/v1/namespaces', json({ metadata: { name } })), 201);
  // Pods need the account that a controller would make.
  const accounts = `/api/v1/namespaces/${name}/serviceaccounts`;
  await must(connection.send('POST', accounts, json({ metadata: { name: 'default' } })), 201);
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const create = (namespace: string) => (connection: RawConnection, n: number) =>
  must(
    connection.send(
      'POST',
      `/api/v1/namespaces/${namespace}/pods`,
      loadPod(`pod-${String(n).padStart(6, '0')}`, { part: String(n % 10) }),
    ),
    201,
  );

/** ms of each of some answers, in the middle, and their bytes. */
async function timed(connection: RawConnection, path: string): Promise<{ ms: number; bytes: number }> {
  const times: number[] = [];
  let bytes = 0;
  for (let i = 0; i < lists; i++) {
    const started = performance.now();
    ({ bytes } = await connection.send('GET', path));
    times.push(performance.now() - started);
  }
  return { ms: median(times), bytes };
}

interface Measured {
  creates: number;
  gets: number;
  list: { ms: number; bytes: number };
  byLabel: { ms: number; bytes: number };
  deleteMs: number;
  delays: Record<string, Health>;
  heldMb: number;
}

async function measure(server: Process, say: (line: string) => void): Promise<Measured> {
  const address = server.hello as Address;
  const connections = await Promise.all(Array.from({ length: clients }, () => openRaw(address)));
  const [first] = connections;
  if (first === undefined) throw new Error('no connection');
  const delays: Record<string, Health> = {};
  const note = async (what: string): Promise<void> => {
    delays[what] = await server.ask<Health>('health');
  };
  const creates: number[] = [];
  for (let i = 0; i < rounds; i++) await makeNamespace(first, `load-${i}`);
  await server.ask('health');
  for (let i = 0; i < rounds; i++) creates.push(await rate(connections, (n) => n < pods, create(`load-${i}`)));
  await note('creates');
  say(`creates: ${creates.map(Math.round).join(', ')}/s`);
  const one = '/api/v1/namespaces/load-0/pods/pod-000042';
  const gets: number[] = [];
  for (let i = 0; i < rounds; i++)
    gets.push(
      await rate(
        connections,
        (_, ms) => ms < readMs,
        (c) => must(c.send('GET', one), 200),
      ),
    );
  await note('gets');
  say(`gets: ${gets.map(Math.round).join(', ')}/s`);
  const list = await timed(first, '/api/v1/namespaces/load-0/pods');
  const byLabel = await timed(first, '/api/v1/namespaces/load-0/pods?labelSelector=part%3D3');
  await note('lists');
  say(`list: ${list.ms.toFixed(1)} ms for ${(list.bytes / 1e6).toFixed(1)} MB; by label: ${byLabel.ms.toFixed(1)} ms`);
  const deleted: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const started = performance.now();
    await must(first.send('DELETE', `/api/v1/namespaces/load-${i}/pods`), 200);
    deleted.push(performance.now() - started);
  }
  await note('deletecollection');
  say(`deletecollection: ${deleted.map(Math.round).join(', ')} ms`);
  say(`${heldPods} pods`);
  await rate(connections, (n) => n < heldPods, create('load-0'));
  const held = await server.ask<Health>('gc');
  for (const connection of connections) connection.close();
  for (const [what, { delayP99, delayMax, cpuMs }] of Object.entries(delays))
    say(
      `${what}: event-loop delay p99 ${delayP99.toFixed(1)} ms, at most ${delayMax.toFixed(1)} ms; ${cpuMs.toFixed(0)} ms of CPU`,
    );
  return {
    creates: median(creates),
    gets: median(gets),
    list,
    byLabel,
    deleteMs: median(deleted),
    delays,
    heldMb: held.rssMb,
  };
}

interface Limits {
  creates: number;
  gets: number;
  listMs: number;
  byLabelMs: number;
}

async function measureBare(bare: Process, sizes: { list: number; byLabel: number }): Promise<Limits> {
  const connections = await Promise.all(Array.from({ length: clients }, () => openRaw(bare.hello as Address)));
  const [first] = connections;
  if (first === undefined) throw new Error('no connection');
  const body = loadPod('pod');
  const creates = await rate(
    connections,
    (n) => n < pods,
    (c) => must(c.send('POST', '/', body), 201),
  );
  const gets = await rate(
    connections,
    (_, ms) => ms < readMs,
    (c) => must(c.send('GET', '/5000'), 200),
  );
  const list = await timed(first, `/${sizes.list}`);
  const byLabel = await timed(first, `/${sizes.byLabel}`);
  for (const connection of connections) connection.close();
  return { creates, gets, listMs: list.ms, byLabelMs: byLabel.ms };
}

export const bench: Bench = {
  name: 'api',
  about: `the API server over HTTPS: creates, gets, lists and deletion of ${pods} pods of 5 KB, and ${heldPods} held`,
  async run(say) {
    const server = await startProcess('peapod-server');
    const bare = await startProcess('bare-server');
    try {
      const found = await measure(server, say);
      const limits = await measureBare(bare, { list: found.list.bytes, byLabel: found.byLabel.bytes });
      await Promise.all([server.stop(), bare.stop()]);
      const peer = await measurePeer((process) => measure(process, (line) => say(`peer: ${line}`)));
      return [...figures(found, limits), ...(peer === undefined ? [] : besidePeer(found, peer))];
    } finally {
      await Promise.all([server.stop(), bare.stop()]);
    }
  },
};

const besidePeer = (found: Measured, peer: Measured): Figure[] => [
  beside('creates beside a peer', '/s', found.creates, peer.creates, true),
  beside('gets beside a peer', '/s', found.gets, peer.gets, true),
  beside('list beside a peer', 'ms', found.list.ms, peer.list.ms, false),
  beside('list by label beside a peer', 'ms', found.byLabel.ms, peer.byLabel.ms, false),
  beside('deletecollection beside a peer', 'ms', found.deleteMs, peer.deleteMs, false),
  beside(`memory with ${heldPods} pods beside a peer`, 'MB', found.heldMb, peer.heldMb, false),
];

function figures(found: Measured, limits: Limits): Figure[] {
  const bareHttps = 'bare HTTPS, same bytes';
  return [
    {
      figure: 'durable creates of 5 KB',
      value: found.creates,
      unit: '/s',
      limit: 'bare HTTPS over bare LMDB',
      limitValue: limits.creates,
      budget: { of: 'value', atLeast: 2500 },
    },
    {
      figure: 'gets',
      value: found.gets,
      unit: '/s',
      limit: bareHttps,
      limitValue: limits.gets,
      budget: { of: 'value', atLeast: 20_000 },
    },
    {
      figure: `list of ${pods} pods (${(found.list.bytes / 1e6).toFixed(0)} MB)`,
      value: found.list.ms,
      unit: 'ms',
      limit: bareHttps,
      limitValue: limits.listMs,
      budget: { of: 'value', atMost: 50 },
    },
    {
      figure: 'list of a tenth of them by label',
      value: found.byLabel.ms,
      unit: 'ms',
      limit: bareHttps,
      limitValue: limits.byLabelMs,
      budget: { of: 'value', atMost: 8 },
    },
    {
      figure: `deletecollection of ${pods}`,
      value: found.deleteMs,
      unit: 'ms',
      limit: 'as many durable creates',
      limitValue: (pods * 1000) / found.creates,
      budget: { of: 'value', atMost: 700 },
    },
    {
      figure: 'event-loop delay p99, at worst',
      value: Math.max(...Object.values(found.delays).map(({ delayP99 }) => delayP99)),
      unit: 'ms',
      limit: 'the aim',
      limitValue: 10,
      budget: { of: 'value', atMost: 10 },
    },
    {
      figure: `memory with ${heldPods} pods`,
      value: found.heldMb,
      unit: 'MB',
      limit: 'their bytes',
      limitValue: (heldPods * (found.list.bytes / pods)) / 1e6,
      budget: { of: 'value', atMost: 1200 },
    },
  ];
}
