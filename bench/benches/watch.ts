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
/** Rounds before those, for the compiler. */
const warmups = 2;
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
  /** Of the server, all its threads. */
  cpuMs: number;
  bytes: number;
  lateMs: number[];
  /** Of the server's event loop, ms. */
  delayP99: number;
}

/** Who is written to and who watches; `path` of the i-th writer's object. */
interface Load {
  server: Process;
  connections: readonly RawConnection[];
  sockets: readonly TLSSocket[];
  path(i: number): string;
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

/** Makes the patches, as fast as they can be made. */
async function patchAll({ connections, path }: Load): Promise<void> {
  let begun = 0;
  await Promise.all(
    connections.map(async (connection, i) => {
      while (begun++ < patches)
        await must(connection.send('PATCH', path(i), patch(), 'application/merge-patch+json'), 200);
    }),
  );
}

async function fanOut(load: Load): Promise<Round> {
  const { server, sockets } = load;
  const [probe] = sockets;
  if (probe === undefined) throw new Error('no watcher');
  await server.ask('health');
  const counter = count(sockets);
  const single = count([probe]);
  const late = lateness(probe);
  const started = performance.now();
  await patchAll(load);
  // One watcher has all once it has shown every patch; the others get the same events, in chunks of their own (a few bytes each).
  while (late.lateMs.length < patches) await new Promise((resolve) => setTimeout(resolve, 1));
  await counter.reached(0.995 * single.bytes * sockets.length);
  const ms = performance.now() - started;
  late.stop();
  for (const socket of sockets) socket.removeAllListeners('data').resume();
  const { cpuMs, delayP99 } = await server.ask<Health>('health');
  return { ms, cpuMs, bytes: counter.bytes, lateMs: late.lateMs, delayP99 };
}

/** The server's CPU in ms for the same patches where nobody watches. */
async function unwatched(load: Load): Promise<number> {
  const cpuMs: number[] = [];
  for (let i = -warmups; i < rounds; i++) {
    await load.server.ask('health');
    await patchAll(load);
    const health = await load.server.ask<Health>('health');
    if (i >= 0) cpuMs.push(health.cpuMs);
  }
  return median(cpuMs);
}

/** Rounds of a load, after some that are not measured. */
async function fanOuts(load: Load, say: (line: string) => void): Promise<Round[]> {
  const done: Round[] = [];
  for (let i = -warmups; i < rounds; i++) {
    const round = await fanOut(load);
    if (i < 0) continue;
    done.push(round);
    const { ms, cpuMs, bytes, lateMs } = round;
    say(
      `${ms.toFixed(0)} ms and ${cpuMs.toFixed(0)} ms of CPU for ${(bytes / 1e6).toFixed(0)} MB; p99 ${p99(lateMs).toFixed(1)} ms`,
    );
  }
  return done;
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

interface Measured {
  rounds: Round[];
  /** ms of CPU for the patches alone. */
  patchesMs: number;
}

async function measure(server: Process, say: (line: string) => void): Promise<Measured> {
  const address = server.hello as Address;
  const connections = await Promise.all(Array.from({ length: writers }, () => openRaw(address)));
  const [first] = connections;
  if (first === undefined) throw new Error('no connection');
  // A controller would have made it; Peapod's namespace may have it already.
  await first.send('POST', '/api/v1/namespaces/default/serviceaccounts', json({ metadata: { name: 'default' } }));
  for (let i = 0; i < writers; i++) await must(first.send('POST', pods, loadPod(`pod-${i}`)), 201);
  const load: Load = { server, connections, sockets: [], path: (i) => `${pods}/pod-${i}` };
  const patchesMs = await unwatched(load);
  say(`${patchesMs.toFixed(0)} ms of CPU for the patches where nobody watches`);
  const sockets = await Promise.all(Array.from({ length: watchers }, () => openWatch(address)));
  const done = await fanOuts({ ...load, sockets }, say);
  for (const socket of sockets) socket.destroy();
  for (const connection of connections) connection.close();
  return { rounds: done, patchesMs };
}

/** What a process reaches that knows no Kubernetes. */
interface Bare {
  /** Events a second of a writer that has nothing to do but to write them. */
  writer: number;
  /** ms of its CPU for a round. */
  writerCpuMs: number;
  /** Rounds of a server that takes, stores and answers the same requests before it writes each to all. */
  server: Round[];
}

async function measureBare(frameBytes: number, say: (line: string) => void): Promise<Bare> {
  const bare = await startProcess('bare-server', { FRAME_BYTES: String(frameBytes), FRAMES: String(patches) });
  try {
    const address = bare.hello as Address;
    const port = await bare.ask<number>('writerPort');
    const sockets = await Promise.all(Array.from({ length: watchers }, () => openTls(address, port)));
    while ((await bare.ask<number>('connected')) < watchers) await new Promise((resolve) => setTimeout(resolve, 10));
    const [rates, cpu]: [number[], number[]] = [[], []];
    for (let i = -warmups; i < rounds; i++) {
      await bare.ask('health');
      const counter = count(sockets);
      const started = performance.now();
      const all = counter.reached(frameBytes * patches * watchers);
      await bare.ask('fanOut');
      await all;
      const ms = performance.now() - started;
      for (const socket of sockets) socket.removeAllListeners('data');
      const { cpuMs } = await bare.ask<Health>('health');
      if (i < 0) continue;
      rates.push((patches * watchers * 1000) / ms);
      cpu.push(cpuMs);
    }
    say(`bare writer: ${rates.map(Math.round).join(', ')}/s; ${median(cpu).toFixed(0)} ms of CPU a round`);
    const connections = await Promise.all(Array.from({ length: writers }, () => openRaw(address)));
    const load: Load = { server: bare, connections, sockets, path: (i) => `/pod-${i}` };
    const server = await fanOuts(load, (line) => say(`bare server: ${line}`));
    for (const each of [...sockets, ...connections.map(({ socket }) => socket)]) each.destroy();
    return { writer: median(rates), writerCpuMs: median(cpu), server };
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
      const measured = await measure(server, say);
      await server.stop();
      const frameBytes = Math.round((measured.rounds[0]?.bytes ?? 0) / patches / watchers);
      const bare = await measureBare(frameBytes, say);
      const peer = await measurePeer((process) => measure(process, (line) => say(`peer: ${line}`)));
      return [...figures(measured, bare), ...(peer === undefined ? [] : besidePeer(measured.rounds, peer.rounds))];
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

/**
 * The first is the aim's own. It holds a server that also takes, checks, stores and answers the patches against one that only writes; the
 * next two tell the parts of that apart.
 */
function figures({ rounds: measured, patchesMs }: Measured, bare: Bare): Figure[] {
  const cpuMs = median(measured.map((round) => round.cpuMs));
  return [
    {
      figure: `events to ${watchers} watchers`,
      value: eventsPerSecond(measured),
      unit: '/s',
      limit: 'bare TLS writer, same bytes',
      limitValue: bare.writer,
      budget: { of: 'ratio', atLeast: 0.8 },
    },
    {
      figure: 'events for a second of CPU, without that of the patches',
      value: (patches * watchers * 1000) / (cpuMs - patchesMs),
      unit: '/s',
      limit: 'bare TLS writer, same bytes',
      limitValue: (patches * watchers * 1000) / bare.writerCpuMs,
      budget: { of: 'ratio', atLeast: 0.8 },
    },
    {
      figure: `events to ${watchers} watchers`,
      value: eventsPerSecond(measured),
      unit: '/s',
      limit: 'bare server that stores and answers the same requests',
      limitValue: eventsPerSecond(bare.server),
      budget: { of: 'ratio', atLeast: 0.8 },
    },
    {
      figure: 'patch to watcher, p99',
      value: lateMs(measured),
      unit: 'ms',
      limit: 'the same of that bare server',
      limitValue: lateMs(bare.server),
      budget: { of: 'value', atMost: 20 },
    },
    {
      figure: 'event-loop delay p99 meanwhile',
      value: median(measured.map((round) => round.delayP99)),
      unit: 'ms',
      limit: 'the aim',
      limitValue: 10,
      budget: { of: 'value', atMost: 10 },
    },
  ];
}
