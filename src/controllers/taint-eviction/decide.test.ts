import { expect, it } from 'vitest';
import type { Pod, Taint, Toleration } from '../../api/generated/types.ts';
import { decideEviction, type EvictionDecision, expellingTaints, type PlannedEviction } from './decide.ts';

const now = 1_000_000;
const pod = (tolerations: Toleration[], deleting = false): Pod => ({
  metadata: { name: 'p', ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
  spec: { containers: [], tolerations },
});
const taint = (key: string): Taint => ({ key, effect: 'NoExecute' });
const tolerate = (key: string, tolerationSeconds?: number): Toleration => ({
  key,
  operator: 'Exists',
  ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
});
const wait = (since: number, dueAt: number): EvictionDecision => ({ type: 'wait', planned: { since, dueAt } });
const stay = (cancelled = false): EvictionDecision => ({ type: 'stay', cancelled });
const evict: EvictionDecision = { type: 'evict' };
const before: PlannedEviction = { since: now - 10_000, dueAt: now + 20_000 };

it.each<[string, Pod, Taint[], PlannedEviction | undefined, EvictionDecision]>([
  ['no taint', pod([]), [], undefined, stay()],
  ['a taint that is not tolerated', pod([]), [taint('a')], undefined, evict],
  ['one taint of two that is not tolerated', pod([tolerate('a')]), [taint('a'), taint('b')], undefined, evict],
  ['a taint that is tolerated for ever', pod([tolerate('a')]), [taint('a')], undefined, stay()],
  ['a taint that is tolerated for a while', pod([tolerate('a', 30)]), [taint('a')], undefined, wait(now, now + 30_000)],
  [
    'the shortest of the times',
    pod([tolerate('a', 30), tolerate('b', 20), tolerate('c')]),
    [taint('a'), taint('b'), taint('c')],
    undefined,
    wait(now, now + 20_000),
  ],
  ['no time at all', pod([tolerate('a', 0)]), [taint('a')], undefined, evict],
  ['a time below nothing', pod([tolerate('a', -5)]), [taint('a')], undefined, evict],
  ['the time that runs already', pod([tolerate('a', 30)]), [taint('a')], before, wait(before.since, before.dueAt)],
  ['a second taint with less time', pod([tolerate('a', 15)]), [taint('a')], before, wait(before.since, now + 5_000)],
  ['a second taint whose time is over', pod([tolerate('a', 5)]), [taint('a')], before, evict],
  ['a time that is over', pod([tolerate('a', 30)]), [taint('a')], { since: now - 30_000, dueAt: now }, evict],
  ['a taint that has gone', pod([tolerate('a', 30)]), [], before, stay(true)],
  ['a toleration that was added', pod([tolerate('a')]), [taint('a')], before, stay(true)],
  ['a pod that ends anyway', pod([], true), [taint('a')], undefined, stay()],
])('%s', (_, one, taints, planned, decision) => expect(decideEviction(one, taints, planned, now)).toEqual(decision));

it('counts only taints that expel', () => {
  const taints: Taint[] = [taint('a'), { key: 'b', effect: 'NoSchedule' }, { key: 'c', effect: 'PreferNoSchedule' }];
  expect(expellingTaints({ spec: { taints } })).toEqual([taint('a')]);
  expect(expellingTaints(undefined)).toEqual([]);
});
