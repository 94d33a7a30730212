import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isApiError } from '../api/meta/errors.ts';
import type { KubeList, Status } from '../api/meta/types.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../sim/virtual-clock.ts';
import { configMap, gather, startTestServer, type TestServer, verbs } from './test-server.ts';

const cms = '/api/v1/namespaces/default/configmaps';
let clock: VirtualClock;
let t: TestServer;
let api: ReturnType<typeof verbs>;

beforeEach(async () => {
  clock = createVirtualClock();
  t = await startTestServer(clock, createSeededRandom(1));
  api = verbs(t.admin);
});
afterEach(() => t.server.close());

const label = (name: string, value: string | null) =>
  api.patch(`${cms}/${name}`, 'merge-patch+json', { metadata: { labels: { x: value } } });

describe('watch', () => {
  test('without a version shows what is there, then changes', async () => {
    await api.post(cms, configMap('a'));
    const watch = gather(t.admin, cms);
    await expect.poll(watch.texts).toEqual(['ADDED a']);
    await api.post(cms, configMap('b'));
    await label('a', '1');
    await api.del(`${cms}/a`);
    await expect.poll(watch.texts).toEqual(['ADDED a', 'ADDED b', 'MODIFIED a', 'DELETED a']);
    const versions = watch.events.map((e) => Number(e.object.metadata?.resourceVersion));
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    watch.stop();
    await watch.done;
  });

  test('tells objects that enter and leave a selector', async () => {
    const { metadata } = (await api.get(cms)) as KubeList;
    const watch = gather(t.admin, cms, { labelSelector: 'x=1', resourceVersion: metadata.resourceVersion ?? '' });
    await api.post(cms, configMap('a'));
    await label('a', '1');
    await api.patch(`${cms}/a`, 'merge-patch+json', { data: { k: 'v' } });
    await label('a', '2');
    await label('a', '1');
    await api.del(`${cms}/a`);
    await expect.poll(watch.texts).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED a', 'DELETED a']);
    // Who left is shown as it was, with the version of the change.
    expect(watch.events[2]?.object).toMatchObject({ metadata: { labels: { x: '1' } }, data: { k: 'v' } });
    watch.stop();
  });

  test('a pod deleted by force is marked, then gone', async () => {
    const pods = '/api/v1/namespaces/default/pods';
    await api.post(pods, { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    await api.post(`${pods}/p/binding`, { metadata: { name: 'p' }, target: { name: 'n1' } });
    const watch = gather(t.admin, pods);
    await expect.poll(watch.texts).toEqual(['ADDED p']);
    await api.del(`${pods}/p`, { gracePeriodSeconds: 0 });
    await expect.poll(watch.texts).toEqual(['ADDED p', 'MODIFIED p', 'DELETED p']);
    for (const { object } of watch.events.slice(1))
      expect(object.metadata).toMatchObject({
        deletionTimestamp: expect.stringMatching(/Z$/),
        deletionGracePeriodSeconds: 0,
        generation: 2,
      });
    watch.stop();
  });

  test('finds watchers of one field value, before and after', async () => {
    const pods = '/api/v1/namespaces/default/pods';
    const onNode = gather(t.admin, '/api/v1/pods', { fieldSelector: 'spec.nodeName=n1' });
    const unassigned = gather(t.admin, '/api/v1/pods', { fieldSelector: 'spec.nodeName=' });
    const byName = gather(t.admin, pods, { fieldSelector: 'metadata.name=p' });
    for (const name of ['p', 'q'])
      await api.post(pods, { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    await api.post(`${pods}/p/binding`, { metadata: { name: 'p' }, target: { name: 'n1' } });
    await expect.poll(onNode.texts).toEqual(['ADDED p']);
    await expect.poll(unassigned.texts).toEqual(['ADDED p', 'ADDED q', 'DELETED p']);
    await expect.poll(byName.texts).toEqual(['ADDED p', 'MODIFIED p']);
    for (const w of [onNode, unassigned, byName]) w.stop();
  });

  test('goes on from any version that is not compacted, however far back', async () => {
    const start = (await api.post(cms, configMap('first'))).metadata?.resourceVersion ?? '';
    for (let i = 0; i < 1200; i++) await api.post(cms, configMap(`c${i}`));
    const watch = gather(t.admin, cms, { resourceVersion: start });
    await expect.poll(() => watch.events.length).toBe(1200);
    await api.post(cms, configMap('last'));
    await expect.poll(() => watch.texts().at(-1)).toBe('ADDED last');
    expect(watch.texts().slice(0, 3)).toEqual(['ADDED c0', 'ADDED c1', 'ADDED c2']);
    expect(new Set(watch.texts()).size).toBe(1201);
    watch.stop();
  });

  test('from a compacted version is told so', async () => {
    const start = (await api.post(cms, configMap('first'))).metadata?.resourceVersion ?? '';
    for (let i = 0; i < 1200; i++) await api.post(cms, configMap(`c${i}`));
    await t.store.compact(t.store.revision());
    const watch = gather(t.admin, cms, { resourceVersion: start });
    await watch.done;
    expect(watch.events).toHaveLength(1);
    expect(watch.events[0]).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
    expect((watch.events[0]?.object as Status | undefined)?.message).toMatch(/^too old resource version: \d+ \(\d+\)$/);
  });

  test('ends after its timeout, with a bookmark before and every minute', async () => {
    const watch = gather(t.admin, cms, { resourceVersion: '1', allowWatchBookmarks: 'true', timeoutSeconds: '150' });
    await clock.advance(60_000);
    await clock.advance(60_000);
    await api.post(cms, configMap('a'));
    await clock.advance(30_000);
    await watch.done;
    expect(watch.texts()).toEqual(['BOOKMARK ', 'BOOKMARK ', 'ADDED a', 'BOOKMARK ']);
    const last = watch.events.at(-1)?.object.metadata?.resourceVersion;
    expect(Number(last)).toBeGreaterThanOrEqual(Number(watch.events[2]?.object.metadata?.resourceVersion));
  });

  test('sends initial events and says when they end', async () => {
    await api.post(cms, configMap('a'));
    const watch = gather(t.admin, cms, {
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: 'true',
    });
    await expect.poll(watch.texts).toEqual(['ADDED a', 'BOOKMARK ']);
    expect(watch.events[1]?.object.metadata?.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
    watch.stop();
  });
});

const token = (start: string, rv: number, v = 'meta.k8s.io/v1'): string =>
  Buffer.from(JSON.stringify({ v, rv, start })).toString('base64url');
const names = (list: KubeList): string[] => list.items.map((i) => i.metadata?.name ?? '');
const list = async (query: Record<string, string>): Promise<KubeList> => (await api.get(cms, query)) as KubeList;

describe('list', () => {
  beforeEach(async () => {
    for (const name of ['e', 'b', 'd', 'a', 'c'])
      await api.post(cms, { metadata: { name, labels: { odd: String('ace'.includes(name)) } } });
  });

  test('in chunks, all as of the first', async () => {
    const first = await list({ limit: '2' });
    expect(names(first)).toEqual(['a', 'b']);
    expect(first.metadata.remainingItemCount).toBe(3);
    await api.post(cms, configMap('bb'));
    await api.del(`${cms}/e`);
    const second = await list({ limit: '2', continue: first.metadata.continue ?? '' });
    expect(names(second)).toEqual(['c', 'd']);
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    const third = await list({ limit: '2', continue: second.metadata.continue ?? '' });
    expect(names(third)).toEqual(['e']);
    expect(third.metadata.continue).toBeUndefined();
  });

  test('with a selector the chunks are full and no count is told', async () => {
    const first = await list({ limit: '2', labelSelector: 'odd=true' });
    expect(names(first)).toEqual(['a', 'c']);
    expect(first.metadata.remainingItemCount).toBeUndefined();
    expect(
      names(await list({ limit: '2', labelSelector: 'odd=true', continue: first.metadata.continue ?? '' })),
    ).toEqual(['e']);
  });

  test('a token that is too old comes with one that goes on', async () => {
    const first = await list({ limit: '2' });
    await api.post(cms, configMap('bb'));
    await api.post(cms, configMap('cc'));
    await t.store.compact(t.store.revision());
    const error: unknown = await list({ limit: '2', continue: first.metadata.continue ?? '' }).catch((e: unknown) => e);
    if (!isApiError(error)) throw error;
    expect(error.code).toBe(410);
    expect(names(await list({ limit: '3', continue: error.status.metadata.continue ?? '' }))).toEqual([
      'bb',
      'c',
      'cc',
    ]);
  });

  test('as of an exact version', async () => {
    const before = (await list({})).metadata.resourceVersion ?? '';
    await api.del(`${cms}/a`);
    expect(names(await list({ resourceVersion: before, resourceVersionMatch: 'Exact' }))).toEqual([
      'a',
      'b',
      'c',
      'd',
      'e',
    ]);
    expect(names(await list({ resourceVersion: before, resourceVersionMatch: 'NotOlderThan' }))).toEqual([
      'b',
      'c',
      'd',
      'e',
    ]);
    expect(names(await list({ resourceVersion: '0', limit: '1' }))).toEqual(['b', 'c', 'd', 'e']);
  });

  test.each<[Record<string, string>, string]>([
    [{ labelSelector: 'a=b=c' }, "400 found '=', expected: ',' or 'end of string'"],
    [
      { fieldSelector: 'data=x' },
      '400 "data" is not a known field selector: only "metadata.name", "metadata.namespace"',
    ],
    [{ continue: 'xxx' }, '400 invalid continue token: continue key is not valid:'],
    [
      { resourceVersionMatch: 'Exact' },
      '422 ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    ],
    [
      { resourceVersion: 'x' },
      '400 invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
    ],
    [
      { resourceVersion: '18446744073709551616' },
      '400 invalid resource version: resourceVersion: Invalid value: "18446744073709551616": strconv.ParseUint: parsing "18446744073709551616": value out of range',
    ],
    [
      { resourceVersion: '0', resourceVersionMatch: 'Exact' },
      '422 ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    ],
    [
      { resourceVersion: '1', resourceVersionMatch: 'Sometimes', continue: 'x', sendInitialEvents: 'true' },
      '422 ListOptions.meta.k8s.io "" is invalid: [resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided, resourceVersionMatch: Unsupported value: "Sometimes": supported values: "Exact", "NotOlderThan", "", sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list]',
    ],
    [
      { continue: token('../../secrets/x', 1) },
      '400 invalid continue token: continue key is not valid: ../../secrets/x',
    ],
    [{ continue: token('', 1) }, '400 invalid continue token: continue key is not valid: encoded start key empty'],
    [{ continue: token('a', 0) }, '400 invalid continue token: continue key is not valid: incorrect encoded start'],
    [{ continue: token('a', 1, 'v9') }, 'server does not recognize this encoded version v9'],
    [
      { continue: token('a', 1), resourceVersion: '5' },
      '400 specifying resource version is not allowed when using continue',
    ],
    [{ limit: 'x' }, '400 strconv.ParseInt: parsing "x": invalid syntax'],
  ])('refuses %j', async (query, expected) => {
    const error: unknown = await list(query).catch((e: unknown) => e);
    if (!isApiError(error)) throw new Error('no failure');
    expect(`${error.code} ${error.message}`).toContain(expected);
  });

  test.each([
    [cms, { resourceVersion: '100000', resourceVersionMatch: 'NotOlderThan' }],
    [cms, { resourceVersion: '100000', resourceVersionMatch: 'Exact' }],
    [cms, { continue: token('a', 100_000), limit: '2' }],
    [`${cms}/a`, { resourceVersion: '100000' }],
  ])('a version that is not there yet times out: %s %j', async (path, query: Record<string, string>) => {
    const waiting = api.get(path, query).catch((e: unknown) => e);
    await clock.settle();
    await clock.advance(3000);
    const error = await waiting;
    expect(isApiError(error, 'Timeout') && error.message).toMatch(
      /^Timeout: Too large resource version: 100000, current: \d+$/,
    );
    if (!isApiError(error)) return;
    expect([error.code, error.status.details]).toEqual([
      504,
      { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1 },
    ]);
  });
});

describe('what a watch may ask for', () => {
  const text = 'resourceVersionMatch';
  test.each<[Record<string, string>, string]>([
    [
      { sendInitialEvents: 'true' },
      `${text}: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan`,
    ],
    [
      { sendInitialEvents: 'false', resourceVersionMatch: 'Exact' },
      `[${text}: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, ${text}: Unsupported value: "Exact": supported values: "NotOlderThan"]`,
    ],
    [
      { resourceVersion: '5', resourceVersionMatch: 'NotOlderThan', continue: 'x' },
      `[${text}: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided, ${text}: Forbidden: resourceVersionMatch is forbidden when continue is provided]`,
    ],
  ])('%j is refused', async (query, message) => {
    const failure = await gather(t.admin, cms, query).done.catch((e: unknown) => e);
    expect(isApiError(failure) && failure.message).toBe(`ListOptions.meta.k8s.io "" is invalid: ${message}`);
  });

  test('a version that is no number is an error of no kind, as upstream has it', async () => {
    for (const failure of [
      await gather(t.admin, cms, { resourceVersion: 'x' }).done.catch((e: unknown) => e),
      await api.get(`${cms}/a`, { resourceVersion: 'x' }).catch((e: unknown) => e),
    ])
      expect(isApiError(failure) && [failure.code, failure.message]).toEqual([
        500,
        'resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
      ]);
  });

  test('the newest in a version that does not come is refused in the stream', async () => {
    const watch = gather(t.admin, cms, {
      resourceVersion: '100000',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
    });
    await clock.settle();
    await clock.advance(3000);
    await watch.done;
    expect(watch.events).toMatchObject([{ type: 'ERROR', object: { code: 504, reason: 'Timeout' } }]);
  });

  test('a version that is not there yet is waited for where only changes are asked', async () => {
    const now = Number((await api.post(cms, configMap('a'))).metadata?.resourceVersion);
    const watch = gather(t.admin, cms, { resourceVersion: String(now + 1) });
    await api.post(cms, configMap('b'));
    await api.post(cms, configMap('c'));
    await expect.poll(watch.texts).toEqual(['ADDED c']);
    watch.stop();
  });

  test.each<[string, Record<string, string>, string[]]>([
    ['as clients did before streaming lists', {}, ['ADDED a', 'BOOKMARK ', 'ADDED b']],
    ['from anywhere', { resourceVersion: '0' }, ['ADDED a', 'BOOKMARK ', 'ADDED b']],
    ['without what is there', { sendInitialEvents: 'false', resourceVersionMatch: 'NotOlderThan' }, ['ADDED b']],
  ])('%s', async (_name, query, expected) => {
    await api.post(cms, configMap('a'));
    const watch = gather(t.admin, cms, { ...query, allowWatchBookmarks: 'true' });
    await clock.settle();
    await api.post(cms, configMap('b'));
    await expect.poll(watch.texts).toEqual(expected);
    for (const { type, object } of watch.events)
      if (type === 'BOOKMARK') expect(object.metadata?.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
    watch.stop();
  });

  test('lives half an hour to an hour when it names no end, and gets its last bookmark two seconds before', async () => {
    const watch = gather(t.admin, cms, { resourceVersion: '1', allowWatchBookmarks: 'true' });
    const short = gather(t.admin, cms, { resourceVersion: '1', allowWatchBookmarks: 'true', timeoutSeconds: '10' });
    await clock.advance(7999);
    expect(short.texts()).toEqual([]);
    await clock.advance(1);
    expect(short.texts()).toEqual(['BOOKMARK ']);
    await clock.advance(2000);
    await short.done;
    expect(short.texts()).toEqual(['BOOKMARK ']);
    await clock.advance(29 * 60_000);
    expect(watch.events.length).toBe(29);
    await clock.advance(31 * 60_000);
    await watch.done;
    expect(watch.events.length).toBeLessThanOrEqual(60);
  });
});

describe('selectors', () => {
  test('of fields take what each kind has, old names too', async () => {
    const pods = '/api/v1/namespaces/default/pods';
    for (const name of ['p', 'q'])
      await api.post(pods, { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    await api.post(`${pods}/p/binding`, { metadata: { name: 'p' }, target: { name: 'n1' } });
    const found = async (fieldSelector: string): Promise<string[]> =>
      names((await api.get('/api/v1/pods', { fieldSelector })) as KubeList);
    expect(await found('spec.host=n1')).toEqual(['p']);
    expect(await found('spec.nodeName!=n1')).toEqual(['q']);
    expect(await found('status.podIPs=10.0.0.1')).toEqual([]);
    expect(await found('metadata.namespace=default,metadata.name!=p')).toEqual(['q']);
    expect(await found('metadata.namespace!=default')).toEqual([]);
    await expect(found('spec.containers=x')).rejects.toThrow('field label not supported: spec.containers');
    await expect(api.get('/api/v1/namespaces', { fieldSelector: 'name=default' })).rejects.toThrow(
      'field label not supported: name',
    );
    // Kinds without labels of their own take the namespace even where they have none.
    const none = await api.get('/apis/scheduling.k8s.io/v1/priorityclasses', { fieldSelector: 'metadata.namespace=x' });
    expect((none as KubeList).items).toEqual([]);
  });
});
