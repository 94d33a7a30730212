// Writers at full speed over HTTPS, with every kind of write, while Peapod is killed at random points: what was acknowledged is there,
// what was deleted is not, revisions never go back, a watch that resumes misses nothing, and what takes several writes is finished.
import { request } from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RawApi, rawApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { type Peapod, startPeapod } from '../support/peapod.ts';
import {
  definition,
  definitions,
  emptyNode,
  everyLife,
  type Lives,
  objectsOf,
  services,
  type Step,
  thingDefinition,
  turnOf,
  watched as watchedLives,
  type Written,
} from './lives.ts';

const kills = process.env['PEAPOD_LONG'] === '1' ? 20 : 3;
const path = watchedLives.collection;

let peapod: Peapod;
beforeAll(async () => {
  peapod = await startPeapod({ runtime: 'simulated' });
  const api = rawApi(peapod.dataDir);
  const post = async (to: string, body: object): Promise<number> => (await api.request('POST', to, { body })).status;
  expect(await post(definitions.collection, thingDefinition)).toBe(201);
  expect(await post('/api/v1/nodes', { metadata: { name: emptyNode } })).toBe(201);
  for (const { collection } of everyLife)
    await eventually(collection, async () => (await api.request('GET', collection)).status === 200);
  const account = '/api/v1/namespaces/default/serviceaccounts/default';
  await eventually('the account of pods', async () => (await api.request('GET', account)).status === 200);
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
  lives: Lives;
  acknowledged: number;
  asked: number;
}

/** The request of one step. */
function requestOf(api: RawApi, { collection }: Lives, name: string, turn: number, step: Step) {
  const { method, at = '', path: elsewhere, body, contentType } = step;
  const target = elsewhere?.(name) ?? `${collection}${turn === 0 ? '' : `/${name}`}${at}`;
  return api.request(method, target, {
    ...(body === undefined ? {} : { body: body(name, String(turn)) }),
    ...(contentType === undefined ? {} : { contentType }),
  });
}

/** What is wrong with the objects there are, given how far their lives have come. */
async function wrongObjects(api: RawApi, lives: Lives, all: ReadonlyMap<string, Life>): Promise<unknown[]> {
  const { items } = (await api.request('GET', lives.collection)).json<{ items: Written[] }>();
  const present = new Map(items.map((item) => [item.metadata.name, item]));
  const last = lives.steps.length - 1;
  const firstDelete = lives.steps.findIndex(({ method }) => method === 'DELETE');
  return [...all].filter(([name, life]) => {
    if (life.lives !== lives) return false;
    const item = present.get(name);
    if (item === undefined) return life.acknowledged >= 0 && life.asked < last;
    const shown = item.metadata.deletionTimestamp === undefined ? turnOf(item) : firstDelete;
    // Objects of others do not show how far it is.
    const least = lives.steps[life.acknowledged]?.path === undefined ? life.acknowledged : life.acknowledged - 1;
    return life.acknowledged === last || shown < least || shown > life.asked;
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
  const steps = everyLife.flatMap((lives) => lives.steps).length;

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
    /** One object's life, up to the kill. */
    const live = async (lives: Lives, name: string, isWhole: boolean): Promise<void> => {
      const { collection, steps } = lives;
      const life: Life = { lives, acknowledged: -1, asked: -1 };
      objects.set(name, life);
      for (const [turn, step] of steps.entries()) {
        if (stop.signal.aborted || (step.method === 'DELETE' && !isWhole)) return;
        life.asked = turn;
        const answer = await requestOf(api, lives, name, turn, step);
        // The server may be on its way down.
        if (answer.status >= 500) return;
        const code = step.code ?? (turn === 0 ? 201 : 200);
        expect([answer.status, step.method, name, step.at, answer.status < 300 ? '' : answer.json()]).toEqual([
          code,
          step.method,
          name,
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
    const write = async (lives: Lives, writer: number): Promise<void> => {
      for (let n = 0; !stop.signal.aborted; n++) {
        try {
          const isWhole = lives.whole ?? n % 3 === 0;
          await live(lives, `w${writer}-${count++}${lives.suffix ?? ''}`, isWhole);
        } catch (error) {
          // Cut off by the kill: it may or may not have been written.
          if (error instanceof Error && error.name === 'AssertionError') throw error;
        }
      }
    };
    const writing = Promise.all(
      everyLife.flatMap((lives, kind) => Array.from({ length: lives.writers }, (_, i) => write(lives, kind * 10 + i))),
    );
    const before = writes;
    const isEnough = (): boolean => writes > before + 150 && (round < kills || done.size === steps);
    await eventually('some writes', isEnough, 60_000, 5);
    // A random point of the stream of writes.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 300));
    if (round < kills) await peapod.kill9();
    stop.abort();
    await Promise.all([writing, watch]);
    api.close();
    if (round < kills) await peapod.restart();
  }

  const api = rawApi(peapod.dataDir);
  // A definition that is deleted waits for its objects.
  for (const lives of everyLife)
    await eventually(
      lives.collection,
      async () => {
        expect(await wrongObjects(api, lives, objects)).toEqual([]);
        return true;
      },
      60_000,
    );
  const listed = async <T = Written>(of: string) =>
    (await api.request('GET', of)).json<{ metadata: { resourceVersion: string }; items: T[] }>();
  expect(Number((await listed(path)).metadata.resourceVersion)).toBeGreaterThanOrEqual(Math.max(...revisions));

  // Each service has an address of its own, which an object tells of; those of services that are gone are gone.
  await eventually('the objects of addresses', async () => {
    const addresses = (await listed('/apis/networking.k8s.io/v1/ipaddresses')).items.map(
      ({ metadata }) => metadata.name,
    );
    const inUse = (await listed(services.collection)).items.map(({ spec }) => spec?.clusterIP ?? '');
    expect(addresses.toSorted()).toEqual(inUse.toSorted());
    return true;
  });
  // Of a definition that went nothing is left: who makes it anew finds no objects.
  const [gone] = [...objects].find(([, { lives, acknowledged }]) => lives === definitions && acknowledged === 3) ?? [
    '',
  ];
  expect((await api.request('POST', definitions.collection, { body: definition(gone, '0') })).status).toBe(201);
  await eventually('the definition', async () => (await api.request('GET', objectsOf(gone))).status === 200);
  expect((await listed(objectsOf(gone))).items).toEqual([]);

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
