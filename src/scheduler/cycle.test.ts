import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Container, Node, Pod, PodSpec } from '../api/generated/types.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { feasibleNodesToFind, SchedulingCycle } from './cycle.ts';
import { fitErrorMessage } from './fit-error.ts';
import type { Plugin } from './framework.ts';
import { NodeCache } from './node-cache.ts';
import { podInfoOf } from './pod-info.ts';
import { defaultProfile } from './plugins/default-profile.ts';

const binder: Plugin = { name: 'Binder', bind: async () => true };

const node = (
  name: string,
  changes: Partial<Node['spec'] & object> = {},
  allocatable: Record<string, string> = {},
): Node => ({
  metadata: { name, labels: { 'kubernetes.io/hostname': name } },
  spec: changes,
  status: { allocatable: { cpu: '2', memory: '4Gi', pods: '110', ...allocatable } },
});

const asking = (requests: Record<string, string>): Container => ({ name: 'c', image: 'i', resources: { requests } });
const pod = (name: string, spec: Partial<PodSpec> = {}): Pod => ({
  metadata: { name, namespace: 'default', uid: `uid-${name}` },
  spec: { containers: [asking({})], ...spec },
});

function setUp(nodes: Node[], extra: Plugin[] = []) {
  const cache = new NodeCache();
  for (const each of nodes) cache.setNode(each);
  const profile = defaultProfile(binder);
  const plugins = [...profile.plugins, ...extra.map((plugin) => ({ plugin }))];
  const cycle = new SchedulingCycle({ ...profile, plugins }, cache, createSeededRandom(1));
  const decide = (one: Pod) => cycle.decide(podInfoOf(one));
  /** The node's name, or the message as the user sees it. */
  const outcome = (one: Pod): string => {
    const info = podInfoOf(one);
    const decision = cycle.decide(info);
    if (decision.kind === 'fits') return decision.nodeName;
    if (decision.kind === 'no-nodes') return 'no nodes';
    const { nodeCount, diagnosis } = decision;
    const postFilter = profile.plugins
      .map(({ plugin }) => plugin.postFilter?.({ pod: info, diagnosis, nodes: cache.nodes() }))
      .filter((text) => text);
    return fitErrorMessage(nodeCount, diagnosis, postFilter.join(', '));
  };
  return { cache, decide, outcome };
}

const helpless = (n: number) =>
  `no new claims to deallocate, preemption: 0/${n} nodes are available: ${n} Preemption is not helpful for scheduling.`;

describe('SchedulingCycle', () => {
  it('words a mixed failure as upstream does', () => {
    const tainted = { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' as const }] };
    const { cache, outcome } = setUp([node('a'), node('b', tainted), node('c', tainted)]);
    cache.setPod(podInfoOf(pod('big', { nodeName: 'a', containers: [asking({ cpu: '1500m' })] })));
    expect(outcome(pod('p', { containers: [asking({ cpu: '1' })] }))).toBe(
      '0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). no new claims to deallocate, ' +
        'preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.',
    );
  });

  it.each<[string, Partial<PodSpec>, string]>([
    [
      'more than a node has',
      { containers: [asking({ memory: '8Gi' })] },
      `0/1 nodes are available: 1 Insufficient memory. ${helpless(1)}`,
    ],
    [
      'two resources short',
      { containers: [asking({ cpu: '3', memory: '8Gi' })] },
      `0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory. ${helpless(1)}`,
    ],
    [
      'an unknown extended resource',
      { containers: [asking({ 'x.io/gpu': '1' })] },
      `0/1 nodes are available: 1 Insufficient x.io/gpu. ${helpless(1)}`,
    ],
    [
      'a node selector',
      { nodeSelector: { disk: 'ssd' } },
      `0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. ${helpless(1)}`,
    ],
    [
      'a node by field that is not there',
      {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['zzz'] }] }],
            },
          },
        },
      },
      `0/1 nodes are available: 1 node(s) didn't satisfy plugin(s) [NodeAffinity]. ${helpless(1)}`,
    ],
    [
      'never preempting',
      { preemptionPolicy: 'Never', nodeSelector: { a: 'b' } },
      "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.",
    ],
  ])('says why: %s', (_what, spec, message) => {
    expect(setUp([node('a')]).outcome(pod('p', spec))).toBe(message);
  });

  it('keeps off cordoned nodes, also by name order, unless tolerated', () => {
    const { outcome } = setUp([node('a', { unschedulable: true })]);
    expect(outcome(pod('p'))).toBe(`0/1 nodes are available: 1 node(s) were unschedulable. ${helpless(1)}`);
    const tolerations = [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' as const }];
    expect(outcome(pod('q', { tolerations }))).toBe('a');
  });

  it('counts assumed pods, frees them when forgotten, and re-evaluates only what changed', () => {
    const { cache, outcome } = setUp([node('a'), node('b')]);
    const big = (name: string) => pod(name, { containers: [asking({ cpu: '1500m' })] });
    const first = outcome(big('1'));
    cache.assume(podInfoOf(big('1')), first);
    const second = outcome(big('2'));
    expect([first, second].sort()).toEqual(['a', 'b']);
    cache.assume(podInfoOf(big('2')), second);
    expect(outcome(big('3'))).toMatch(/^0\/2 nodes are available: 2 Insufficient cpu\./);
    cache.forget('uid-1');
    expect(outcome(big('3'))).toBe(first);
    cache.setPod(podInfoOf(pod('2', { nodeName: second, containers: [asking({ cpu: '100m' })] })));
    expect(outcome(pod('4', { containers: [asking({ cpu: '1900m' })] }))).toMatch(/^[ab]$/);
  });

  it('spreads by least allocated', () => {
    const { cache, outcome } = setUp([node('a'), node('b')]);
    cache.setPod(podInfoOf(pod('x', { nodeName: 'a', containers: [asking({ cpu: '500m', memory: '1Gi' })] })));
    expect(outcome(pod('p', { containers: [asking({ cpu: '100m', memory: '200Mi' })] }))).toBe('b');
  });

  it('prefers nodes by affinity weight and away from soft taints', () => {
    const soft = { taints: [{ key: 'k', effect: 'PreferNoSchedule' as const }] };
    const { outcome } = setUp([node('a', soft), node('b'), node('c', soft)]);
    expect(outcome(pod('p'))).toBe('b');
    const preference = {
      matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In' as const, values: ['c'] }],
    };
    const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference }] } };
    expect(outcome(pod('q', { affinity, tolerations: [{ operator: 'Exists' }] }))).toBe('c');
  });

  it('respects host ports per address', () => {
    const { cache, outcome } = setUp([node('a')]);
    const port = (name: string, hostIP?: string) =>
      pod(name, {
        containers: [
          { name: 'c', ports: [{ containerPort: 80, hostPort: 8001, protocol: 'TCP', ...(hostIP ? { hostIP } : {}) }] },
        ],
      });
    const taken = port('taken', '10.0.0.1');
    cache.setPod(podInfoOf({ ...taken, spec: { ...taken.spec!, nodeName: 'a' } }));
    expect(outcome(port('other', '10.0.0.2'))).toBe('a');
    expect(outcome(port('any'))).toBe(
      "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. no new claims to deallocate, " +
        'preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
    );
    cache.removePod('uid-taken');
    expect(outcome(port('any'))).toBe('a');
  });

  it('has too many pods at some point, and none without nodes', () => {
    const { cache, outcome } = setUp([node('a', {}, { pods: '1' })]);
    cache.setPod(podInfoOf(pod('x', { nodeName: 'a' })));
    expect(outcome(pod('p'))).toMatch(/1 Too many pods\. .*No preemption victims/);
    cache.removeNode('a');
    expect(outcome(pod('p'))).toBe('no nodes');
  });

  it('runs plugins of a user, and keeps no results for one that is not node-local', () => {
    let allowed = 'a';
    const custom: Plugin = {
      name: 'Custom',
      filter: (_pod, view) => (view.name === allowed ? undefined : { reasons: ['not now'] }),
    };
    const { outcome } = setUp([node('a'), node('b')], [custom]);
    expect(outcome(pod('p'))).toBe('a');
    allowed = 'b';
    expect(outcome(pod('q'))).toBe('b');
  });

  it('decides by kept results as it would from scratch', () => {
    const specs: Partial<PodSpec>[] = [
      {},
      { containers: [asking({ cpu: '900m' })] },
      { nodeSelector: { pool: 'x' } },
      { containers: [{ name: 'c', ports: [{ containerPort: 1, hostPort: 80 }] }] },
      { tolerations: [{ operator: 'Exists' }] },
    ];
    const nodeName = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      fc.record({
        op: fc.constant('node' as const),
        name: nodeName,
        pool: fc.constantFrom('x', 'y'),
        tainted: fc.boolean(),
        unschedulable: fc.boolean(),
        cpu: fc.constantFrom('1', '2'),
      }),
      fc.record({ op: fc.constant('drop' as const), name: nodeName }),
      fc.record({ op: fc.constant('decide' as const), spec: fc.nat({ max: specs.length - 1 }), keep: fc.boolean() }),
      fc.record({ op: fc.constant('free' as const), pod: fc.nat({ max: 30 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const cache = new NodeCache();
        const profile = defaultProfile(binder);
        const kept = new SchedulingCycle(profile, cache, createSeededRandom(1));
        let pods = 0;
        for (const each of steps) {
          if (each.op === 'node') {
            const taints = each.tainted ? [{ key: 'k', effect: 'NoSchedule' as const }] : [];
            const made = node(each.name, { taints, unschedulable: each.unschedulable }, { cpu: each.cpu, pods: '3' });
            cache.setNode({ ...made, metadata: { name: each.name, labels: { pool: each.pool } } });
          } else if (each.op === 'drop') cache.removeNode(each.name);
          else if (each.op === 'free') cache.forget(`uid-${each.pod}`);
          else {
            const info = podInfoOf(pod(String(++pods), specs[each.spec]));
            const decision = kept.decide(info);
            const fresh = new SchedulingCycle(profile, cache, createSeededRandom(1)).decide(info);
            expect(decision.kind).toBe(fresh.kind);
            if (decision.kind === 'unschedulable' && fresh.kind === 'unschedulable')
              expect(Object.fromEntries(decision.diagnosis.rejections)).toEqual(
                Object.fromEntries(fresh.diagnosis.rejections),
              );
            if (decision.kind !== 'fits' || fresh.kind !== 'fits') continue;
            expect(decision.feasible).toBe(fresh.feasible);
            if (each.keep) cache.assume(info, decision.nodeName);
          }
        }
      }),
    );
  });

  it('keeps what it found for pods that a plugin has nothing to say of, and finds it anew for those that it looks at', () => {
    let asked = 0;
    const counting: Plugin = { name: 'Counting', nodeLocal: true, filter: () => void asked++ };
    const ofClaims: Plugin = {
      name: 'OfClaims',
      preFilter: ({ pod: one }) =>
        one.spec?.volumes?.length ? { kind: 'proceed', state: undefined } : { kind: 'skip' },
      filter: () => undefined,
    };
    const { decide } = setUp([node('a'), node('b')], [counting, ofClaims]);
    const askedFor = (...pods: Pod[]): number => {
      asked = 0;
      for (const one of pods) decide(one);
      return asked;
    };
    const claimed = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] };
    expect(askedFor(pod('p'), pod('q'))).toBe(2);
    expect(askedFor(pod('r', claimed), pod('s', claimed))).toBe(4);
    expect(askedFor(pod('t'))).toBe(0);
  });

  it('samples large clusters as upstream does', () => {
    expect([50, 100, 1_000, 5_000, 10_000].map((n) => feasibleNodesToFind(n))).toEqual([50, 100, 420, 500, 500]);
    expect(feasibleNodesToFind(1_000, 100)).toBe(1_000);
    const { decide } = setUp(Array.from({ length: 1_000 }, (_, i) => node(`n${i}`)));
    expect(decide(pod('p'))).toMatchObject({ kind: 'fits', evaluated: 420, feasible: 420 });
  });
});

describe('podInfoOf', () => {
  it.each<[string, Partial<PodSpec>, Record<string, number>]>([
    [
      'the sum of containers',
      { containers: [asking({ cpu: '0.1' }), asking({ cpu: '200m', memory: '1Mi' })] },
      { cpu: 300, memory: 1_048_576 },
    ],
    [
      'the largest init container',
      { containers: [asking({ cpu: '1' })], initContainers: [asking({ cpu: '3' }), asking({ cpu: '2' })] },
      { cpu: 3_000 },
    ],
    [
      'sidecars beside what follows them',
      {
        containers: [asking({ cpu: '1' })],
        initContainers: [{ ...asking({ cpu: '500m' }), restartPolicy: 'Always' }, asking({ cpu: '2' })],
      },
      { cpu: 2_500 },
    ],
    [
      "the pod's own, and overhead",
      { containers: [asking({ cpu: '1' })], resources: { requests: { cpu: '4' } }, overhead: { cpu: '10m' } },
      { cpu: 4_010 },
    ],
  ])('asks for %s', (_what, spec, wanted) => {
    expect(Object.fromEntries(podInfoOf(pod('p', spec)).requests)).toEqual(wanted);
  });
});
