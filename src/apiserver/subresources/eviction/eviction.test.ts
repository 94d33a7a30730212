// Evictions on a whole API server in memory: what becomes of pods and budgets, also when several come at a time.
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import type { Pod, PodDisruptionBudget } from '../../../api/generated/types.ts';
import { loadSchema } from '../../../api/schema/load.ts';
import { createSeededRandom } from '../../../sim/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../../../sim/virtual-clock.ts';
import { createMemoryStore } from '../../../store/memory.ts';
import type { Store } from '../../../store/store.ts';
import { protobufOf } from '../../http/encode-protobuf.ts';
import { schemaMachinery } from '../../schema-machinery.ts';
import { outcome, startTestServer, type TestServer, verbs } from '../../test-server.ts';

const pods = '/api/v1/namespaces/default/pods';
const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';

let clock: VirtualClock;
let t: TestServer;
let api: ReturnType<typeof verbs>;
/** Called, once, before the next write of a key with that in it. */
let before: { key: string; act: () => Promise<unknown> } | undefined;

/** A store where other writes can come between. */
function interrupted(store: Store): Store {
  return {
    ...bound(store),
    async txn(txn) {
      const interruption = before;
      if (interruption !== undefined && txn.key.includes(interruption.key)) {
        before = undefined;
        await interruption.act();
      }
      return store.txn(txn);
    },
  };
}
const bound = (store: Store): Store => ({
  txn: (txn) => store.txn(txn),
  get: (key) => store.get(key),
  range: (prefix, options) => store.range(prefix, options),
  watch: (prefix, options) => store.watch(prefix, options),
  revision: () => store.revision(),
  compactedRevision: () => store.compactedRevision(),
  compact: (revision) => store.compact(revision),
  grantLease: (ttlMs) => store.grantLease(ttlMs),
  revokeLease: (lease) => store.revokeLease(lease),
  close: () => store.close(),
});

beforeEach(async () => {
  clock = createVirtualClock();
  before = undefined;
  t = await startTestServer(clock, createSeededRandom(1), { store: interrupted(createMemoryStore({ clock })) });
  api = verbs(t.admin);
});
afterEach(async () => {
  await t.server.close();
});

const setReady = (name: string, ready: boolean, phase = 'Running') =>
  api.patch(`${pods}/${name}/status`, 'strategic-merge-patch+json', {
    status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  });
async function makePod(name: string, ready = true, phase = 'Running'): Promise<void> {
  const spec = { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] };
  await api.post(pods, { metadata: { name, labels: { app: 'web' } }, spec });
  await setReady(name, ready, phase);
}
async function makeBudget(status: object, spec: object = {}, name = 'b'): Promise<void> {
  const selector = { matchLabels: { app: 'web' } };
  await api.post(budgets, { metadata: { name }, spec: { minAvailable: 1, selector, ...spec } });
  await api.patch(`${budgets}/${name}/status`, 'merge-patch+json', { status: { observedGeneration: 1, ...status } });
}
const evict = (name: string, deleteOptions?: object, query?: Record<string, string>) =>
  api.post(`${pods}/${name}/eviction`, { metadata: { name }, ...(deleteOptions ? { deleteOptions } : {}) }, query);
/** The outcome of it, also where it waits between tries. */
async function outcomeOf(asked: Promise<unknown>): Promise<string> {
  let result: string | undefined;
  void outcome(asked).then((text) => (result = text));
  for (let i = 0; i < 60 && result === undefined; i++) await clock.advance(500);
  return result ?? 'still waits';
}
const pod = async (name: string): Promise<Pod> => (await api.get(`${pods}/${name}`)) as Pod;
const budget = async (): Promise<PodDisruptionBudget> => (await api.get(`${budgets}/b`)) as PodDisruptionBudget;
const isGoing = async (name: string): Promise<boolean> => (await pod(name)).metadata?.deletionTimestamp !== undefined;

const refused = "429 Cannot evict pod as it would violate the pod's disruption budget.";

test('a pod goes within its grace period, and says why', async () => {
  await makePod('p');
  expect(await evict('p', { gracePeriodSeconds: 7 })).toMatchObject({ kind: 'Status', status: 'Success', code: 201 });
  const { metadata, status } = await pod('p');
  expect(metadata).toMatchObject({ deletionGracePeriodSeconds: 7 });
  expect(status?.conditions).toContainEqual({
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
    lastProbeTime: null,
    lastTransitionTime: expect.any(String) as string,
  });
  // What the server itself wrote is nobody's.
  expect(JSON.stringify(metadata?.managedFields)).not.toContain('DisruptionTarget');
});

test('a budget is charged, in the name of the API server', async () => {
  await makePod('p');
  await makeBudget({ disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 });
  await evict('p');
  const { status, metadata } = await budget();
  expect(status).toMatchObject({
    disruptionsAllowed: 0,
    disruptedPods: { p: expect.any(String) as string },
    conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods' }],
  });
  expect(metadata?.managedFields).toContainEqual(
    expect.objectContaining({ manager: 'kube-apiserver', operation: 'Update', subresource: 'status' }),
  );
});

test('a dry run changes nothing, and tells what would come of it', async () => {
  await makePod('p');
  await makeBudget({ disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1 });
  const [podBefore, budgetBefore] = [await pod('p'), await budget()];
  expect(await outcome(evict('p', undefined, { dryRun: 'All' }))).toBe('ok');
  expect(await outcome(evict('p', { dryRun: ['All'] }))).toBe('ok');
  expect(await outcome(evict('p', { dryRun: ['Odd'] }, { dryRun: 'All' }))).toBe(
    '500 Non-matching dry-run options in request and content: [All] and [Odd]',
  );
  expect([await pod('p'), await budget()]).toEqual([podBefore, budgetBefore]);
  await api.patch(`${budgets}/b/status`, 'merge-patch+json', { status: { disruptionsAllowed: 0 } });
  expect(await outcome(evict('p', undefined, { dryRun: 'All' }))).toBe(refused);
});

test('of several at a time only as many go as the budget allows', async () => {
  const names = Array.from({ length: 8 }, (_, i) => `p${i}`);
  for (const name of names) await makePod(name);
  await makeBudget({ disruptionsAllowed: 3, currentHealthy: 8, desiredHealthy: 5, expectedPods: 8 });
  const outcomes = await Promise.all(names.map((name) => outcomeOf(evict(name))));
  expect(outcomes.toSorted()).toEqual([...Array<string>(5).fill(refused), 'ok', 'ok', 'ok']);
  const going = await Promise.all(names.map(isGoing));
  expect(going.filter(Boolean)).toHaveLength(3);
  const { status } = await budget();
  expect(status?.disruptionsAllowed).toBe(0);
  expect(Object.keys(status?.disruptedPods ?? {}).toSorted()).toEqual(names.filter((_, i) => going[i]));
});

describe('other writes come between', () => {
  test('a budget that was changed is asked again', async () => {
    await makePod('p');
    await makeBudget({ disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1 });
    const act = () => api.patch(`${budgets}/b/status`, 'merge-patch+json', { status: { disruptionsAllowed: 0 } });
    before = { key: 'poddisruptionbudgets', act };
    expect(await outcomeOf(evict('p'))).toBe(refused);
    expect(await isGoing('p')).toBe(false);
  });
  test('a budget that is gone by then is missed', async () => {
    await makePod('p');
    await makeBudget({ disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1 });
    before = { key: 'poddisruptionbudgets', act: () => api.del(`${budgets}/b`) };
    expect(await outcomeOf(evict('p'))).toBe('404 poddisruptionbudgets.policy "b" not found');
  });
  test('a pod that was not ready and now is needs its budget', async () => {
    await makePod('p', false);
    await makeBudget({ currentHealthy: 0, desiredHealthy: 1 }, { unhealthyPodEvictionPolicy: 'AlwaysAllow' });
    before = { key: '/pods/', act: () => setReady('p', true) };
    expect(await outcomeOf(evict('p'))).toBe(refused);
    expect(await isGoing('p')).toBe(false);
    await setReady('p', false);
    expect(await outcomeOf(evict('p'))).toBe('ok');
  });
  test('a pod that was starting and now runs needs its budget', async () => {
    await makePod('p', false, 'Pending');
    await makeBudget({ currentHealthy: 1, desiredHealthy: 1 });
    before = { key: '/pods/', act: () => setReady('p', true) };
    expect(await outcomeOf(evict('p'))).toBe(refused);
    expect(await isGoing('p')).toBe(false);
  });
  test('of a pod that is starting they do not matter otherwise', async () => {
    await makePod('p', false, 'Pending');
    await makeBudget({ currentHealthy: 1, desiredHealthy: 1 });
    before = {
      key: '/pods/',
      act: () => api.patch(`${pods}/p`, 'merge-patch+json', { metadata: { labels: { x: 'y' } } }),
    };
    expect(await outcomeOf(evict('p'))).toBe('ok');
    expect(await isGoing('p')).toBe(true);
  });
});

describe('preconditions', () => {
  const gone = (was: string, is: string): string =>
    `409 Operation cannot be fulfilled on Pod "p": the UID in the precondition (${was}) does not match the UID in record (${is}). The object might have been deleted and then recreated`;
  it.each(['Running', 'Succeeded'])('hold for a pod that is %s', async (phase) => {
    await makePod('p', true, phase);
    const { uid = '', resourceVersion = '' } = (await pod('p')).metadata ?? {};
    expect(await outcomeOf(evict('p', { preconditions: { uid: 'x' } }))).toBe(gone('x', uid));
    expect(await outcome(evict('p', { preconditions: { resourceVersion: '1' } }))).toBe(
      `409 Operation cannot be fulfilled on Pod "p": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
    expect((await pod('p')).metadata).toMatchObject({ uid, resourceVersion });
    expect(await outcome(evict('p', { preconditions: { uid, resourceVersion } }))).toBe('ok');
  });
});

test('a pod with two budgets is not evicted', async () => {
  await makePod('p');
  await makeBudget({ disruptionsAllowed: 1 });
  await makeBudget({ disruptionsAllowed: 1 }, {}, 'c');
  expect(await outcome(evict('p'))).toBe(
    '500 This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
  );
  expect(await isGoing('p')).toBe(false);
});

describe('what is asked for', () => {
  const unrecognized = 'cannot be handled as a Eviction: converting (v1.Pod) to (policy.Eviction): unknown conversion';
  it.each<[string, object, string]>([
    ['the new version', { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } }, 'ok'],
    ['the old version', { apiVersion: 'policy/v1beta1', kind: 'Eviction', metadata: { name: 'p' } }, 'ok'],
    ['another pod', { metadata: { name: 'q' } }, '400 name in URL does not match name in Eviction object'],
    [
      'another namespace',
      { metadata: { name: 'p', namespace: 'x' } },
      '400 the namespace of the provided object does not match the namespace sent on the request',
    ],
    ['another kind', { apiVersion: 'v1', kind: 'Pod' }, `400 Pod in version "v1" ${unrecognized}`],
    [
      'what cannot be done for evictions',
      { metadata: { name: 'p' }, deleteOptions: { ignoreStoreReadErrorWithClusterBreakingPotential: true } },
      '422 Eviction.policy "p" is invalid: deleteOptions.ignoreStoreReadErrorWithClusterBreakingPotential: Invalid value: true: can not be set for pod eviction, try after removing the option',
    ],
    [
      'an odd policy',
      { metadata: { name: 'p' }, deleteOptions: { propagationPolicy: 'Odd' } },
      '422 DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Odd": supported values: "Foreground", "Background", "Orphan", "nil"',
    ],
  ])('%s', async (_, body, is) => {
    await makePod('p');
    expect(await outcome(api.post(`${pods}/p/eviction`, body))).toBe(is);
    expect(await isGoing('p')).toBe(is === 'ok');
  });
  test('a pod that is not there', async () => {
    expect(await outcome(evict('p'))).toBe('404 pods "p" not found');
  });
  it.each(['policy/v1', 'policy/v1beta1'])('protobuf of %s', (apiVersion) => {
    const eviction = {
      apiVersion,
      kind: 'Eviction',
      metadata: { name: 'p' },
      deleteOptions: { gracePeriodSeconds: 5 },
    };
    const machinery = schemaMachinery(loadSchema());
    expect(machinery.parse(protobufOf(eviction), 'application/vnd.kubernetes.protobuf').value).toEqual(eviction);
  });
});

test('discovery names the kind that is posted', async () => {
  const { resources } = (await api.get('/api/v1')) as unknown as { resources: { name: string }[] };
  expect(resources.find(({ name }) => name === 'pods/eviction')).toEqual({
    name: 'pods/eviction',
    singularName: '',
    namespaced: true,
    group: 'policy',
    version: 'v1',
    kind: 'Eviction',
    verbs: ['create'],
  });
});

test('a policy is asked about the eviction, not about the delete', async () => {
  const policies = '/apis/admissionregistration.k8s.io/v1';
  const rules = (operation: string, resource: string) => [
    { apiGroups: [''], apiVersions: ['v1'], operations: [operation], resources: [resource] },
  ];
  const policy = async (name: string, resourceRules: object, expression: string): Promise<void> => {
    const validations = [{ expression, message: `${name} says no` }];
    await api.post(`${policies}/validatingadmissionpolicies`, {
      metadata: { name },
      spec: { matchConstraints: { resourceRules }, validations },
    });
    await api.post(`${policies}/validatingadmissionpolicybindings`, {
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    });
  };
  await policy('deletes', rules('DELETE', 'pods'), 'false');
  await policy(
    'evictions',
    rules('CREATE', 'pods/eviction'),
    "object.kind != 'Eviction' || object.metadata.name != 'kept'",
  );
  await makePod('kept');
  await makePod('p');
  expect(await outcome(evict('kept'))).toContain('evictions says no');
  expect(await isGoing('kept')).toBe(false);
  expect(await outcome(api.del(`${pods}/p`))).toContain('deletes says no');
  expect(await outcome(evict('p'))).toBe('ok');
  expect(await isGoing('p')).toBe(true);
});
