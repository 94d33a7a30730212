// Pods that are evicted, with and without disruption budgets. No controller looks on: the flow writes statuses itself.
import { ask, type Flow, merge, type Step, strategic } from './flow.ts';
import type { Json } from './difference.ts';

const pods = '/api/v1/namespaces/default/pods';
const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';

type Fields = { [key: string]: Json };

/** A pod that is on a node, in that phase. */
function podSteps(name: string, phase: string, ready: boolean): Step[] {
  const pod = {
    metadata: { name, labels: { app: name } },
    spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
  };
  const conditions = ready ? [{ type: 'Ready', status: 'True' }] : [];
  return [ask('POST', pods, pod), ask('PATCH', `${pods}/${name}/status`, { status: { phase, conditions } }, strategic)];
}

function budgetSteps(name: string, app: string, status: Fields, spec: Fields = {}): Step[] {
  const wanted = { minAvailable: 1, selector: { matchLabels: { app } }, ...spec };
  return [
    ask('POST', budgets, { metadata: { name }, spec: wanted }),
    ask('PATCH', `${budgets}/${name}/status`, { status }, merge),
  ];
}

const evict = (name: string, more: Fields = {}, query = ''): Step =>
  ask('POST', `${pods}/${name}/eviction${query}`, {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name },
    ...more,
  });
const get = (name: string): Step => ask('GET', `${pods}/${name}`);

const asked: readonly Step[] = [
  ...podSteps('asked', 'Running', true),
  ask('POST', `${pods}/asked/eviction`),
  ask('POST', `${pods}/asked/eviction`, {}),
  ask('POST', `${pods}/asked/eviction`, { metadata: { name: 'asked' } }, { contentType: 'text/plain' }),
  ask('GET', `${pods}/asked/eviction`),
  ask('DELETE', `${pods}/asked/eviction`),
  evict('nosuch'),
  evict('asked', { metadata: { name: 'other' } }),
  evict('asked', { metadata: { name: 'asked', namespace: 'other' } }),
  evict('asked', { apiVersion: 'v1' }),
  evict('asked', { apiVersion: 'policy/v2' }),
  evict('asked', { apiVersion: 'policy/v1beta1', kind: 'PodDisruptionBudget' }),
  evict('asked', { apiVersion: 'v1', kind: 'Pod' }),
  evict('asked', { apiVersion: 'v1', kind: 'Binding' }),
  evict('asked', { kind: 'Odd' }),
  evict('asked', { nosuch: 1 }, '?fieldValidation=Strict'),
  evict('asked', { deleteOptions: 'x' }),
  evict('asked', { deleteOptions: { gracePeriodSeconds: 'x' } }),
  evict('asked', { deleteOptions: { ignoreStoreReadErrorWithClusterBreakingPotential: true } }),
  evict('asked', { deleteOptions: { dryRun: ['All'] } }),
  evict('asked', { deleteOptions: { dryRun: ['Odd'] } }),
  evict('asked', { deleteOptions: { dryRun: ['Odd'] } }, '?dryRun=All'),
  evict('asked', { deleteOptions: { dryRun: ['All'] } }, '?dryRun=All'),
  evict('asked', {}, '?dryRun=All'),
  evict('asked', {}, '?dryRun=Odd'),
  evict('asked', { apiVersion: 'policy/v1beta1' }, '?dryRun=All'),
  evict('asked', { deleteOptions: { propagationPolicy: 'Odd' } }, '?dryRun=All'),
  evict('asked', { deleteOptions: { preconditions: { uid: 'x' } } }, '?dryRun=All'),
  evict('asked', { deleteOptions: { preconditions: { resourceVersion: '1' } } }, '?dryRun=All'),
  evict('asked', { deleteOptions: { preconditions: { uid: 'x' } } }),
  get('asked'),
  evict('asked', { deleteOptions: { propagationPolicy: 'Odd' } }),
  get('asked'),
  evict('asked', { deleteOptions: { gracePeriodSeconds: 7 } }),
  get('asked'),
  evict('asked', { deleteOptions: { gracePeriodSeconds: 3 } }),
  get('asked'),
  evict('asked', { deleteOptions: { gracePeriodSeconds: 0 } }),
  get('asked'),
  ...podSteps('negative', 'Running', true),
  evict('negative', { deleteOptions: { gracePeriodSeconds: -5 } }),
  get('negative'),
];

/** Of a pod of that phase under a budget that allows none. */
const phases = ['Pending', 'Succeeded', 'Failed', 'Running', 'Unknown', ''].flatMap((phase): Step[] => {
  const name = `phase-${phase.toLowerCase() || 'none'}`;
  return [
    ...podSteps(name, phase, true),
    ...budgetSteps(name, name, { observedGeneration: 1, desiredHealthy: 1, currentHealthy: 1, expectedPods: 1 }),
    evict(name),
    get(name),
  ];
});

const condition = (reason: string, message: string): Fields => ({
  type: 'DisruptionAllowed',
  status: 'False',
  reason,
  message,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});
const healthy = { observedGeneration: 1, expectedPods: 1 };

/** A budget's status, whether the pod is ready, and more of its spec. */
const verdicts: readonly [string, Fields, boolean?, Fields?][] = [
  ['unobserved', {}],
  ['none', { ...healthy, desiredHealthy: 1, currentHealthy: 1 }],
  ['more', { ...healthy, desiredHealthy: 1, currentHealthy: 2 }],
  ['failed', { ...healthy, desiredHealthy: 1, currentHealthy: 1, conditions: [condition('SyncFailed', 'it broke')] }],
  ['said', { ...healthy, desiredHealthy: 1, currentHealthy: 2, conditions: [condition('Odd', 'so it is')] }],
  ['allowed', { ...healthy, desiredHealthy: 1, currentHealthy: 2, disruptionsAllowed: 1 }],
  ['allowed-two', { ...healthy, desiredHealthy: 1, currentHealthy: 3, disruptionsAllowed: 2 }],
  ['unready', { ...healthy, desiredHealthy: 1, currentHealthy: 0 }, false],
  ['unready-spare', { ...healthy, desiredHealthy: 1, currentHealthy: 1 }, false],
  ['unready-none', { ...healthy, desiredHealthy: 0, currentHealthy: 0 }, false],
  ['unready-allowed', { ...healthy, disruptionsAllowed: 3 }, false],
  [
    'unready-always',
    { ...healthy, desiredHealthy: 1, currentHealthy: 0 },
    false,
    { unhealthyPodEvictionPolicy: 'AlwaysAllow' },
  ],
  [
    'ready-always',
    { ...healthy, desiredHealthy: 1, currentHealthy: 1 },
    true,
    { unhealthyPodEvictionPolicy: 'AlwaysAllow' },
  ],
  ['everything', { ...healthy, desiredHealthy: 1, currentHealthy: 1 }, true, { selector: { matchLabels: { a: 'b' } } }],
];

const judged = verdicts.flatMap(([name, status, ready = true, spec = {}]): Step[] => [
  ...podSteps(name, 'Running', ready),
  ...budgetSteps(name, name, status, spec),
  evict(name, {}, '?dryRun=All'),
  ask('GET', `${budgets}/${name}`),
  evict(name),
  get(name),
  ask('GET', `${budgets}/${name}`),
]);

const several: readonly Step[] = [
  ...podSteps('several', 'Running', true),
  ...['several-a', 'several-b'].flatMap((name) => budgetSteps(name, 'several', { ...healthy, disruptionsAllowed: 1 })),
  evict('several'),
  get('several'),
  ask('GET', budgets, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }),
];

export const evictions: readonly Flow[] = [
  { name: 'evictions as they are asked for', steps: asked },
  { name: 'evictions by phase', steps: phases },
  { name: 'evictions under budgets', steps: [...judged, ...several] },
];
