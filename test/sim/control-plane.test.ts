// Scheduler and controllers on the real API server and the memory store, on virtual time.
import { afterEach, describe, expect, it } from 'vitest';
import type { Node, Pod } from '../../src/api/generated/types.ts';
import { isApiError } from '../../src/api/meta/errors.ts';
import {
  configMaps,
  events,
  namespaces,
  nodes,
  pods,
  priorityClasses,
  serviceAccounts,
} from '../../src/client/resources.ts';
import { type SimulatedControlPlane, startSimulatedControlPlane } from '../../src/sim/control-plane.ts';

let plane: SimulatedControlPlane;
afterEach(() => plane.stop());

const node = (name: string): Node => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
const allocatable = { cpu: '2', memory: '4Gi', pods: '110' };

async function addNode(name: string): Promise<void> {
  const { client, clock } = plane;
  await client.create(nodes, node(name));
  const time = new Date(clock.now()).toISOString().replace(/\.\d+/, '');
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: 'KubeletReady',
    lastHeartbeatTime: time,
    lastTransitionTime: time,
  };
  const body = { status: { capacity: allocatable, allocatable, conditions: [ready] } };
  await client.patch(nodes, { name }, { type: 'strategic', body }, { subresource: 'status' });
  await plane.settle();
}

const pod = (name: string, cpu: string, namespace = 'default'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: { containers: [{ name: 'c', image: 'nginx', resources: { requests: { cpu } } }] },
});

const getPod = (name: string) => plane.client.get(pods, { name, namespace: 'default' });

describe('a control plane without kubelets', () => {
  it('says why a pod is pending, and places it when a node comes', async () => {
    plane = await startSimulatedControlPlane();
    await plane.client.create(pods, pod('web', '500m'));
    await plane.settle();
    expect((await getPod('web')).status?.conditions?.[0]).toMatchObject({
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: 'no nodes available to schedule pods',
    });
    await addNode('n1');
    await plane.clock.advance(2_000);
    await plane.settle();
    const placed = await getPod('web');
    expect(placed.spec?.nodeName).toBe('n1');
    expect(placed.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.status).toBe('True');
    await plane.clock.advance(1_000);
    const recorded = (await plane.client.list(events, { namespace: 'default' })).items;
    expect(recorded.map(({ reason, message, type }) => `${type} ${reason} ${message}`)).toEqual(
      expect.arrayContaining([
        'Warning FailedScheduling no nodes available to schedule pods',
        'Normal Scheduled Successfully assigned default/web to n1',
      ]),
    );
  });

  it('places the pod of the highest priority first', async () => {
    plane = await startSimulatedControlPlane();
    for (const [name, value] of [
      ['low', -1],
      ['high', 100],
    ] as const)
      await plane.client.create(priorityClasses, { metadata: { name }, value });
    for (const name of ['low', 'none', 'high']) {
      const made = pod(name, '2');
      if (made.spec && name !== 'none') made.spec.priorityClassName = name;
      await plane.client.create(pods, made);
    }
    await plane.settle();
    await addNode('n1');
    await plane.clock.advance(12_000);
    await plane.settle();
    const placed = await Promise.all(['low', 'none', 'high'].map(async (name) => (await getPod(name)).spec?.nodeName));
    expect(placed).toEqual([undefined, undefined, 'n1']);
  });

  it('never gives a node more than it has', async () => {
    plane = await startSimulatedControlPlane();
    await addNode('n1');
    await addNode('n2');
    await Promise.all(Array.from({ length: 10 }, (_, i) => plane.client.create(pods, pod(`p${i}`, '600m'))));
    await plane.settle();
    await plane.clock.advance(5_000);
    const placed = (await plane.client.list(pods, { namespace: 'default' })).items.map(({ spec }) => spec?.nodeName);
    expect(['n1', 'n2'].map((name) => placed.filter((at) => at === name).length)).toEqual([3, 3]);
  });

  it('furnishes a namespace, and empties it when it goes', async () => {
    plane = await startSimulatedControlPlane();
    const { client } = plane;
    await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } });
    await plane.settle();
    await client.get(serviceAccounts, { name: 'default', namespace: 'team' });
    await client.get(configMaps, { name: 'kube-root-ca.crt', namespace: 'team' });
    await client.create(pods, pod('waiting', '1', 'team'));
    await client.delete(namespaces, { name: 'team' });
    await plane.settle();
    await plane.clock.advance(30_000);
    await expect(client.get(namespaces, { name: 'team' })).rejects.toSatisfy((error) => isApiError(error, 'NotFound'));
    expect((await client.list(configMaps, { namespace: 'team' })).items).toEqual([]);
  });

  it('gives up a node that is silent', async () => {
    plane = await startSimulatedControlPlane();
    await addNode('n1');
    expect((await plane.client.get(nodes, { name: 'n1' })).spec?.taints ?? []).toEqual([]);
    await plane.clock.advance(51_000);
    await plane.settle();
    const lost = await plane.client.get(nodes, { name: 'n1' });
    expect(lost.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
    });
    // It is the only node: the fault may be elsewhere, and nobody is expelled.
    const taintsOf = async (name: string) =>
      (await plane.client.get(nodes, { name })).spec?.taints?.map(({ key, effect }) => `${key}:${effect}`) ?? [];
    expect(await taintsOf('n1')).toEqual(['node.kubernetes.io/unreachable:NoSchedule']);
    await addNode('n2');
    expect(await taintsOf('n1')).toEqual([
      'node.kubernetes.io/unreachable:NoSchedule',
      'node.kubernetes.io/unreachable:NoExecute',
    ]);
    await plane.clock.advance(60_000);
    await plane.settle();
    expect(await taintsOf('n1')).toEqual(['node.kubernetes.io/unreachable:NoSchedule']);
  });
});
