// Pods with users of their own, in a whole cluster on virtual time: what the runtime is told, over restarts of the kubelet and to the end.
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Pod, PodSpec } from '../../src/api/generated/types.ts';
import { pods } from '../../src/client/resources.ts';
import type { NamespaceOption, RuntimeContainerStatus } from '../../src/cri/runtime.ts';
import { type SimulatedCluster, startSimulatedCluster } from '../../src/sim/cluster.ts';
import type { SimulatedNode } from '../../src/sim/simulated-node.ts';

let cluster: SimulatedCluster;
let node: SimulatedNode;
beforeEach(async () => {
  cluster = await startSimulatedCluster();
  const [only] = cluster.nodes;
  if (only === undefined) throw new Error('no node');
  node = only;
});
afterEach(() => cluster.stop());

const namespace = 'default';
const get = (name: string): Promise<Pod> => cluster.client.get(pods, { name, namespace });
async function run(name: string, spec: Partial<PodSpec>, annotations: Record<string, string> = {}): Promise<string> {
  const containers = [{ name: 'c', image: 'nginx', volumeMounts: [{ name: 'data', mountPath: '/data' }] }];
  await cluster.client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, annotations },
    spec: { containers, volumes: [{ name: 'data', emptyDir: {} }], ...spec },
  });
  for (let waited = 0; (await get(name)).status?.phase !== 'Running'; waited += 100) {
    if (waited > 10_000) throw new Error(`${name} does not run`);
    await cluster.clock.advance(100);
  }
  return (await get(name)).metadata?.uid ?? '';
}
const labelSelector = (uid: string) => ({ 'io.kubernetes.pod.uid': uid });
async function usersOf(uid: string): Promise<NamespaceOption['userns']> {
  const [sandbox] = await node.runtime.listPodSandbox({ labelSelector: labelSelector(uid) });
  return (await node.runtime.podSandboxStatus(sandbox?.id ?? '')).namespaceOptions?.userns;
}
async function containerOf(uid: string): Promise<RuntimeContainerStatus> {
  const containers = await node.runtime.listContainers({ labelSelector: labelSelector(uid) });
  return await node.runtime.containerStatus(containers.toSorted((a, b) => a.createdAt - b.createdAt).at(-1)?.id ?? '');
}
const recorded = (uid: string): string => `/var/lib/kubelet/pods/${uid}/userns`;

it('a pod with hostUsers: false has a range of its own, in its sandbox and in every mount', async () => {
  const one = await run('one', { hostUsers: false });
  const two = await run('two', { hostUsers: false });
  const [ofOne, ofTwo] = [await usersOf(one), await usersOf(two)];
  for (const users of [ofOne, ofTwo]) {
    expect(users).toMatchObject({ mode: 'pod', uids: [{ containerId: 0, length: 65_536 }] });
    expect(users?.gids).toEqual(users?.uids);
    expect(users?.uids[0]?.hostId).toBeGreaterThanOrEqual(65_536);
  }
  expect(ofOne?.uids).not.toEqual(ofTwo?.uids);
  const { mounts } = await containerOf(one);
  expect(mounts.map(({ containerPath }) => containerPath)).toEqual(expect.arrayContaining(['/data', '/etc/hosts']));
  for (const mount of mounts) expect(mount).toMatchObject({ uidMappings: ofOne?.uids, gidMappings: ofOne?.gids });
});

it("a pod that says nothing has the node's users, and its mounts no mappings", async () => {
  const uid = await run('plain', {});
  expect(await usersOf(uid)).toEqual({ mode: 'node', uids: [], gids: [] });
  for (const mount of (await containerOf(uid)).mounts) expect(mount).not.toHaveProperty('uidMappings');
  expect(await node.files.lstat(recorded(uid))).toBeUndefined();
});

it('a container that is started again by another kubelet has the same users, and the end of the pod gives them back', async () => {
  const uid = await run('web', { hostUsers: false }, { 'sim.peapod.dev/run-time': '5s' });
  const before = await usersOf(uid);
  const { id } = await containerOf(uid);
  await node.restart();
  for (let waited = 0; ((await get('web')).status?.containerStatuses?.[0]?.restartCount ?? 0) === 0; waited += 100) {
    if (waited > 30_000) throw new Error('it was not started again');
    await cluster.clock.advance(100);
  }
  const again = await containerOf(uid);
  expect(again.id).not.toBe(id);
  for (const mount of again.mounts) expect(mount.uidMappings).toEqual(before?.uids);
  await cluster.client.delete(pods, { name: 'web', namespace });
  await cluster.clock.advance(60_000);
  await expect(get('web')).rejects.toThrow('not found');
  expect(await node.files.lstat(recorded(uid))).toBeUndefined();
});
