// Writers at full speed over HTTPS, with every kind of write, while Peapod is killed at random points: what was acknowledged is there,
// what was deleted is not, revisions never go back, and a watch that resumes misses nothing.
import { request } from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RawApi, rawApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { type Peapod, startPeapod } from '../support/peapod.ts';

const kills = process.env['PEAPOD_LONG'] === '1' ? 20 : 3;
const writers = 8;
const path = '/api/v1/namespaces/default/configmaps';
const customPath = '/apis/crash.peapod.test/v1/namespaces/default/things';
interface Written {
  metadata: { name: string; resourceVersion: string; annotations?: Record<string, string> };
  spec?: { replicas?: number };
  status?: { turn?: string };
}

/** One write of an object's life: the request, and how the object shows that it was done. */
interface Step {
  method: string;
  /** Behind the object's path, or the collection's for the first. */
  at?: string;
  body?(name: string, turn: string): unknown;
  contentType?: string;
  /** Whether the answer is the object, with the revision of the write. Default true. */
  givesObject?: boolean;
}

const object = (apiVersion: string, kind: string) => (name: string, turn: string) => ({
  apiVersion,
  kind,
  metadata: { name, labels: { own: name }, annotations: { turn } },
});
const annotate = (_name: string, turn: string): unknown => ({ metadata: { annotations: { turn } } });
const merge = 'application/merge-patch+json';

/** The lives of a config map and of a custom resource: every way to write. The last step of each deletes. */
const lives: Readonly<Record<string, readonly Step[]>> = {
  [path]: [
    { method: 'POST', body: object('v1', 'ConfigMap') },
    { method: 'PUT', body: object('v1', 'ConfigMap') },
    { method: 'PATCH', contentType: merge, body: annotate },
    { method: 'PATCH', contentType: 'application/strategic-merge-patch+json', body: annotate },
    {
      method: 'PATCH',
      contentType: 'application/json-patch+json',
      body: (_name, turn) => [{ op: 'replace', path: '/metadata/annotations/turn', value: turn }],
    },
    {
      method: 'PATCH',
      at: '?fieldManager=crash&force=true',
      contentType: 'application/apply-patch+yaml',
      body: object('v1', 'ConfigMap'),
    },
    { method: 'DELETE', givesObject: false },
  ],
  [customPath]: [
    { method: 'POST', body: object('crash.peapod.test/v1', 'Thing') },
    { method: 'PATCH', at: '/status', contentType: merge, body: (_name, turn) => ({ status: { turn } }) },
    {
      method: 'PATCH',
      at: '/scale',
      contentType: merge,
      body: (_name, turn) => ({ spec: { replicas: Number(turn) } }),
    },
    {
      method: 'PATCH',
      at: '?fieldManager=crash&force=true',
      contentType: 'application/apply-patch+yaml',
      body: object('crash.peapod.test/v1', 'Thing'),
    },
    // By the collection, with a selector.
    { method: 'DELETE', at: '?labelSelector=own%3D', givesObject: false },
  ],
};

const thingDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.crash.peapod.test' },
  spec: {
    group: 'crash.peapod.test',
    scope: 'Namespaced',
    names: { kind: 'Thing', plural: 'things', singular: 'thing', listKind: 'ThingList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
        },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', properties: { replicas: { type: 'integer' } } },
              status: { type: 'object', properties: { turn: { type: 'string' }, replicas: { type: 'integer' } } },
            },
          },
        },
      },
    ],
  },
};

/** The latest step that shows on an object. */
const turnOf = ({ metadata, spec, status }: Written): number =>
  Math.max(Number(metadata.annotations?.['turn'] ?? 0), Number(status?.turn ?? 0), spec?.replicas ?? 0);

let peapod: Peapod;
beforeAll(async () => {
  peapod = await startPeapod({ runtime: 'simulated' });
  const api = rawApi(peapod.dataDir);
  const { status } = await api.request('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    body: thingDefinition,
  });
  expect(status).toBe(201);
  await eventually('the custom resource', async () => (await api.request('GET', customPath)).status === 200);
  api.close();
});
afterAll(async () => peapod?.dispose());

/** Follows a watch, line by line, until the connection or the signal ends it; calls back for every event. */
function follow(
  api: RawApi,
  from: string,
  signal: AbortSignal,
  onEvent: (type: string, object: Written) => void,
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
            const event = JSON.parse(line) as { type: string; object: Written };
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

/** How far an object's life has come: what was answered, and what was asked. */
interface Life {
  collection: string;
  acknowledged: number;
  asked: number;
}

/** The request of one step. */
function requestOf(
  api: RawApi,
  collection: string,
  name: string,
  turn: number,
  { method, at = '', body, contentType }: Step,
): ReturnType<RawApi['request']> {
  const whole = turn === 0 || at.startsWith('?labelSelector');
  const target = `${collection}${whole ? '' : `/${name}`}${at}${at.startsWith('?labelSelector') ? name : ''}`;
  return api.request(method, target, {
    ...(body === undefined ? {} : { body: body(name, String(turn)) }),
    ...(contentType === undefined ? {} : { contentType }),
  });
}

test(`${kills} kills: nothing acknowledged is lost, revisions only grow, watches resume without a gap`, async () => {
  const objects = new Map<string, Life>();
  /** Of the config maps, which are watched. */
  const revisions = new Set<number>();
  const watched = new Set<number>();
  const done = new Set<Step>();
  let lastWatched = 0;
  let count = 0;
  let writes = 0;

  for (let round = 0; round <= kills; round++) {
    const api = rawApi(peapod.dataDir);
    const stop = new AbortController();
    const from =
      lastWatched ||
      Number(
        (await api.request('GET', path)).json<{ metadata: { resourceVersion: string } }>().metadata.resourceVersion,
      );
    const start = Math.max(...revisions, 0);
    const watch = follow(api, String(from), stop.signal, (type, { metadata }) => {
      const revision = Number(metadata.resourceVersion);
      expect(type).not.toBe('ERROR');
      expect(revision).toBeGreaterThanOrEqual(lastWatched);
      lastWatched = revision;
      if (type !== 'BOOKMARK') watched.add(revision);
    });
    /** One object's life, up to the kill; only every third is lived to its end. */
    const live = async (collection: string, name: string, steps: readonly Step[]): Promise<void> => {
      const life: Life = { collection, acknowledged: -1, asked: -1 };
      objects.set(name, life);
      for (const [turn, step] of steps.entries()) {
        if (stop.signal.aborted || (step.method === 'DELETE' && count % 3 > 0)) return;
        life.asked = turn;
        const answer = await requestOf(api, collection, name, turn, step);
        // The server may be on its way down.
        if (answer.status >= 500) return;
        expect([answer.status, step.method, step.at, answer.status < 300 ? '' : answer.json()]).toEqual([
          turn === 0 ? 201 : 200,
          step.method,
          step.at,
          '',
        ]);
        life.acknowledged = turn;
        writes++;
        done.add(step);
        if (collection !== path || step.givesObject === false) continue;
        const revision = Number(answer.json<Written>().metadata.resourceVersion);
        revisions.add(revision);
        expect(revision).toBeGreaterThan(start);
      }
    };
    const write = async (writer: number): Promise<void> => {
      const [collection, steps] = Object.entries(lives)[writer % 2] ?? [path, []];
      while (!stop.signal.aborted) {
        try {
          await live(collection, `w${writer}-${count++}`, steps);
        } catch (error) {
          // Cut off by the kill: it may or may not have been written.
          if (error instanceof Error && error.name === 'AssertionError') throw error;
        }
      }
    };
    const writing = Promise.all(Array.from({ length: writers }, (_, i) => write(i)));
    const before = writes;
    await eventually('some writes', () => writes > before + 150, 30_000, 5);
    // A random point of the stream of writes.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 300));
    if (round < kills) await peapod.kill9();
    stop.abort();
    await Promise.all([writing, watch]);
    api.close();
    if (round < kills) await peapod.restart();
  }

  expect(done.size).toBe(Object.values(lives).flat().length);
  const api = rawApi(peapod.dataDir);
  for (const [collection, steps] of Object.entries(lives)) {
    const list = (await api.request('GET', collection)).json<{
      metadata: { resourceVersion: string };
      items: Written[];
    }>();
    expect(Number(list.metadata.resourceVersion)).toBeGreaterThanOrEqual(Math.max(...revisions));
    const present = new Map(list.items.map((item) => [item.metadata.name, item]));
    const last = steps.length - 1;
    const wrong = [...objects].filter(([name, life]) => {
      if (life.collection !== collection) return false;
      const item = present.get(name);
      if (item === undefined) return life.acknowledged >= 0 && life.asked < last;
      const turn = turnOf(item);
      return life.acknowledged === last || turn < life.acknowledged || turn > life.asked;
    });
    expect(wrong).toEqual([]);
  }
  // The last watch was cut off by us: read what it had not seen yet.
  const stop = new AbortController();
  const rest = follow(api, String(lastWatched), stop.signal, (_, { metadata }) => {
    lastWatched = Number(metadata.resourceVersion);
    watched.add(lastWatched);
  });
  await eventually('the watch has caught up', () => lastWatched >= Math.max(...revisions), 10_000, 10);
  stop.abort();
  await rest;
  api.close();
  expect([...revisions].filter((revision) => !watched.has(revision))).toEqual([]);
}, 600_000);
