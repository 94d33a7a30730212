// kill -9 of a process that writes at full speed: nothing acknowledged may be lost, and nothing may go back.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { realClock } from '../../src/host/real-clock.ts';
import { createSeededRandom } from '../../src/sim/seeded-random.ts';
import { openEmbeddedStore } from '../../src/store/embedded.ts';
import type { Store, StoreEvent } from '../../src/store/store.ts';

const kills = process.env['PEAPOD_LONG'] === '1' ? 20 : 3;
const seed = Number(process.env['PEAPOD_SEED'] ?? Date.now() % 1_000_000);
const writers = 10;

interface Ack {
  revision: number;
  type: 'put' | 'delete';
  key: string;
  /** Its first 40 characters. */
  value: string;
}

interface Run {
  /** Revision that the store had when it was opened. */
  opened: number;
  acks: Ack[];
  compacted: number;
}

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Starts the writer, kills it `ms` after its first acknowledgement, and gives what it had said by then. */
async function writeAndKill(folder: string, run: number, ms: number): Promise<Run> {
  const script = join(import.meta.dirname, 'crash-writer.ts');
  const child: ChildProcess = spawn(process.execPath, [script, folder, String(run), String(writers)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  cleanups.push(kill);
  let output = '';
  let errors = '';
  let killed = false;
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (killed || !output.includes('\nack ')) return;
    killed = true;
    setTimeout(kill, ms);
  });
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const signal = await new Promise((resolve) => child.once('close', (_, by) => resolve(by)));
  expect(signal, errors).toBe('SIGKILL');
  const result: Run = { opened: 0, acks: [], compacted: 1 };
  // The last line may be cut off.
  for (const line of output.split('\n').slice(0, -1)) {
    const [what = '', revision = '', type, key = '', value = ''] = line.split(' ');
    if (what === 'open') result.opened = Number(revision);
    else if (what === 'compacted') result.compacted = Number(revision);
    else result.acks.push({ revision: Number(revision), type: type === 'put' ? 'put' : 'delete', key, value });
  }
  return result;
}

/** Every event from `from` to the newest revision. */
async function replay(store: Store, from: number): Promise<StoreEvent[]> {
  const events: StoreEvent[] = [];
  if (from > store.revision()) return events;
  const abort = new AbortController();
  for await (const batch of store.watch('', { fromRevision: from, signal: abort.signal })) {
    events.push(...batch.events);
    if (batch.progress >= store.revision()) break;
  }
  abort.abort();
  return events;
}

const shown = (value: Uint8Array | undefined): string =>
  Buffer.from(value ?? [])
    .toString()
    .slice(0, 40);

test(`${kills} kills at random points lose no acknowledged write (seed ${seed})`, {
  timeout: 60_000 + kills * 15_000,
}, async () => {
  console.log(`store crash test: PEAPOD_SEED=${seed}, ${kills} kills`);
  const random = createSeededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), 'peapod-crash-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  /** What a client that saw everything acknowledged believes. */
  const state = new Map<string, Ack>();
  let lastSeen = 1;
  let total = 0;
  for (let run = 0; run < kills; run++) {
    const { opened, acks, compacted } = await writeAndKill(folder, run, 30 + random.float() * 1200);
    expect(opened).toBeGreaterThanOrEqual(lastSeen);
    acks.sort((a, b) => a.revision - b.revision);
    expect(new Set(acks.map((ack) => ack.revision)).size).toBe(acks.length);
    expect(acks[0]?.revision).toBeGreaterThan(opened);
    total += acks.length;
    for (const ack of acks) state.set(ack.key, ack);

    const store = await openEmbeddedStore({ path: folder, clock: realClock });
    try {
      const lastAck = acks.at(-1)?.revision ?? opened;
      expect(store.revision()).toBeGreaterThanOrEqual(lastAck);
      expect(store.compactedRevision()).toBeGreaterThanOrEqual(compacted);
      // The watch goes on where it was, or where history begins, without a gap.
      const from = Math.max(lastSeen + 1, store.compactedRevision());
      const events = await replay(store, from);
      expect(events.map((event) => event.revision)).toEqual(
        Array.from({ length: store.revision() - from + 1 }, (_, i) => from + i),
      );
      const byRevision = new Map(events.map((event) => [event.revision, event]));
      for (const ack of acks.filter((a) => a.revision >= from)) {
        const event = byRevision.get(ack.revision);
        expect(event).toMatchObject({ type: ack.type, key: ack.key });
        if (ack.type === 'put') expect(shown(event?.current?.value)).toBe(ack.value);
      }
      // Writes that were durable, but whose acknowledgement the kill cut off, count too.
      for (const event of events) {
        const known = state.get(event.key);
        if (known !== undefined && known.revision >= event.revision) continue;
        state.set(event.key, {
          revision: event.revision,
          type: event.type,
          key: event.key,
          value: shown(event.current?.value),
        });
      }
      const { items } = await store.range('/crash/');
      const alive = [...state.values()]
        .filter((ack) => ack.type === 'put')
        .map((ack) => `${ack.key} ${ack.revision} ${ack.value}`);
      expect(items.map((item) => `${item.key} ${item.modRevision} ${shown(item.value)}`).toSorted()).toEqual(
        alive.toSorted(),
      );
      lastSeen = store.revision();
    } finally {
      await store.close();
    }
  }
  console.log(`store crash test: ${total} acknowledged writes, all there`);
  expect(total).toBeGreaterThan(kills * 10);
});
