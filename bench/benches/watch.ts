// Watches: how fast changes reach a hundred watchers beside a bare TLS writer of the same bytes, and how late the last of them.
import type { TLSSocket } from 'node:tls';
import { type Bench, type Figure, median } from '../figure.ts';
import type { Address, Health } from '../support/api/answer.ts';
import { type Process, startProcess } from '../support/api/bundle.ts';
import { loadPod } from '../support/api/load-pod.ts';
import { beside, measurePeer } from '../support/api/peer.ts';
import { openRaw, openTls, type RawConnection } from '../support/api/raw-client.ts';

const watchers = 100;
const patches = 500;
const rounds = 5;
/** Patches under way at once: as fast as they can be made, and no more than a few writers do. */
const writers = 8;
const pods = '/api/v1/namespaces/default/pods';

/** Counts the bytes that come to some sockets, all together. */
interface Counter {
  bytes: number;
  /** Resolves once that many bytes have come since the counter was made. */
  reached(bytes: number): Promise<void>;
}

function count(sockets: readonly TLSSocket[]): Counter {
  let wanted = Number.POSITIVE_INFINITY;
  let wake: () => void = () => {};
  const counter: Counter = {
    bytes: 0,
    reached: (bytes) =>
      new Promise((resolve) => {
        wanted = bytes;
        wake = resolve;
        if (counter.bytes >= bytes) resolve();
      }),
  };
  for (const socket of sockets)
    socket.on('data', (chunk: Buffer) => {
      counter.bytes += chunk.length;
      if (counter.bytes >= wanted) wake();
    });
  return counter;
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

async function must(answer: ReturnType<RawConnection['send']>, status: number): Promise<void> {
  const { status: got, start } = await answer;
  if (got !== status) throw new Error(`${got} instead of ${status}: ${start.toString('utf8', 0, 500)}`);
}

/** One round of patches: how long until every watcher has all of them, and how late each was at one watcher. */
interface Round {
  ms: number;
  bytes: number;
  lateMs: number[];
}

const mark = Buffer.from('"sent":"');

/** Notes how long after it was sent each patch shows at a watcher. */
function lateness(socket: TLSSocket): { lateMs: number[]; stop(): void } {
  const lateMs: number[] = [];
  let rest = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    const now = performance.now();
    const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (;;) {
      const found = all.indexOf(mark, at);
      const end = found < 0 ? -1 : all.indexOf('"', found + mark.length);
      if (end < 0) {
        // What may be the start of a mark is kept for the next chunk.
        rest = Buffer.from(all.subarray(found < 0 ? Math.max(at, all.length - mark.length) : found));
        return;
      }
      lateMs.push(now - Number(all.toString('latin1', found + mark.length, end)));
      at = end;
    }
  };
  socket.on('data', onData);
  return { lateMs, stop: () => void socket.off('data', onData) };
}

/** Every change carries the time when it was sent. The annotation is the last thing a frame's metadata tells of itself. */
const patch = (): Buffer => json({ metadata: { annotations: { sent: String(performance.now()) } } });

async function fanOut(connections: readonly RawConnection[], sockets: readonly TLSSocket[]): Promise<Round> {
  const [probe] = sockets;
  if (probe === undefined) throw new Error('no watcher');
  const counter = count(sockets);
  const single = count([probe]);
  const late = lateness(probe);
  const started = performance.now();
  let begun = 0;
  await Promise.all(
    connections.map(async (connection, i) => {
      while (begun++ < patches)
        await must(connection.send('PATCH', `${pods}/pod-${i}`, patch(), 'application/merge-patch+json'), 200);
    }),
  );
  // One watcher has all once it has shown every patch; the others get the same events, in chunks of their own (a few bytes each).
  while (late.lateMs.length < patches) await new Promise((resolve) => setTimeout(resolve, 1));
  await counter.reached(0.995 * single.bytes * sockets.length);
  const ms = performance.now() - started;
  late.stop();
  for (const socket of sockets) socket.removeAllListeners('data').resume();
  return { ms, bytes: counter.bytes, lateMs: late.lateMs };
}

async function openWatch(address: Address): Promise<TLSSocket> {
  const socket = await openTls(address);
  const begun = new Promise((resolve) => socket.once('data', resolve));
  // From the newest version on, so that nothing but the changes comes.
  const query = 'watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan';
  socket.write(`GET ${pods}?${query} HTTP/1.1\r\nhost: x\r\n\r\n`);
  await begun;
  return socket;
}

async function measure(server: Process, say: (line: string) => void): Promise<{ rounds: Round[]; health: Health }> {
  const address = server.hello as Address;
  const connections = await Promise.all(Array.from({ length: writers }, () => openRaw(address)));
  const [first] = connections;
  if (first === undefined) throw new Error('no connection');
  // A controller would have made it; Peapod's namespace may have it already.
  await first.send('POST', '/api/v1/namespaces/default/serviceaccounts', json({ metadata: { name: 'default' } }));
  for (let i = 0; i < writers; i++) await must(first.send('POST', pods, loadPod(`pod-${i}`)), 201);
  const sockets = await Promise.all(Array.from({ length: watchers }, () => openWatch(address)));
  // Once unmeasured, for the compiler.
  await fanOut(connections, sockets);
  await server.ask('health');
  const done: Round[] = [];
  for (let i = 0; i < rounds; i++) {
    const round = await fanOut(connections, sockets);
    done.push(round);
    say(`${round.ms.toFixed(0)} ms for ${(round.bytes / 1e6).toFixed(0)} MB; p99 ${p99(round.lateMs).toFixed(1)} ms`);
  }
  const health = await server.ask<Health>('health');
  say(`${(health.cpuMs / rounds).toFixed(0)} ms of CPU a round`);
  for (const socket of sockets) socket.destroy();
  for (const connection of connections) connection.close();
  return { rounds: done, health };
}

/** Events a second of a writer that has nothing to do but to write them. */
async function measureBare(frameBytes: number, say: (line: string) => void): Promise<number> {
  const bare = await startProcess('bare-server', { FRAME_BYTES: String(frameBytes), FRAMES: String(patches) });
  try {
    const port = await bare.ask<number>('writerPort');
    const sockets = await Promise.all(Array.from({ length: watchers }, () => openTls(bare.hello as Address, port)));
    while ((await bare.ask<number>('connected')) < watchers) await new Promise((resolve) => setTimeout(resolve, 10));
    const rates: number[] = [];
    for (let i = 0; i <= rounds; i++) {
      if (i === 1) await bare.ask('health');
      const counter = count(sockets);
      const started = performance.now();
      const all = counter.reached(frameBytes * patches * watchers);
      await bare.ask('fanOut');
      await all;
      const ms = performance.now() - started;
      for (const socket of sockets) socket.removeAllListeners('data');
      if (i > 0) rates.push((patches * watchers * 1000) / ms);
    }
    const { cpuMs } = await bare.ask<Health>('health');
    say(`bare: ${rates.map(Math.round).join(', ')}/s; ${(cpuMs / rounds).toFixed(0)} ms of CPU a round`);
    for (const socket of sockets) socket.destroy();
    return median(rates);
  } finally {
    await bare.stop();
  }
}

const p99 = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN;

export const bench: Bench = {
  name: 'watch',
  about: `${patches} patches of 5 KB pods, as fast as they can be made, to ${watchers} watchers`,
  async run(say) {
    const server = await startProcess('peapod-server');
    try {
      const { rounds: measured, health } = await measure(server, say);
      await server.stop();
      const frameBytes = Math.round((measured[0]?.bytes ?? 0) / patches / watchers);
      const bare = await measureBare(frameBytes, say);
      const peer = await measurePeer((process) => measure(process, (line) => say(`peer: ${line}`)));
      return [...figures(measured, health, bare), ...(peer === undefined ? [] : besidePeer(measured, peer.rounds))];
    } finally {
      await server.stop();
    }
  },
};

const eventsPerSecond = (rounds: readonly Round[]): number =>
  median(rounds.map(({ ms }) => (patches * watchers * 1000) / ms));
const lateMs = (rounds: readonly Round[]): number => median(rounds.map((round) => p99(round.lateMs)));

const besidePeer = (measured: readonly Round[], peer: readonly Round[]): Figure[] => [
  beside(`events to ${watchers} watchers beside a peer`, '/s', eventsPerSecond(measured), eventsPerSecond(peer), true),
  beside('patch to watcher, p99, beside a peer', 'ms', lateMs(measured), lateMs(peer), false),
];

function figures(measured: readonly Round[], health: Health, bare: number): Figure[] {
  return [
    {
      figure: `events to ${watchers} watchers`,
      value: eventsPerSecond(measured),
      unit: '/s',
      limit: 'bare TLS writer, same bytes',
      limitValue: bare,
      budget: { of: 'ratio', atLeast: 0.8 },
    },
    {
      figure: 'patch to watcher, p99',
      value: lateMs(measured),
      unit: 'ms',
      limit: 'the aim',
      limitValue: 20,
      budget: { of: 'value', atMost: 20 },
    },
    {
      figure: 'event-loop delay p99 meanwhile',
      value: health.delayP99,
      unit: 'ms',
      limit: 'the aim',
      limitValue: 10,
      budget: { of: 'value', atMost: 10 },
    },
  ];
}
