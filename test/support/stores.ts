// The stores that the conformance suites run on, and what their tests do with one.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect } from 'vitest';
import { createVirtualClock, type VirtualClock } from '../../src/sim/virtual-clock.ts';
import { openEmbeddedStore } from '../../src/store/embedded.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store, StoreEvent } from '../../src/store/store.ts';

export interface Backend {
  name: string;
  /** Opens the store in that folder; opening it again after close shows what was there, where the backend keeps anything. */
  open: (folder: string, clock: VirtualClock) => Promise<Store>;
  durable: boolean;
}

export const backends: Backend[] = [
  { name: 'memory', open: (_, clock) => Promise.resolve(createMemoryStore({ clock })), durable: false },
  { name: 'lmdb', open: (folder, clock) => openEmbeddedStore({ path: join(folder, 'data'), clock }), durable: true },
];

export const bytes = (text: string): Uint8Array => Buffer.from(text);
export const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString();

/** Turns of the event loop until the condition holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** What tests of one backend work with; all of it is closed and removed after each test. */
export function storeHarness(open: Backend['open']) {
  const cleanups: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  async function openStore(
    folder?: string,
    clock = createVirtualClock(),
  ): Promise<{ store: Store; clock: VirtualClock; folder: string }> {
    let path = folder;
    if (path === undefined) {
      const made = mkdtempSync(join(tmpdir(), 'peapod-store-'));
      path = made;
      cleanups.push(() => rmSync(made, { recursive: true, force: true }));
    }
    const store = await open(path, clock);
    cleanups.push(() => store.close());
    return { store, clock, folder: path };
  }

  const put = async (
    store: Store,
    key: string,
    value = key,
    more: { expected?: number; lease?: number } = {},
  ): Promise<number> => {
    const result = await store.txn({ op: 'put', key, value: bytes(value), ...more });
    if (!result.ok) throw new Error(`put of ${key} was refused`);
    return result.revision;
  };
  const remove = async (store: Store, key: string): Promise<number> => {
    const result = await store.txn({ op: 'delete', key });
    if (!result.ok) throw new Error(`delete of ${key} was refused`);
    return result.revision;
  };
  const contents = async (store: Store, prefix = '', revision?: number): Promise<Record<string, string>> => {
    const { items } = await store.range(prefix, revision === undefined ? {} : { revision });
    return Object.fromEntries(items.map((item) => [item.key, text(item.value) ?? '']));
  };
  /** Collects events in the background until stopped. */
  const follow = (store: Store, prefix: string, fromRevision: number) => {
    const abort = new AbortController();
    const events: StoreEvent[] = [];
    const state = { events, progress: 0, stop: () => abort.abort(), ended: Promise.resolve() };
    state.ended = (async () => {
      for await (const batch of store.watch(prefix, { fromRevision, signal: abort.signal })) {
        events.push(...batch.events);
        expect(batch.progress).toBeGreaterThan(state.progress);
        state.progress = batch.progress;
      }
    })();
    state.ended.catch(() => {});
    cleanups.push(state.stop);
    return state;
  };
  const short = (event: StoreEvent): string =>
    `${event.revision} ${event.type} ${event.key}=${text(event.current?.value) ?? ''}`;
  return { openStore, put, remove, contents, follow, short, cleanups };
}
