// What a budget answers to an eviction, as a table of its status.
import { expect, it, test } from 'vitest';
import type { Pod, PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../../api/generated/types.ts';
import { ApiError } from '../../../api/meta/errors.ts';
import { formatTime } from '../../../api/meta/time.ts';
import { budgetOf, letsUnhealthyGo, mayYetRun, needsNoBudget, takeFromBudget } from './check-budget.ts';

const now = Date.UTC(2026, 0, 1);
const budget = (status: PodDisruptionBudgetStatus, more: object = {}): PodDisruptionBudget => ({
  metadata: { name: 'b', generation: 2 },
  spec: { ...more },
  status,
});
const condition = (reason: string, message: string) => ({
  type: 'DisruptionAllowed',
  status: 'False' as const,
  reason,
  message,
  lastTransitionTime: formatTime(0),
});

/** What is thrown. */
function refusal(status: PodDisruptionBudgetStatus): object {
  try {
    return takeFromBudget(budget(status), 'p', now);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { code, reason, message, details } = error.status;
    return { code, reason, message, details };
  }
}
const tooMany = (why: string, more: object = {}): object => ({
  code: 429,
  reason: 'TooManyRequests',
  message: "Cannot evict pod as it would violate the pod's disruption budget.",
  details: { causes: [{ reason: 'DisruptionBudget', message: why }], ...more },
});
const not = (why: string): object => ({
  code: 403,
  reason: 'Forbidden',
  message: `poddisruptionbudget.policy "b" is forbidden: ${why}`,
  details: { name: 'b', group: 'policy', kind: 'poddisruptionbudget' },
});
const many = Object.fromEntries(Array.from({ length: 2001 }, (_, i) => [`p${i}`, formatTime(now)]));

it.each<[string, PodDisruptionBudgetStatus, object]>([
  [
    'not counted since it was changed',
    { observedGeneration: 1, disruptionsAllowed: 1 },
    tooMany('The disruption budget b is still being processed by the server.', { retryAfterSeconds: 10 }),
  ],
  [
    'none is allowed',
    { desiredHealthy: 3, currentHealthy: 3 },
    tooMany('The disruption budget b needs 3 healthy pods and has 3 currently'),
  ],
  [
    'none, and nobody says why',
    { desiredHealthy: 1, currentHealthy: 3 },
    tooMany('The disruption budget b does not allow evicting pods currently'),
  ],
  [
    'none, for a reason',
    { desiredHealthy: 1, currentHealthy: 3, conditions: [condition('Odd', 'so it is')] },
    tooMany('The disruption budget b does not allow evicting pods currently (Odd): so it is'),
  ],
  [
    'none, for counting failed',
    { desiredHealthy: 3, currentHealthy: 3, conditions: [condition('SyncFailed', 'no such kind')] },
    tooMany('The disruption budget b does not allow evicting pods currently because it failed sync: no such kind'),
  ],
  ['less than none', { disruptionsAllowed: -1 }, not('pdb disruptions allowed is negative')],
  [
    'too many on their way',
    { disruptionsAllowed: 1, disruptedPods: many },
    not('DisruptedPods map too big - too many evictions not confirmed by PDB controller'),
  ],
])('%s', (_, status, is) => expect(refusal({ observedGeneration: 2, ...status })).toEqual(is));

test('one less is allowed, and the last one turns the condition', () => {
  const first = takeFromBudget(budget({ observedGeneration: 2, disruptionsAllowed: 2 }), 'p', now);
  expect(first).toEqual({ observedGeneration: 2, disruptionsAllowed: 1, disruptedPods: { p: formatTime(now) } });
  const last = takeFromBudget(budget(first), 'q', now);
  expect(last).toMatchObject({
    disruptionsAllowed: 0,
    disruptedPods: { p: formatTime(now), q: formatTime(now) },
    conditions: [{ status: 'False', reason: 'InsufficientPods', observedGeneration: 2 }],
  });
});

const pod = (phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed', ready = true, more: object = {}): Pod => ({
  metadata: { name: 'p', labels: { a: 'b' }, ...more },
  spec: { containers: [] },
  status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
it.each<[string, Pod, boolean, boolean]>([
  ['runs', pod('Running'), false, true],
  ['starts', pod('Pending'), true, true],
  ['has ended well', pod('Succeeded'), true, false],
  ['has failed', pod('Failed'), true, false],
  ['is going', pod('Running', true, { deletionTimestamp: formatTime(now) }), true, false],
])('a pod that %s', (_, one, free, may) => expect([needsNoBudget(one), mayYetRun(one)]).toEqual([free, may]));

it.each<[string, boolean, PodDisruptionBudgetStatus, object, boolean]>([
  ['ready', true, { currentHealthy: 3, desiredHealthy: 1 }, { unhealthyPodEvictionPolicy: 'AlwaysAllow' }, false],
  ['not ready, and none too few', false, { currentHealthy: 1, desiredHealthy: 1 }, {}, true],
  ['not ready, and too few', false, { currentHealthy: 0, desiredHealthy: 1 }, {}, false],
  ['not ready, and none needed', false, {}, {}, false],
  [
    'not ready, and too few under the other policy',
    false,
    { currentHealthy: 0, desiredHealthy: 1 },
    { unhealthyPodEvictionPolicy: 'AlwaysAllow' },
    true,
  ],
])('%s', (_, ready, status, spec, goes) =>
  expect(letsUnhealthyGo(pod('Running', ready), budget(status, spec))).toBe(goes),
);

test('which budget is asked', () => {
  const named = (name: string, selector: object | undefined): PodDisruptionBudget => ({
    metadata: { name },
    spec: selector === undefined ? {} : { selector },
  });
  const [mine, other] = [named('mine', { matchLabels: { a: 'b' } }), named('other', { matchLabels: { a: 'c' } })];
  const wrong = named('wrong', { matchExpressions: [{ key: 'a', operator: 'Odd' }] });
  expect(budgetOf(pod('Running'), [other, mine, wrong, named('nothing', undefined)])).toBe(mine);
  expect(budgetOf(pod('Running'), [other])).toBeUndefined();
  expect(budgetOf(pod('Running'), [mine, named('all', {})])).toBe('several');
});
