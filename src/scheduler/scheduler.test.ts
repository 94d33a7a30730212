import { afterEach, describe, expect, it } from 'vitest';
import type { Node, ObjectReference, Pod, PodSpec } from '../api/generated/types.ts';
import { serviceUnavailable } from '../api/meta/errors.ts';
import { createClient } from '../client/create-client.ts';
import { silentLogger } from '../lib/logger.ts';
import { createFakeApi } from '../sim/fake-api.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import type { AnyPlugin } from './framework.ts';
import { defaultProfile } from './plugins/default-profile.ts';
import { createScheduler } from './scheduler.ts';

const node = (name: string, cpu = '2'): Node => ({
  metadata: { name },
  spec: {},
  status: { allocatable: { cpu, memory: '4Gi', pods: '110' } },
});
const pod = (name: string, cpu: string, spec: Partial<PodSpec> = {}): Pod => ({
  metadata: { name, namespace: 'default', uid: name, generation: 1 },
  spec: { schedulerName: 'default-scheduler', containers: [{ name: 'c', resources: { requests: { cpu } } }], ...spec },
  status: { phase: 'Pending' },
});

let stop = new AbortController();
afterEach(() => stop.abort());

async function setUp(plugins: readonly AnyPlugin[] = []) {
  stop = new AbortController();
  const clock = createVirtualClock();
  const api = createFakeApi();
  const events: string[] = [];
  const recorder = {
    event: (object: ObjectReference, type: string, reason: string, message: string) =>
      void events.push(`${object.name} ${type} ${reason} ${message}`),
  };
  const scheduler = createScheduler({
    client: createClient(api),
    clock,
    random: createSeededRandom(3),
    logger: silentLogger,
    recorder,
    profiles(binder) {
      const profile = defaultProfile(binder);
      return [{ ...profile, plugins: [...plugins.map((plugin) => ({ plugin })), ...profile.plugins] }];
    },
  });
  const nodeOf = (name: string) => (api.get('pods', name, 'default') as Pod | undefined)?.spec?.nodeName;
  const conditionOf = (name: string) => (api.get('pods', name, 'default') as Pod | undefined)?.status?.conditions?.[0];
  return { clock, api, events, scheduler, nodeOf, conditionOf };
}

describe('createScheduler', () => {
  it('goes on with other pods after a plugin throws, and tries that one again', async () => {
    let broken = true;
    const faulty: AnyPlugin = {
      name: 'Faulty',
      filter(info) {
        if (broken && info.name === 'a') throw new Error('out of order');
        return undefined;
      },
    };
    const { clock, api, events, scheduler, nodeOf } = await setUp([faulty]);
    api.put('nodes', node('n1'));
    api.put('pods', pod('a', '500m'));
    api.put('pods', pod('b', '500m'));
    await scheduler.start(stop.signal);
    await clock.settle();
    expect([nodeOf('a'), nodeOf('b')]).toEqual([undefined, 'n1']);
    expect(events).toContain('a Warning FailedScheduling out of order');
    broken = false;
    await clock.advance(2_000);
    expect(nodeOf('a')).toBe('n1');
  });
  it('binds pods, old and new, and records it', async () => {
    const { clock, api, events, scheduler, nodeOf } = await setUp();
    api.put('nodes', node('n1'));
    api.put('pods', pod('a', '500m'));
    await scheduler.start(stop.signal);
    await clock.settle();
    expect(nodeOf('a')).toBe('n1');
    expect(events).toEqual(['a Normal Scheduled Successfully assigned default/a to n1']);
    expect(api.writes[0]).toMatchObject({
      line: 'POST /api/v1/namespaces/default/pods/a/binding',
      body: { kind: 'Binding', metadata: { name: 'a', uid: 'a' }, target: { kind: 'Node', name: 'n1' } },
    });
    api.put('pods', pod('other', '1m', { schedulerName: 'mine' }));
    api.put('pods', pod('b', '1'));
    await clock.settle();
    expect(nodeOf('b')).toBe('n1');
    expect(nodeOf('other')).toBeUndefined();
  });

  it('says why not, once, and tries again when room comes', async () => {
    const { clock, api, events, scheduler, nodeOf, conditionOf } = await setUp();
    await scheduler.start(stop.signal);
    api.put('pods', pod('a', '1500m'));
    await clock.settle();
    expect(conditionOf('a')).toEqual({
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: 'no nodes available to schedule pods',
      lastTransitionTime: '2026-01-01T00:00:00Z',
      observedGeneration: 1,
    });
    expect(events).toEqual(['a Warning FailedScheduling no nodes available to schedule pods']);
    api.put('nodes', node('n1'));
    await clock.settle();
    expect(nodeOf('a')).toBeUndefined();
    await clock.advance(1_000);
    expect(nodeOf('a')).toBe('n1');
    api.put('pods', pod('b', '1'));
    await clock.advance(60_000);
    expect(conditionOf('b')?.message).toBe(
      '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
    );
    expect(events.filter((line) => line.startsWith('b '))).toHaveLength(1);
    // A finished pod gives its room back.
    api.put('pods', { ...api.get('pods', 'a', 'default'), status: { phase: 'Succeeded' } } as Pod);
    await clock.advance(2_000);
    expect(nodeOf('b')).toBe('n1');
  });

  it('gives the place back when binding fails, and backs off', async () => {
    const { clock, api, events, scheduler, nodeOf, conditionOf } = await setUp();
    api.put('nodes', node('n1'));
    let refusals = 2;
    api.intercept = ({ path }) => {
      if (path.endsWith('/binding') && refusals-- > 0) throw serviceUnavailable('not now');
      return undefined;
    };
    api.put('pods', pod('a', '2'));
    await scheduler.start(stop.signal);
    await clock.settle();
    expect(conditionOf('a')?.reason).toBe('SchedulerError');
    expect(events[0]).toBe('a Warning FailedScheduling binding rejected: running Bind plugin "DefaultBinder": not now');
    await clock.advance(1_000);
    expect(nodeOf('a')).toBeUndefined();
    await clock.advance(2_000);
    expect(nodeOf('a')).toBe('n1');
  });

  it('waits for scheduling gates', async () => {
    const { clock, api, scheduler, nodeOf, conditionOf } = await setUp();
    api.put('nodes', node('n1'));
    await scheduler.start(stop.signal);
    api.put('pods', pod('a', '1', { schedulingGates: [{ name: 'x.io/wait' }] }));
    await clock.advance(10_000);
    expect(nodeOf('a')).toBeUndefined();
    expect(conditionOf('a')?.reason).toBe('SchedulingGated');
    api.put('pods', pod('a', '1'));
    await clock.settle();
    expect(nodeOf('a')).toBe('n1');
  });

  it('never overcommits a node, however fast pods come', async () => {
    const { clock, api, scheduler, nodeOf } = await setUp();
    for (const name of ['n1', 'n2', 'n3']) api.put('nodes', node(name));
    await scheduler.start(stop.signal);
    for (let i = 0; i < 20; i++) api.put('pods', pod(`p${i}`, '500m'));
    await clock.advance(1_000);
    const placed = Array.from({ length: 20 }, (_, i) => nodeOf(`p${i}`));
    expect(['n1', 'n2', 'n3'].map((name) => placed.filter((at) => at === name).length)).toEqual([4, 4, 4]);
    api.remove('pods', `p${placed.indexOf('n2')}`, 'default');
    await clock.advance(20_000);
    expect(Array.from({ length: 20 }, (_, i) => nodeOf(`p${i}`)).filter((at) => at === 'n2')).toHaveLength(4);
  });
});
