// Writers at full speed over HTTPS while Peapod is killed at random points: what was acknowledged is there, revisions never go
// back, and a watch that resumes misses nothing.
import { request } from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RawApi, rawApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { type Peapod, startPeapod } from '../support/peapod.ts';

const kills = process.env['PEAPOD_LONG'] === '1' ? 20 : 3;
const writers = 8;
const path = '/api/v1/namespaces/default/configmaps';
interface ConfigMap {
  metadata: { name: string; resourceVersion: string; uid: string };
  data?: Record<string, string>;
}

let peapod: Peapod;
beforeAll(async () => {
  peapod = await startPeapod({ runtime: 'simulated' });
});
afterAll(async () => peapod?.dispose());

/** Follows a watch, line by line, until the connection or the signal ends it; calls back for every event. */
function follow(
  api: RawApi,
  from: string,
  signal: AbortSignal,
  onEvent: (type: string, object: ConfigMap) => void,
): Promise<void> {
  return new Promise((resolve) => {
    const outgoing = request(
      new URL(`${path}?watch=1&allowWatchBookmarks=true&resourceVersion=${from}`, api.server),
      { ...api.tls, agent: false, signal },
      (response) => {
        let rest = '';
        response.on('data', (chunk: Buffer) => {
          const lines = (rest + chunk.toString()).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) {
            const event = JSON.parse(line) as { type: string; object: ConfigMap };
            onEvent(event.type, event.object);
          }
        });
        response.on('close', resolve);
        response.on('error', () => resolve());
      },
    );
    outgoing.on('error', () => resolve());
    outgoing.end();
  });
}

test(`${kills} kills: nothing acknowledged is lost, revisions only grow, watches resume without a gap`, async () => {
  const acknowledged = new Map<string, { revision: number; turn: string }>();
  const revisions = new Set<number>();
  const watched = new Set<number>();
  let lastWatched = 0;
  let count = 0;

  for (let round = 0; round <= kills; round++) {
    const api = rawApi(peapod.dataDir);
    const stop = new AbortController();
    const from =
      lastWatched ||
      Number(
        (await api.request('GET', path)).json<{ metadata: { resourceVersion: string } }>().metadata.resourceVersion,
      );
    const start = Math.max(...revisions, 0);
    const watch = follow(api, String(from), stop.signal, (type, object) => {
      const revision = Number(object.metadata.resourceVersion);
      expect(type).not.toBe('ERROR');
      expect(revision).toBeGreaterThanOrEqual(lastWatched);
      lastWatched = revision;
      if (type !== 'BOOKMARK') watched.add(revision);
    });
    const write = async (writer: number): Promise<void> => {
      while (!stop.signal.aborted) {
        const name = `w${writer}-${count++}`;
        try {
          const created = await api.request('POST', path, {
            body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { turn: '0' } },
          });
          if (created.status !== 201) continue;
          let revision = Number(created.json<ConfigMap>().metadata.resourceVersion);
          acknowledged.set(name, { revision, turn: '0' });
          revisions.add(revision);
          expect(revision).toBeGreaterThan(start);
          const patched = await api.request('PATCH', `${path}/${name}`, {
            body: { data: { turn: '1' } },
            contentType: 'application/merge-patch+json',
          });
          if (patched.status !== 200) continue;
          revision = Number(patched.json<ConfigMap>().metadata.resourceVersion);
          acknowledged.set(name, { revision, turn: '1' });
          revisions.add(revision);
        } catch (error) {
          // Cut off by the kill: it may or may not have been written.
          if (error instanceof Error && error.name === 'AssertionError') throw error;
        }
      }
    };
    const writing = Promise.all(Array.from({ length: writers }, (_, i) => write(i)));
    const before = acknowledged.size;
    await eventually('some writes', () => acknowledged.size > before + 50, 30_000, 5);
    // A random point of the stream of writes.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 300));
    if (round < kills) await peapod.kill9();
    stop.abort();
    await Promise.all([writing, watch]);
    api.close();
    if (round < kills) await peapod.restart();
  }

  const api = rawApi(peapod.dataDir);
  const list = (await api.request('GET', path)).json<{ metadata: { resourceVersion: string }; items: ConfigMap[] }>();
  const present = new Map(list.items.map((item) => [item.metadata.name, item]));
  const lost = [...acknowledged].filter(([name, { revision, turn }]) => {
    const item = present.get(name);
    return !item || Number(item.metadata.resourceVersion) < revision || (turn === '1' && item.data?.['turn'] !== '1');
  });
  expect(lost).toEqual([]);
  expect(Number(list.metadata.resourceVersion)).toBeGreaterThanOrEqual(Math.max(...revisions));
  // The last watch was cut off by us: read what it had not seen yet.
  const stop = new AbortController();
  const rest = follow(api, String(lastWatched), stop.signal, (_, object) => {
    lastWatched = Number(object.metadata.resourceVersion);
    watched.add(lastWatched);
  });
  await eventually('the watch has caught up', () => lastWatched >= Math.max(...revisions), 10_000, 10);
  stop.abort();
  await rest;
  api.close();
  expect([...revisions].filter((revision) => !watched.has(revision))).toEqual([]);
}, 600_000);
