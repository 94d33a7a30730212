// What becomes of the status of budgets, as a table of pods and their controllers.
import { expect, it, test } from 'vitest';
import type { Pod, PodDisruptionBudget, PodDisruptionBudgetSpec } from '../../api/generated/types.ts';
import { formatTime } from '../../api/meta/time.ts';
import { type BudgetAction, controllersToAsk, decideBudget, failedStatus, type FoundScale, staleIn } from './decide.ts';

const now = Date.UTC(2026, 0, 1);
const ago = (seconds: number): string => formatTime(now - seconds * 1000);
const app = { matchLabels: { app: 'web' } };

function pod(name: string, more: { ready?: boolean; owner?: string; deleting?: boolean; labels?: object } = {}): Pod {
  const { ready = true, owner, deleting = false, labels = { app: 'web' } } = more;
  const ownerReferences = [
    { apiVersion: 'a.b/v1', kind: 'Set', name: owner ?? '', uid: owner ?? '', controller: true },
  ];
  return {
    metadata: {
      name,
      namespace: 'n',
      labels: { ...labels },
      ...(owner === undefined ? {} : { ownerReferences }),
      ...(deleting ? { deletionTimestamp: ago(0) } : {}),
    },
    spec: { containers: [] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}
const pods = (count: number, owner?: string): Pod[] =>
  Array.from({ length: count }, (_, i) => pod(`p${i}`, owner === undefined ? {} : { owner }));

const budget = (spec: PodDisruptionBudgetSpec, status: object = {}): PodDisruptionBudget => ({
  metadata: { name: 'b', namespace: 'n', generation: 3 },
  spec: { selector: app, ...spec },
  status,
});
const decide = (one: PodDisruptionBudget, all: Pod[], scales: Record<string, FoundScale> = {}): BudgetAction[] =>
  decideBudget({ budget: one, pods: all, scales: new Map(Object.entries(scales)) }, now);
const written = (actions: readonly BudgetAction[]) =>
  actions.flatMap((action) => (action.do === 'write' ? [action.status] : []))[0];
const told = (actions: readonly BudgetAction[]): string[] =>
  actions.flatMap((one) =>
    one.do === 'tell' ? [`${one.about.metadata?.name} ${one.type} ${one.reason}: ${one.message}`] : [],
  );
const set = (uid: string, replicas: number): Record<string, FoundScale> => ({ [uid]: { uid, replicas } });

/** Healthy, desired, expected and allowed. */
type Numbers = [number, number, number, number];

it.each<[string, PodDisruptionBudgetSpec, Pod[], Record<string, FoundScale>, Numbers]>([
  ['a number that must be there', { minAvailable: 2 }, pods(3), {}, [3, 2, 3, 1]],
  ['just enough', { minAvailable: 3 }, pods(3), {}, [3, 3, 3, 0]],
  ['too few', { minAvailable: 5 }, pods(3), {}, [3, 5, 3, 0]],
  ['no pods', { minAvailable: 0 }, [], {}, [0, 0, 0, 0]],
  ['neither of both', {}, pods(3), {}, [3, 0, 0, 0]],
  [
    'pods that are not ready, or going, do not count',
    { minAvailable: 1 },
    [pod('a'), pod('b', { ready: false }), pod('c', { deleting: true }), pod('d', { labels: { app: 'x' } })],
    {},
    [1, 1, 3, 0],
  ],
  ['a share of what the controller wants', { minAvailable: '50%' }, pods(3, 's'), set('s', 5), [3, 3, 5, 0]],
  ['a share is rounded up', { minAvailable: '1%' }, pods(3, 's'), set('s', 3), [3, 1, 3, 2]],
  ['a number that may be missing', { maxUnavailable: 1 }, pods(3, 's'), set('s', 3), [3, 2, 3, 1]],
  ['more than there are', { maxUnavailable: 9 }, pods(3, 's'), set('s', 3), [3, 0, 3, 3]],
  ['a share that may be missing', { maxUnavailable: '30%' }, pods(10, 's'), set('s', 10), [10, 7, 10, 3]],
  ['a share that may be missing is rounded up', { maxUnavailable: '1%' }, pods(3, 's'), set('s', 3), [3, 2, 3, 1]],
  [
    'several controllers',
    { maxUnavailable: 1 },
    [pod('a', { owner: 's' }), pod('b', { owner: 's' }), pod('c', { owner: 't' })],
    { ...set('s', 2), ...set('t', 4) },
    [3, 5, 6, 0],
  ],
  [
    'two sets of one controller above them',
    { maxUnavailable: 1 },
    [pod('a', { owner: 's' }), pod('b', { owner: 't' })],
    { s: { uid: 'd', replicas: 2 }, t: { uid: 'd', replicas: 2 } },
    [2, 1, 2, 1],
  ],
  ['pods of nobody', { minAvailable: '50%' }, pods(3), {}, [3, 0, 0, 0]],
  ['all pods', { minAvailable: 1, selector: {} }, [pod('a', { labels: {} })], {}, [1, 1, 1, 0]],
])('%s', (_, spec, all, scales, [currentHealthy, desiredHealthy, expectedPods, disruptionsAllowed]) => {
  const isAllowed = disruptionsAllowed > 0;
  expect(written(decide(budget(spec), all, scales))).toEqual({
    currentHealthy,
    desiredHealthy,
    expectedPods,
    disruptionsAllowed,
    observedGeneration: 3,
    conditions: [
      {
        type: 'DisruptionAllowed',
        status: isAllowed ? 'True' : 'False',
        reason: isAllowed ? 'SufficientPods' : 'InsufficientPods',
        message: '',
        lastTransitionTime: ago(0),
        observedGeneration: 3,
      },
    ],
  });
});

test('what is as it should be is not written', () => {
  const all = pods(3);
  const status = written(decide(budget({ minAvailable: 2 }), all));
  expect(decide(budget({ minAvailable: 2 }, status), all)).toEqual([]);
  const older = { ...status, observedGeneration: 2 };
  expect(written(decide(budget({ minAvailable: 2 }, older), all))?.observedGeneration).toBe(3);
});

test('which controllers are asked', () => {
  const all = [...pods(2, 's'), pod('x', { owner: 't' }), pod('y'), pod('z', { owner: 'u', labels: {} })];
  const asked = (spec: PodDisruptionBudgetSpec): string[] => controllersToAsk(budget(spec), all).map(({ uid }) => uid);
  expect(asked({ minAvailable: 1 })).toEqual([]);
  expect(asked({ minAvailable: '10%' })).toEqual(['s', 't']);
  expect(asked({ maxUnavailable: 1 })).toEqual(['s', 't']);
  expect(asked({ maxUnavailable: 1, selector: { matchExpressions: [{ key: 'a', operator: 'Odd' }] } })).toEqual([]);
});

const unmanaged =
  'Pods selected by this PodDisruptionBudget (selector: &LabelSelector{MatchLabels:map[string]string{app: web,},MatchExpressions:[]LabelSelectorRequirement{},}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.';
it.each<[string, PodDisruptionBudgetSpec, Pod[], string[]]>([
  ['no pods', { minAvailable: 1 }, [], ['b Normal NoPods: No matching pods found']],
  [
    'no selector',
    { minAvailable: 1, selector: undefined as never },
    pods(1),
    ['b Normal NoPods: No matching pods found'],
  ],
  ['pods of nobody', { maxUnavailable: 1 }, pods(1), [`b Warning UnmanagedPods: ${unmanaged}`]],
  ['pods of nobody where only a number counts', { minAvailable: 1 }, pods(1), []],
])('%s: an event', (_, spec, all, events) => expect(told(decide(budget(spec), all))).toEqual(events));

it.each<[string, PodDisruptionBudgetSpec, Record<string, FoundScale>, string, string]>([
  [
    'a controller that is not there',
    { maxUnavailable: 1 },
    { s: 'none' },
    'CalculateExpectedPodCountFailed: Failed to calculate the number of expected pods: ',
    'found no controllers for pod "p0"',
  ],
  [
    'a controller of a kind that is not served',
    { minAvailable: '1%' },
    { s: { error: 'no matches for kind "Set" in version "a.b/v1"' } },
    'CalculateExpectedPodCountFailed: Failed to calculate the number of expected pods: ',
    'no matches for kind "Set" in version "a.b/v1"',
  ],
  [
    'a selector that is none',
    { selector: { matchExpressions: [{ key: 'a', operator: 'Odd' }] } },
    {},
    'NoPods: Failed to get pods: ',
    '"Odd" is not a valid label selector operator',
  ],
])('%s: nothing is allowed any more', (_, spec, scales, event, why) => {
  const before = {
    disruptionsAllowed: 2,
    currentHealthy: 3,
    observedGeneration: 2,
    conditions: [
      {
        type: 'DisruptionAllowed',
        status: 'True',
        reason: 'SufficientPods',
        message: '',
        lastTransitionTime: ago(60),
      },
    ],
  };
  const actions = decide(budget(spec, before), pods(3, 's'), scales);
  expect(told(actions)).toEqual([`b Warning ${event}${why}`]);
  expect(written(actions)).toEqual({
    disruptionsAllowed: 0,
    currentHealthy: 3,
    observedGeneration: 2,
    conditions: [
      {
        type: 'DisruptionAllowed',
        status: 'False',
        reason: 'SyncFailed',
        message: why,
        lastTransitionTime: ago(0),
        observedGeneration: 2,
      },
    ],
  });
  // The time of a failure is that of the first.
  const again = failedStatus(budget(spec, written(actions)), 'another', now + 5000);
  expect(again.conditions).toMatchObject([{ message: 'another', lastTransitionTime: ago(0) }]);
});

test('evicted pods are taken to be gone for two minutes', () => {
  const noted = { p0: ago(30), p1: ago(121), p2: ago(60), gone: ago(10), going: ago(10) };
  const all = [...pods(4), pod('going', { deleting: true })];
  const actions = decide(budget({ minAvailable: 1 }, { disruptedPods: noted }), all);
  expect(written(actions)).toMatchObject({ disruptedPods: { p0: ago(30), p2: ago(60) }, currentHealthy: 2 });
  expect(written(actions)?.disruptedPods).not.toHaveProperty('gone');
  expect(told(actions)).toEqual(["p1 Warning NotDeleted: Pod was expected by PDB n/n to be deleted but it wasn't"]);
  expect(actions).toContainEqual({ do: 'recheck', afterMs: 60_000 });
});

const disrupted = (more: object, condition: object): Pod => ({
  ...more,
  spec: { containers: [] },
  status: {
    phase: 'Running',
    ...more,
    conditions: [{ type: 'DisruptionTarget', status: 'True', lastTransitionTime: ago(100), ...condition }],
  },
});
it.each<[string, Pod, number | undefined]>([
  ['a pod that should go', disrupted({}, {}), 20_000],
  ['one that should have gone', disrupted({}, { lastTransitionTime: ago(500) }), 0],
  ['one that is going', disrupted({ metadata: { deletionTimestamp: ago(0) } }, {}), undefined],
  ['one that has ended', disrupted({ phase: 'Failed' }, {}), undefined],
  ['one of which it is not said any more', disrupted({}, { status: 'False' }), undefined],
  ['one of which the kubelet says it', disrupted({}, { reason: 'TerminationByKubelet' }), undefined],
  ['one of which nobody says it', pod('a'), undefined],
])('%s: when that is taken back', (_, one, ms) => expect(staleIn(one, now)).toBe(ms));
