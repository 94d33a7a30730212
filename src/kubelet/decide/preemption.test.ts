import { expect, test } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import type { Shortage } from './admit-pod.ts';
import { podsToPreempt } from './preemption.ts';

const Mi = 2 ** 20;
const pod = (name: string, requests: object = {}, limits: object = {}, priority = 0): Pod => ({
  metadata: { name },
  spec: { priority, containers: [{ name: 'c', resources: { requests: { ...requests }, limits: { ...limits } } }] },
});
const bestEffort = pod('best-effort');
const burstable = pod('burstable', { cpu: '100m', memory: '100Mi' });
const largeBurstable = pod('large-burstable', { cpu: '300m', memory: '300Mi' });
const guaranteed = pod('guaranteed', { cpu: '100m', memory: '100Mi' }, { cpu: '100m', memory: '100Mi' });
const largeGuaranteed = pod('large-guaranteed', { cpu: '300m', memory: '300Mi' }, { cpu: '300m', memory: '300Mi' });
const critical = pod('critical', { memory: '100Mi' }, {}, 2_000_000_000);
const all = [bestEffort, burstable, largeBurstable, guaranteed, largeGuaranteed, critical];
const memory = (mi: number): Shortage => ({ resource: 'memory', missing: mi * Mi });
const cpu = (missing: number): Shortage => ({ resource: 'cpu', missing });

test.each<[string, Pod[], Shortage[], string[]]>([
  ['a place, of which any pod gives one', all, [{ resource: 'pods', missing: 1 }], ['best-effort']],
  ['as little as does', all, [memory(80)], ['burstable']],
  ['one large pod before two', all, [memory(200)], ['large-burstable']],
  ['all burstable ones before a guaranteed one', all, [memory(400)], ['large-burstable', 'burstable']],
  ['the guaranteed one that is enough', all, [memory(450)], ['large-burstable', 'burstable', 'guaranteed']],
  [
    'beside it no more burstable ones than are needed',
    [burstable, largeBurstable, largeGuaranteed],
    [memory(450)],
    ['large-burstable', 'large-guaranteed'],
  ],
  [
    'no burstable pod that is not needed beside a guaranteed one',
    [burstable, largeGuaranteed],
    [memory(250)],
    ['large-guaranteed'],
  ],
  ['two resources at once', all, [memory(80), cpu(280)], ['large-burstable']],
  ['nothing of a critical pod', [critical], [memory(50)], []],
  ['more than there is', all, [memory(900)], []],
])('%s', (_, holders, shortages, expected) => {
  const chosen = podsToPreempt(pod('new', {}, {}, 2_000_000_000), holders, shortages);
  if (typeof chosen === 'string') expect(expected).toEqual([]);
  else expect(chosen.map(({ metadata }) => metadata?.name)).toEqual(expected);
});

test('says what there is none of', () => {
  const node = pod('node', {}, {}, 2_000_001_000);
  expect(podsToPreempt(node, [critical], [cpu(500), memory(50)])).toBe(
    'preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [(res: cpu, q: 500), ]',
  );
  // Among critical pods the priority decides.
  expect(podsToPreempt(node, [critical], [memory(50)])).toEqual([critical]);
});
