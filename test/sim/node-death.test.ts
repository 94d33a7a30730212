// What becomes of pods whose node falls silent, on virtual time: marked not ready, ended when they tolerate it no longer, and gone
// when somebody declares the node out of service; or left alone when it comes back in time.
import { afterEach, expect, it } from 'vitest';
import type { Pod, Toleration } from '../../src/api/generated/types.ts';
import { isApiError } from '../../src/api/meta/errors.ts';
import { events, nodes, pods } from '../../src/client/resources.ts';
import { type SimulatedCluster, startSimulatedCluster } from '../../src/sim/cluster.ts';

let cluster: SimulatedCluster;
afterEach(() => cluster.stop());

const unreachable = (tolerationSeconds?: number): Toleration => ({
  key: 'node.kubernetes.io/unreachable',
  operator: 'Exists',
  effect: 'NoExecute',
  ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
});
const get = (name: string): Promise<Pod> => cluster.client.get(pods, { name, namespace: 'default' });
const gone = (name: string): Promise<boolean> =>
  get(name).then(
    () => false,
    (error: unknown) => isApiError(error, 'NotFound'),
  );
const conditionOf = async (name: string, wanted: string) =>
  (await get(name)).status?.conditions?.find(({ type }) => type === wanted);
const isEnding = async (name: string): Promise<boolean> => (await get(name)).metadata?.deletionTimestamp !== undefined;
const evictionEvents = async (name: string): Promise<string[]> =>
  (await cluster.client.list(events, { namespace: 'default', fieldSelector: `involvedObject.name=${name}` })).items
    .filter(({ reason }) => reason === 'TaintManagerEviction')
    .map(({ message, source }) => `${source?.component}: ${message}`);

async function start(tolerations: Record<string, Toleration[]>): Promise<void> {
  cluster = await startSimulatedCluster({ nodes: 2 });
  for (const [name, own] of Object.entries(tolerations)) {
    const spec = { nodeName: 'node-1', containers: [{ name: 'c', image: 'nginx' }], tolerations: own };
    await cluster.client.create(pods, { metadata: { name, namespace: 'default' }, spec });
  }
  await cluster.clock.advance(5_000);
  for (const name of Object.keys(tolerations)) expect((await conditionOf(name, 'Ready'))?.status).toBe('True');
}

it('ends the pods of a dead node when their time is over, and lets them go once it is out of service', async () => {
  await start({ short: [unreachable(20)], usual: [], forever: [unreachable()] });
  await cluster.nodes[0]?.stop();
  await cluster.clock.advance(65_000);
  const node = await cluster.client.get(nodes, { name: 'node-1' });
  expect(node.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('Unknown');
  expect(node.spec?.taints?.map(({ key, effect }) => `${key}:${effect}`).toSorted()).toEqual([
    'node.kubernetes.io/unreachable:NoExecute',
    'node.kubernetes.io/unreachable:NoSchedule',
  ]);
  for (const name of ['short', 'usual', 'forever']) expect((await conditionOf(name, 'Ready'))?.status).toBe('False');
  await cluster.clock.advance(20_000);
  expect([await isEnding('short'), await isEnding('usual')]).toEqual([true, false]);
  expect(await conditionOf('short', 'DisruptionTarget')).toMatchObject({
    status: 'True',
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
  });
  await cluster.clock.advance(250_000);
  expect(await isEnding('usual')).toBe(false);
  await cluster.clock.advance(40_000);
  expect([await isEnding('usual'), await isEnding('forever')]).toEqual([true, false]);
  expect(await evictionEvents('usual')).toEqual(['taint-eviction-controller: Marking for deletion Pod default/usual']);
  // Nobody can say that its containers have ended: it stays.
  await cluster.clock.advance(600_000);
  expect([await gone('short'), await gone('usual')]).toEqual([false, false]);
  const taint = { key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' };
  const taints = [...((await cluster.client.get(nodes, { name: 'node-1' })).spec?.taints ?? []), taint];
  await cluster.client.patch(nodes, { name: 'node-1' }, { type: 'merge', body: { spec: { taints } } });
  await cluster.clock.advance(60_000);
  // That taint is tolerated by none.
  expect([await gone('short'), await gone('usual'), await gone('forever')]).toEqual([true, true, true]);
});

it('leaves the pods of a node alone that comes back in time', async () => {
  await start({ usual: [] });
  await cluster.nodes[0]?.stop();
  await cluster.clock.advance(120_000);
  expect((await conditionOf('usual', 'Ready'))?.status).toBe('False');
  await cluster.nodes[0]?.restart();
  await cluster.clock.advance(30_000);
  expect((await cluster.client.get(nodes, { name: 'node-1' })).spec?.taints ?? []).toEqual([]);
  expect((await conditionOf('usual', 'Ready'))?.status).toBe('True');
  await cluster.clock.advance(600_000);
  expect(await isEnding('usual')).toBe(false);
  expect(await evictionEvents('usual')).toEqual([
    'taint-eviction-controller: Cancelling deletion of Pod default/usual',
  ]);
});

it('ends no pod where every node has fallen silent', async () => {
  await start({ usual: [] });
  await Promise.all(cluster.nodes.map((node) => node.stop()));
  await cluster.clock.advance(900_000);
  expect((await conditionOf('usual', 'Ready'))?.status).toBe('False');
  expect(await isEnding('usual')).toBe(false);
});

it('ends at once what does not tolerate a taint that somebody sets', async () => {
  await start({ usual: [], tolerant: [{ key: 'maintenance', operator: 'Exists' }] });
  const body = { spec: { taints: [{ key: 'maintenance', effect: 'NoExecute' }] } };
  await cluster.client.patch(nodes, { name: 'node-1' }, { type: 'merge', body });
  await cluster.clock.advance(40_000);
  expect([await gone('usual'), await gone('tolerant')]).toEqual([true, false]);
});
