// Trust anchors as a node sees them: over a whole API server in memory, as that node's user.
import { afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import { selfSigned } from '../../../test/support/trust-anchor.ts';
import type { Pod, V1beta1ClusterTrustBundle, VolumeProjection } from '../../api/generated/types.ts';
import { allKinds } from '../../api/kinds/all.ts';
import type { Transport } from '../../api/transport.ts';
import { servedKinds } from '../../apiserver/runtime-config.ts';
import { startTestServer, type TestServer, verbs } from '../../apiserver/test-server.ts';
import { createClient } from '../../client/create-client.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createTrustBundles, mergedAnchors, noTrustBundles, type WatchedTrustBundles } from './trust-bundles.ts';
import { createVolumeManager } from './volume-manager.ts';
import { createWatchedObjects } from './watched-objects.ts';

const gates = new Set(['ClusterTrustBundle', 'ClusterTrustBundleProjection'] as const);
const signerName = 'example.com/ca';
let anchors: string[];
beforeAll(async () => {
  anchors = await Promise.all(['a', 'b', 'c', 'd'].map((name) => selfSigned(name)));
});
const bundle = (...which: number[]): V1beta1ClusterTrustBundle => ({
  spec: { trustBundle: which.map((i) => `words\n${anchors[i]}`).join('') },
});
/** The numbers of the anchors that are in a text, in its order. */
const anchorsIn = (text: string): number[] =>
  (text.match(/-----BEGIN CERTIFICATE-----\n[^-]*-----END CERTIFICATE-----\n/g) ?? []).map((one) =>
    anchors.indexOf(one),
  );

describe('mergedAnchors', () => {
  it('has each anchor once, and nothing between them', async () => {
    const text = await mergedAnchors([bundle(0, 1), bundle(1, 2)], 'salt');
    expect(anchorsIn(text).toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
    expect(text).toHaveLength([0, 1, 2].reduce((sum, i) => sum + (anchors[i] ?? '').length, 0));
    expect(await mergedAnchors([], 'salt')).toBe('');
  });

  it('orders them by the salt, whatever bundles they come from', async () => {
    const orderOf = async (salt: string, ...bundles: V1beta1ClusterTrustBundle[]): Promise<string> =>
      anchorsIn(await mergedAnchors(bundles, salt)).join('');
    expect(await orderOf('x', bundle(0, 1), bundle(2, 3))).toBe(await orderOf('x', bundle(3), bundle(2, 1, 0)));
    const orders = await Promise.all(Array.from({ length: 50 }, (_, i) => orderOf(String(i), bundle(0, 1, 2, 3))));
    expect(new Set(orders).size).toBeGreaterThan(5);
  });
});

let t: TestServer | undefined;
let source: WatchedTrustBundles;
let closed: (() => void)[] = [];
afterEach(async () => {
  for (const close of closed) close();
  closed = [];
  await t?.server.close();
  t = undefined;
});
const server = (): TestServer => {
  if (t === undefined) throw new Error('no server was started');
  return t;
};
const asNode = (): Transport => server().server.inProcess({ name: 'system:node:n', groups: ['system:nodes'] });
const nodeClient = () => createClient(asNode());

async function start(served = 'certificates.k8s.io/v1beta1/clustertrustbundles=true'): Promise<void> {
  t = await startTestServer(realClock, realRandom, { gates, kinds: servedKinds(allKinds, served) });
  source = createTrustBundles({ client: nodeClient(), clock: realClock, random: realRandom, logger: silentLogger });
  closed.push(() => source.close());
}
const path = (version = 'v1beta1'): string => `/apis/certificates.k8s.io/${version}/clustertrustbundles`;
const put = (name: string, which: number[], labels: Record<string, string> = {}, signer?: string, version?: string) =>
  verbs(server().admin).post(path(version), {
    metadata: { name, labels },
    spec: { ...bundle(...which).spec, ...(signer === undefined ? {} : { signerName: signer }) },
  });
const namedAnchors = async (name: string): Promise<number[]> => anchorsIn(await source.anchors({ name }, true));

test('one by its name, which changes and goes', async () => {
  await start();
  await put('mine', [0]);
  expect(await namedAnchors('mine')).toEqual([0]);
  const changes: string[] = [];
  source.onChange(({ name, signerName: of }) => changes.push(`${name} of ${of || 'none'}`));
  await verbs(server().admin).patch(`${path()}/mine`, 'merge-patch+json', { spec: bundle(1).spec });
  await eventually('changed', async () => expect(await namedAnchors('mine')).toEqual([1]));
  await verbs(server().admin).del(`${path()}/mine`);
  await eventually('gone', async () => expect(await namedAnchors('mine')).toEqual([]));
  expect(changes).toEqual(['mine of none', 'mine of none']);
  await expect(source.anchors({ name: 'mine' }, false)).rejects.toThrow(
    'while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io "mine" not found',
  );
});

test('those of a signer that a selector selects', async () => {
  await start();
  await put('example.com:ca:one', [0, 1], { env: 'live' }, signerName);
  await put('example.com:ca:two', [1, 2], { env: 'test' }, signerName);
  await put('example.com:other:x', [3], { env: 'live' }, 'example.com/other');
  await put('nobodys', [3], { env: 'live' });
  const select = async (labelSelector?: object): Promise<number[]> =>
    anchorsIn(await source.anchors({ signerName, labelSelector }, true)).toSorted((a, b) => a - b);
  expect(await select({})).toEqual([0, 1, 2]);
  expect(await select({ matchLabels: { env: 'live' } })).toEqual([0, 1]);
  expect(await select({ matchExpressions: [{ key: 'env', operator: 'NotIn', values: ['live'] }] })).toEqual([1, 2]);
  expect(await select()).toEqual([]);
  const none = 'combination of signerName and labelSelector matched zero ClusterTrustBundles';
  await expect(source.anchors({ signerName }, false)).rejects.toThrow(none);
  await expect(source.anchors({ signerName, labelSelector: { matchLabels: { a: 'b' } } }, false)).rejects.toThrow(none);
  await verbs(server().admin).patch(`${path()}/example.com:ca:two`, 'merge-patch+json', {
    metadata: { labels: { env: 'live' } },
  });
  await eventually('selected', async () => expect(await select({ matchLabels: { env: 'live' } })).toEqual([0, 1, 2]));
});

test('a selector that is longer than any should be', async () => {
  await start();
  const values = Array.from({ length: 2000 }, (_, i) => `v${i}`.padEnd(60, 'x'));
  const labelSelector = { matchExpressions: [{ key: 'a', operator: 'In', values }] };
  await expect(source.anchors({ signerName, labelSelector }, true)).rejects.toThrow(
    'label selector length (122006) is larger than 102400',
  );
});

test('by the older version, where only that is served', async () => {
  await start('certificates.k8s.io/v1alpha1=true');
  await put('mine', [2], {}, undefined, 'v1alpha1');
  expect(await namedAnchors('mine')).toEqual([2]);
});

test('none without the API, or without the gate', async () => {
  const unsupported = 'ClusterTrustBundle projection is not supported in static kubelet mode';
  await start('');
  await expect(source.anchors({ name: 'mine' }, true)).rejects.toThrow(unsupported);
  await expect(noTrustBundles.anchors({ name: 'mine' }, true)).rejects.toThrow(unsupported);
});

test('an API server that does not answer is asked again', async () => {
  await start();
  await put('mine', [0]);
  const transport = asNode();
  let failures = 1;
  const request: Transport['request'] = (what) =>
    failures-- > 0 ? Promise.reject(new Error('down')) : transport.request(what);
  const client = createClient({ request, stream: (what) => transport.stream(what) });
  const other = createTrustBundles({ client, clock: realClock, random: realRandom, logger: silentLogger });
  closed.push(() => other.close());
  await expect(other.anchors({ name: 'mine' }, false)).rejects.toThrow(
    'failed to ensure informer manager for ClusterTrustBundles: failed to determine which informer manager to choose: down',
  );
  expect(anchorsIn(await other.anchors({ name: 'mine' }, false))).toEqual([0]);
});

describe('in a volume', () => {
  const files = createMemoryFiles();
  const podWith = (source: VolumeProjection['clusterTrustBundle'], security: object = {}): Pod => ({
    metadata: { name: 'p', namespace: 'd', uid: 'u-1' },
    spec: {
      securityContext: security,
      containers: [{ name: 'c', volumeMounts: [{ name: 'ca', mountPath: '/ca' }] }],
      volumes: [{ name: 'ca', projected: { sources: [{ clusterTrustBundle: source! }, {}], defaultMode: 0o444 } }],
    },
  });

  it('comes when the bundle comes, changes with it, and stays when it goes', async () => {
    await start();
    const client = nodeClient();
    const [woken, failures]: string[][] = [[], []];
    const objects = createWatchedObjects(client, realClock, silentLogger);
    const manager = createVolumeManager({
      root: '/data',
      files,
      clock: realClock,
      objects,
      trustBundles: source,
      logger: silentLogger,
      nodeAllocatable: () => ({}),
      sourceChanged: (uid) => woken!.push(uid),
      refreshFailed: (_, message) => failures!.push(message),
    });
    closed.push(
      () => manager.close(),
      () => objects.close(),
    );
    const pod = podWith({ name: 'mine', path: 'ca.pem' });
    const missing =
      'MountVolume.SetUp failed for volume "ca" : while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io "mine" not found';
    expect(await manager.prepare(pod)).toMatchObject({ ok: false, messages: [missing] });
    await put('mine', [0]);
    await eventually('told of the bundle', async () => expect(woken).toContain('u-1'));
    const ready = await manager.prepare(pod);
    const at = `${ready.ok ? ready.mounts.get('ca') : ''}/ca.pem`;
    const shown = async (): Promise<number[]> => anchorsIn((await files.readFile(at)).toString());
    expect(await shown()).toEqual([0]);
    expect(((await files.stat(at))?.mode ?? 0) & 0o777).toBe(0o444);
    await verbs(server().admin).patch(`${path()}/mine`, 'merge-patch+json', { spec: bundle(1).spec });
    await eventually('the change', async () => expect(await shown()).toEqual([1]));
    await verbs(server().admin).del(`${path()}/mine`);
    await eventually('told of the loss', async () => expect(failures).toEqual([missing]));
    expect(await shown()).toEqual([1]);
    const own = podWith({ signerName, optional: true, path: 'ca.pem' }, { runAsUser: 1000 });
    expect(await manager.prepare(own)).toMatchObject({ ok: true });
    expect(await files.stat(at)).toMatchObject({ uid: 1000, size: 0 });
    expect(((await files.stat(at))?.mode ?? 0) & 0o777).toBe(0o600);
  });
});
