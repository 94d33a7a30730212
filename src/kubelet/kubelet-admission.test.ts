// Whether a pod may run on the node, and what makes room for it, on the simulated runtime and virtual time.
import { afterEach, describe, expect, test } from 'vitest';
import type { Harness } from './testing/kubelet-harness.ts';
import { simulatedPod as pod, startOnVirtualTime } from '../sim/simulated-pod.ts';
import type { Node, Pod } from '../api/generated/types.ts';
import { ableNode } from './testing/able-node.ts';
import type { KubeletOptions } from './kubelet.ts';

let harness: Harness;
async function start(overrides: Partial<KubeletOptions> = {}): Promise<Harness> {
  harness = await startOnVirtualTime(overrides);
  return harness;
}
afterEach(() => harness.stop());

describe('a pod comes to the node', () => {
  test('a pod for which there is no room is refused', async () => {
    const allocatable = { cpu: '1', memory: '1Gi', pods: '110' };
    const node = {
      nodeName: 'n',
      hostIPs: () => ['192.0.2.1'],
      node: () => ({ status: { allocatable } }),
      networkError: () => undefined,
    };
    const { api, clock, show, events, runtime } = await start({ node });
    const asking = (name: string): Pod =>
      pod(name, {}, { containers: [{ name: 'c', image: 'x', resources: { requests: { cpu: '600m' } } }] });
    api.create(asking('one'));
    api.create(asking('two'));
    await clock.settle();
    expect(show('one')).toBe('Running c:running');
    expect(show('two')).toBe('Failed');
    const message = "Node didn't have enough resource: cpu, requested: 600, used: 600, capacity: 1000";
    expect(api.get('two').status).toMatchObject({ reason: 'OutOfcpu', message: `Pod was rejected: ${message}` });
    expect(events).toContain(`Warning OutOfcpu ${message}`);
    await harness.restart();
    await clock.advance(5000);
    expect([show('one'), show('two')]).toEqual(['Running c:running', 'Failed']);
    expect(await runtime.listPodSandbox()).toHaveLength(1);
    api.delete('two', 0);
    await clock.advance(100);
    expect(harness.kubelet().list()).toHaveLength(1);
  });

  const nodeWith = (node: () => Node) => ({
    nodeName: 'n',
    hostIPs: () => ['192.0.2.1'],
    node,
    networkError: () => undefined,
  });
  const withLabels = (labels: Record<string, string>): Node => ({ metadata: { name: 'n', labels } });

  test('labels that may be old speak against no pod before the API was asked', async () => {
    const node = nodeWith(() => withLabels({}));
    let answer = Promise.withResolvers<Node>();
    const { api, clock, show } = await start({ node, fetchNode: () => answer.promise });
    api.create(pod('fits', {}, { nodeSelector: { zone: 'a' } }));
    api.create(pod('does-not', {}, { nodeSelector: { zone: 'b' } }));
    api.create(pod('goes', {}, { nodeSelector: { zone: 'b' } }));
    await clock.settle();
    expect([show('fits'), show('does-not')]).toEqual(['Pending', 'Pending']);
    api.delete('goes', 0);
    await clock.settle();
    answer.resolve(withLabels({ zone: 'a' }));
    await clock.settle();
    expect([show('fits'), show('does-not'), show('goes')]).toEqual(['Running c:running', 'Failed', 'gone']);
    expect(api.get('does-not').status?.reason).toBe('NodeAffinity');
    answer = Promise.withResolvers<Node>();
    answer.reject(new Error('away'));
    api.create(pod('unknown', {}, { nodeSelector: { zone: 'a' } }));
    await clock.settle();
    expect(api.get('unknown').status?.reason).toBe('NodeAffinity');
  });

  test('a new pod takes nothing from those that ran before the kubelet was started again', async () => {
    const node = nodeWith(() => ({ status: { allocatable: { cpu: '1', memory: '1Gi', pods: '110' } } }));
    const { api, clock, show } = await start({ node });
    const asking = (name: string): Pod =>
      pod(name, {}, { containers: [{ name: 'c', image: 'x', resources: { requests: { cpu: '600m' } } }] });
    api.create(asking('old'));
    await clock.settle();
    const { metadata, status } = api.get('old');
    await harness.stop();
    // The list that a kubelet starts with has no order.
    api.delete('old', 0);
    api.create(asking('new'));
    api.create({ ...asking('old'), metadata: { ...metadata }, status: { ...status } });
    await harness.restart();
    await clock.settle();
    expect([show('old'), show('new')]).toEqual(['Running c:running', 'Failed']);
  });

  test('others make room for critical pods, one after the other', async () => {
    const node = nodeWith(() => ({ status: { allocatable: { cpu: '1', memory: '1Gi', pods: '110' } } }));
    const { api, clock, show, events } = await start({ node });
    const asking = (name: string, cpu: string, priority = 0): Pod =>
      pod(
        name,
        { 'stop-time': '2s' },
        { priority, containers: [{ name: 'c', image: 'x', resources: { requests: { cpu } } }] },
      );
    const critical = 2_000_000_000;
    for (const name of ['a', 'b', 'c']) api.create(asking(name, '300m'));
    await clock.settle();
    api.create(asking('first', '500m', critical));
    api.create(asking('second', '300m', critical));
    api.create(asking('small', '100m'));
    await clock.advance(10);
    // What is free is promised, and the others have time to end.
    expect([show('first'), show('second'), show('small')]).toEqual(['Pending', 'Pending', 'Failed']);
    expect(api.get('small').status?.reason).toBe('OutOfcpu');
    await clock.advance(60_000);
    expect([show('first'), show('second')]).toEqual(['Running c:running', 'Running c:running']);
    const ended = ['a', 'b', 'c'].filter((name) => api.get(name).status?.reason === 'Preempting');
    expect(ended).toHaveLength(3);
    expect(api.get('a').status).toMatchObject({
      phase: 'Failed',
      message: 'Preempted in order to admit critical pod',
      conditions: expect.arrayContaining([
        expect.objectContaining({
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'TerminationByKubelet',
          message: 'Pod was preempted by Kubelet to accommodate a critical pod.',
        }) as unknown,
      ]) as unknown,
    });
    expect(events.filter((event) => event.includes('Preempting'))).toHaveLength(3);
    api.create(asking('third', '900m', critical));
    await clock.advance(100);
    expect(api.get('third').status).toMatchObject({
      reason: 'UnexpectedAdmissionError',
      message:
        'Pod was rejected: Unexpected error while attempting to recover from admission failure: preemption: error finding ' +
        'a set of pods to preempt: no set of running pods found to reclaim resources: [(res: cpu, q: 700), ]',
    });
  });

  test('a privileged pod that the node forbids stays Pending until it is deleted', async () => {
    const { api, clock, show, events, runtime } = await start({ abilities: { ...ableNode, allowPrivileged: false } });
    api.create(pod('p', {}, { containers: [{ name: 'c', image: 'x', securityContext: { privileged: true } }] }));
    await clock.settle();
    api.update('p', (p) => ({ ...p, metadata: { ...p.metadata, labels: { a: 'b' } } }));
    await clock.advance(60_000);
    expect(show('p')).toBe('Pending');
    expect(events).toEqual([
      'Warning FailedValidation Error validating pod p.default from api, ignoring: ' +
        'spec.containers[0].securityContext.privileged: forbidden: this node allows no privileged containers',
    ]);
    expect(await runtime.listPodSandbox()).toHaveLength(0);
    api.delete('p', 30);
    await clock.settle();
    expect(show('p')).toBe('gone');
  });
});
