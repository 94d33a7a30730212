import { beforeEach, describe, expect, it } from 'vitest';
import type { ConfigMap, Pod } from '../../api/generated/types.ts';
import { notFound } from '../../api/meta/errors.ts';
import type { KubeObject, WatchEvent } from '../../api/meta/types.ts';
import type { Client } from '../../client/client.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createVirtualClock, type VirtualClock } from '../../sim/virtual-clock.ts';
import { createWatchedObjects, type WatchedObjects } from './watched-objects.ts';

/** A server of ConfigMaps: every watcher has a queue of events, ended by undefined. */
function fakeServer() {
  const objects = new Map<string, ConfigMap>();
  const watchers = new Set<{ selector: string; push(event: WatchEvent | undefined): void }>();
  const calls: string[] = [];
  let revision = 100;
  let failing = false;
  const emit = (type: WatchEvent['type'], name: string, object: KubeObject): void => {
    for (const watcher of watchers) if (watcher.selector === `metadata.name=${name}`) watcher.push({ type, object });
  };
  const client = {
    async get(resource: { resource: string }, { name }: { name: string }) {
      calls.push(`get ${name}`);
      const found = objects.get(name);
      if (!found) throw notFound({ group: '', resource: resource.resource }, name);
      return found;
    },
    async list(_: unknown, options: { fieldSelector: string }) {
      calls.push(`list ${options.fieldSelector}`);
      if (failing) throw new Error('down');
      const found = objects.get(options.fieldSelector.slice('metadata.name='.length));
      return { metadata: { resourceVersion: String(revision) }, items: found ? [found] : [] };
    },
    async *watch(_: unknown, options: { fieldSelector: string; signal: AbortSignal }) {
      calls.push(`watch ${options.fieldSelector}`);
      const queue: (WatchEvent | undefined)[] = [];
      let wake = (): void => {};
      const watcher = {
        selector: options.fieldSelector,
        push(event: WatchEvent | undefined) {
          queue.push(event);
          wake();
        },
      };
      watchers.add(watcher);
      options.signal.addEventListener('abort', () => watcher.push(undefined));
      try {
        for (;;) {
          while (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve));
          const event = queue.shift();
          if (!event) return;
          yield event;
        }
      } finally {
        watchers.delete(watcher);
      }
    },
  } as unknown as Client;
  return {
    client,
    calls,
    watchers,
    set(name: string, data: Record<string, string>, immutable = false) {
      const type = objects.has(name) ? 'MODIFIED' : 'ADDED';
      const metadata = { name, namespace: 'shop', uid: name, resourceVersion: String(++revision) };
      objects.set(name, { metadata, data, ...(immutable ? { immutable } : {}) });
      emit(type, name, objects.get(name)!);
    },
    remove(name: string) {
      const object = objects.get(name)!;
      objects.delete(name);
      emit('DELETED', name, object);
    },
    end() {
      for (const watcher of watchers) watcher.push(undefined);
    },
    fail(now: boolean) {
      failing = now;
    },
  };
}

const podNaming = (uid: string, ...names: string[]): Pod =>
  ({
    metadata: { uid, namespace: 'shop' },
    spec: { containers: [], volumes: names.map((name) => ({ name, configMap: { name } })) },
  }) as unknown as Pod;

let server: ReturnType<typeof fakeServer>;
let clock: VirtualClock;
let objects: WatchedObjects;
let changes: string[];
beforeEach(() => {
  server = fakeServer();
  clock = createVirtualClock();
  objects = createWatchedObjects(server.client, clock, silentLogger);
  changes = [];
  objects.onChange(({ kind, namespace, name }) => changes.push(`${kind} ${namespace}/${name}`));
});
const value = async (name: string): Promise<string | undefined> => (await objects.configMap('shop', name)).data?.['k'];

describe('createWatchedObjects', () => {
  it('reads an object that no pod names by GET', async () => {
    server.set('a', { k: '1' });
    expect(await value('a')).toBe('1');
    expect(server.calls).toEqual(['get a']);
  });

  it('says that one is missing in the singular', async () => {
    await expect(value('gone')).rejects.toThrow('configmap "gone" not found');
    await expect(objects.secret('shop', 'gone')).rejects.toMatchObject({ reason: 'NotFound' });
  });

  it('watches what pods name, once, and reads no more', async () => {
    server.set('a', { k: '1' });
    objects.register(podNaming('u1', 'a'));
    objects.register(podNaming('u2', 'a'));
    objects.register(podNaming('u1', 'a'));
    await clock.settle();
    expect(await value('a')).toBe('1');
    expect(server.calls).toEqual(['list metadata.name=a', 'watch metadata.name=a']);
    server.set('a', { k: '2' });
    await clock.settle();
    expect(await value('a')).toBe('2');
    expect(changes).toEqual(['configmap shop/a']);
  });

  it('tells of one that appears, and of one that goes', async () => {
    objects.register(podNaming('u1', 'a'));
    await expect(value('a')).rejects.toThrow('not found');
    await clock.settle();
    expect(changes).toEqual([]);
    server.set('a', { k: '1' });
    await clock.settle();
    expect(changes).toHaveLength(1);
    expect(await value('a')).toBe('1');
    server.remove('a');
    await clock.settle();
    expect(changes).toHaveLength(2);
    await expect(value('a')).rejects.toThrow('not found');
  });

  it('tells of a change between the first read and the first list', async () => {
    objects.register(podNaming('u1', 'a'));
    const reading = value('a').catch((error: Error) => error.message);
    server.set('a', { k: '1' });
    await reading;
    await clock.settle();
    expect(await value('a')).toBe('1');
  });

  it('stops watching an immutable object', async () => {
    server.set('a', { k: '1' }, true);
    objects.register(podNaming('u1', 'a'));
    await clock.settle();
    expect(await value('a')).toBe('1');
    expect(server.calls).toEqual(['list metadata.name=a']);
  });

  it('stops with the last pod', async () => {
    objects.register(podNaming('u1', 'a', 'b'));
    objects.register(podNaming('u2', 'a'));
    await clock.settle();
    expect(server.watchers.size).toBe(2);
    objects.unregister('u1');
    await clock.settle();
    expect(server.watchers.size).toBe(1);
    objects.register(podNaming('u2'));
    await clock.settle();
    expect(server.watchers.size).toBe(0);
  });

  it('lists again when a watch ends or the server is away, and misses nothing', async () => {
    server.set('a', { k: '1' });
    objects.register(podNaming('u1', 'a'));
    await clock.settle();
    expect(await value('a')).toBe('1');
    server.fail(true);
    server.end();
    await clock.advance(2000);
    server.set('a', { k: '2' });
    server.fail(false);
    await clock.advance(30_000);
    expect(await value('a')).toBe('2');
    expect(changes).toEqual(['configmap shop/a']);
    objects.close();
    await clock.settle();
    expect(server.watchers.size).toBe(0);
  });
});
