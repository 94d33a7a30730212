// Pods that name ConfigMaps and Secrets, in a whole cluster on virtual time: missing, made later, changed, deleted.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigMap, Pod, PodSpec } from '../../src/api/generated/types.ts';
import { configMaps, events, pods, secrets } from '../../src/client/resources.ts';
import { type SimulatedCluster, startSimulatedCluster } from '../../src/sim/cluster.ts';

let cluster: SimulatedCluster;
beforeEach(async () => {
  cluster = await startSimulatedCluster();
});
afterEach(() => cluster.stop());

const namespace = 'default';
const create = (name: string, spec: PodSpec): Promise<Pod> =>
  cluster.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec });
const makeMap = (name: string, data: Record<string, string>): Promise<ConfigMap> =>
  cluster.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data });
const get = (name: string): Promise<Pod> => cluster.client.get(pods, { name, namespace });
const waiting = async (name: string): Promise<string | undefined> =>
  (await get(name)).status?.containerStatuses?.[0]?.state?.waiting?.reason;
async function eventsOf(name: string): Promise<string[]> {
  const { items } = await cluster.client.list(events, { namespace, fieldSelector: `involvedObject.name=${name}` });
  return items.map(({ type, reason, message }) => `${type} ${reason} ${message}`);
}
async function until(what: string, check: () => Promise<boolean>, limitMs: number): Promise<void> {
  for (let waited = 0; !(await check()); waited += 100) {
    if (waited >= limitMs) throw new Error(`${what}: not within ${limitMs} ms`);
    await cluster.clock.advance(100);
  }
}
const untilRunning = (name: string, limitMs: number): Promise<void> =>
  until(`${name} Running`, async () => (await get(name)).status?.phase === 'Running', limitMs);

describe('a pod whose ConfigMap is missing', () => {
  it('waits with FailedMount, and starts within a second of its making', async () => {
    await create('web', {
      containers: [{ name: 'c', image: 'nginx', volumeMounts: [{ name: 'cfg', mountPath: '/cfg' }] }],
      volumes: [{ name: 'cfg', configMap: { name: 'settings' } }],
    });
    await cluster.clock.advance(20_000);
    expect(await waiting('web')).toBe('ContainerCreating');
    expect(await eventsOf('web')).toContain(
      'Warning FailedMount MountVolume.SetUp failed for volume "cfg" : configmap "settings" not found',
    );
    await makeMap('settings', { a: '1' });
    await untilRunning('web', 1000);
  });

  it('waits with CreateContainerConfigError for its env, and starts within a second of its making', async () => {
    await create('web', {
      containers: [
        {
          name: 'c',
          image: 'nginx',
          env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'a' } } }],
        },
      ],
    });
    await cluster.clock.advance(20_000);
    expect(await waiting('web')).toBe('CreateContainerConfigError');
    expect((await get('web')).status?.containerStatuses?.[0]?.state?.waiting?.message).toBe(
      'configmap "settings" not found',
    );
    expect(await eventsOf('web')).toContain('Warning Failed Error: configmap "settings" not found');
    await makeMap('settings', { b: '1' });
    await until(
      'the other failure',
      async () =>
        (await get('web')).status?.containerStatuses?.[0]?.state?.waiting?.message ===
        "couldn't find key a in ConfigMap default/settings",
      1000,
    );
    const map = await cluster.client.get(configMaps, { name: 'settings', namespace });
    await cluster.client.update(configMaps, { ...map, data: { a: '1' } });
    await untilRunning('web', 1000);
  });

  it('starts without what is optional', async () => {
    await create('web', {
      containers: [
        {
          name: 'c',
          image: 'nginx',
          envFrom: [{ secretRef: { name: 'none', optional: true } }],
          volumeMounts: [{ name: 'cfg', mountPath: '/cfg' }],
        },
      ],
      volumes: [{ name: 'cfg', configMap: { name: 'none', optional: true } }],
    });
    await untilRunning('web', 5000);
  });
});

it('a running pod outlives its Secret, with one event', async () => {
  await cluster.client.create(secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'key', namespace },
    data: { a: 'YQ==' },
  });
  await create('web', {
    containers: [{ name: 'c', image: 'nginx', volumeMounts: [{ name: 's', mountPath: '/s', subPath: 'a' }] }],
    volumes: [{ name: 's', secret: { secretName: 'key' } }],
  });
  await untilRunning('web', 5000);
  await cluster.client.delete(secrets, { name: 'key', namespace });
  await cluster.clock.advance(150_000);
  expect((await get('web')).status?.phase).toBe('Running');
  const failures = (await eventsOf('web')).filter((event) => event.includes('FailedMount'));
  expect(failures).toEqual(['Warning FailedMount MountVolume.SetUp failed for volume "s" : secret "key" not found']);
});

it('a volume that no plugin handles is named', async () => {
  await create('web', {
    containers: [{ name: 'c', image: 'nginx', volumeMounts: [{ name: 'data', mountPath: '/d' }] }],
    volumes: [{ name: 'data', nfs: { server: 's', path: '/' } }],
  });
  await cluster.clock.advance(3000);
  expect((await eventsOf('web')).find((event) => event.includes('FailedMount'))).toMatch(
    /^Warning FailedMount Unable to attach or mount volumes: unmounted volumes=\[data\], unattached volumes=\[\], failed to process volumes=\[data\]: .*nfs is not supported/,
  );
});
