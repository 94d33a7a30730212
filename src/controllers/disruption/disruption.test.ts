// The disruption controller with a whole API server in memory, on virtual time: budgets of pods of several kinds of controllers.
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { outcome, startTestServer, type TestServer, verbs } from '../../apiserver/test-server.ts';
import type { OwnerReference, Pod, PodDisruptionBudget, Scale } from '../../api/generated/types.ts';
import { allKinds } from '../../api/kinds/all.ts';
import { simpleStrategy } from '../../api/kinds/common.ts';
import type { KubeObject } from '../../api/meta/types.ts';
import { getCondition } from '../../api/pod/conditions.ts';
import type { AnyKind, KindDefinition } from '../../api/scheme.ts';
import { createClient } from '../../client/create-client.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../../sim/virtual-clock.ts';
import { createControllerManager } from '../manager.ts';

const pods = '/api/v1/namespaces/default/pods';
const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const things = '/apis/example.com/v1/namespaces/default/things';

interface Workload extends KubeObject {
  spec?: { replicas?: number };
}

/** A kind of the apps group as far as the controller looks at it, for as long as Peapod has none. */
function workload(kind: string): KindDefinition<Workload> {
  const resource = `${kind.toLowerCase()}s`;
  const scaleOf = ({ metadata, spec }: Workload): { scale: Scale; found: boolean } => {
    const { name = '', namespace = '', uid = '' } = metadata ?? {};
    const kept = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name, namespace, uid } };
    return { scale: { ...kept, spec: { replicas: spec?.replicas ?? 0 } }, found: true };
  };
  return {
    group: 'apps',
    version: 'v1',
    kind,
    resource,
    singular: kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    verbs: ['create', 'get', 'list', 'watch', 'update', 'delete'],
    definition: `io.k8s.api.apps.v1.${kind}`,
    strategy: simpleStrategy<Workload>({ namespaced: true }),
    subresources: {
      scale: {
        kind: 'scale',
        verbs: ['get'],
        bodyKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
        strategy: simpleStrategy<Workload>({ namespaced: true }),
        specReplicasPath: '.spec.replicas',
        scaleOf,
        setReplicas: () => false,
      },
    },
  };
}
const served = new Set(allKinds.map(({ group, kind }) => `${group}/${kind}`));
const workloads = ['ReplicaSet', 'Deployment', 'StatefulSet']
  .filter((kind) => !served.has(`apps/${kind}`))
  .map(workload);

let clock: VirtualClock;
let t: TestServer;
let api: ReturnType<typeof verbs>;
let told: string[];
let running: AbortController;

async function start(kinds: readonly AnyKind[] = allKinds): Promise<void> {
  clock = createVirtualClock();
  told = [];
  running = new AbortController();
  t = await startTestServer(clock, createSeededRandom(1), { kinds });
  api = verbs(t.admin);
  const as = (name: string, ...groups: string[]) =>
    t.server.inProcess({ name, groups: [...groups, 'system:authenticated'] });
  const transport = as('system:kube-controller-manager');
  const manager = createControllerManager({
    client: createClient(transport),
    clientFor: (account) => createClient(as(`system:serviceaccount:kube-system:${account}`, 'system:serviceaccounts')),
    transport,
    clock,
    random: createSeededRandom(2),
    logger: silentLogger,
    events: (component) => ({
      event: ({ kind, name }, type, reason, message) =>
        void told.push(`${component}: ${kind} ${name}: ${type} ${reason} ${message}`),
    }),
    clusterCaPem: 'PEM',
    signCertificate: () => Promise.reject(new Error('no CA')),
    controllers: 'disruption',
  });
  await manager.start(running.signal);
  await rest();
}
beforeEach(() => start());
afterEach(async () => {
  running.abort();
  await clock.settle();
  await t.server.close();
});

async function rest(): Promise<void> {
  for (let i = 0; i < 10; i++) await clock.settle();
}
async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) await clock.advance(1000);
  await rest();
}

const ownerOf = ({ apiVersion = '', kind = '', metadata }: KubeObject): OwnerReference => ({
  apiVersion,
  kind,
  name: metadata?.name ?? '',
  uid: metadata?.uid ?? '',
  controller: true,
});
async function makePod(name: string, owner?: OwnerReference, ready = true): Promise<void> {
  const metadata = { name, labels: { app: 'web' }, ...(owner === undefined ? {} : { ownerReferences: [owner] }) };
  await api.post(pods, { metadata, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] } });
  await setReady(name, ready);
}
async function setReady(name: string, ready: boolean): Promise<void> {
  await api.patch(`${pods}/${name}/status`, 'strategic-merge-patch+json', {
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  });
  await rest();
}
async function makeBudget(spec: object, name = 'b'): Promise<void> {
  await api.post(budgets, { metadata: { name }, spec: { selector: { matchLabels: { app: 'web' } }, ...spec } });
  await rest();
}
const status = async () => ((await api.get(`${budgets}/b`)) as PodDisruptionBudget).status ?? {};
/** Allowed, healthy, desired and expected. */
async function numbers(): Promise<(number | undefined)[]> {
  const { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods } = await status();
  return [disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods];
}
const disruptionOf = async (name: string) =>
  getCondition((await api.get(`${pods}/${name}`)) as Pod, 'DisruptionTarget');
const evict = (name: string): Promise<string> => outcome(api.post(`${pods}/${name}/eviction`, { metadata: { name } }));
const remove = async (name: string): Promise<void> => {
  await api.del(`${pods}/${name}`, undefined, { gracePeriodSeconds: '0' });
  await rest();
};
const refused = "429 Cannot evict pod as it would violate the pod's disruption budget.";

test('a budget follows its pods, and lets them go one after the other', async () => {
  await makeBudget({ minAvailable: 2 });
  expect(await numbers()).toEqual([0, 0, 2, 0]);
  for (const name of ['p1', 'p2', 'p3']) await makePod(name);
  expect(await numbers()).toEqual([1, 3, 2, 3]);
  expect((await status()).observedGeneration).toBe(1);
  expect(await evict('p1')).toBe('ok');
  // The controller has not seen that yet.
  expect(await evict('p2')).toBe(refused);
  await rest();
  expect(await numbers()).toEqual([0, 2, 2, 3]);
  expect((await status()).disruptedPods).toBeUndefined();
  await remove('p1');
  expect(await numbers()).toEqual([0, 2, 2, 2]);
  expect(await evict('p2')).toBe(refused);
  await makePod('p4', undefined, false);
  expect(await numbers()).toEqual([0, 2, 2, 3]);
  await setReady('p4', true);
  expect(await numbers()).toEqual([1, 3, 2, 3]);
  expect(await evict('p2')).toBe('ok');
});

test('a changed budget is counted anew', async () => {
  await makePod('p');
  await makeBudget({ minAvailable: 1 });
  expect(await numbers()).toEqual([0, 1, 1, 1]);
  await api.patch(`${budgets}/b`, 'merge-patch+json', { spec: { minAvailable: 0 } });
  await rest();
  expect(await numbers()).toEqual([1, 1, 0, 1]);
  expect(await status()).toMatchObject({
    observedGeneration: 2,
    conditions: [{ type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods', observedGeneration: 2 }],
  });
});

test('a budget without pods says so', async () => {
  await makeBudget({ minAvailable: 1 });
  expect(told).toContain('controllermanager: PodDisruptionBudget b: Normal NoPods No matching pods found');
});

test('a pod that was let go and stays is counted again after two minutes', async () => {
  await makePod('p1');
  await makePod('p2');
  await makeBudget({ minAvailable: 1 });
  const at = new Date(clock.now()).toISOString().replace(/\.\d+/, '');
  await api.patch(`${budgets}/b/status`, 'merge-patch+json', { status: { disruptedPods: { p1: at } } });
  await rest();
  expect(await numbers()).toEqual([0, 1, 1, 2]);
  await pass(118);
  expect(await numbers()).toEqual([0, 1, 1, 2]);
  await pass(5);
  expect(await numbers()).toEqual([1, 2, 1, 2]);
  expect((await status()).disruptedPods).toBeUndefined();
  expect(told.join('\n')).toContain(
    "Pod p1: Warning NotDeleted Pod was expected by PDB default/default to be deleted but it wasn't",
  );
});

test('that a pod is about to go is taken back after two minutes', async () => {
  await makePod('p');
  await api.patch(`${pods}/p/status`, 'strategic-merge-patch+json', {
    status: {
      conditions: [
        {
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'EvictionByEvictionAPI',
          message: 'x',
          lastTransitionTime: new Date(clock.now()).toISOString(),
        },
      ],
    },
  });
  await pass(115);
  expect(await disruptionOf('p')).toMatchObject({ status: 'True' });
  await pass(10);
  const over = await disruptionOf('p');
  expect(over).toMatchObject({ status: 'False', observedGeneration: 1 });
  expect(over).not.toHaveProperty('reason');
});

test('a pod of two budgets is told of', async () => {
  await makeBudget({ minAvailable: 1 });
  await makeBudget({ minAvailable: 1 }, 'c');
  await makePod('p');
  expect(told).toContain(
    'controllermanager: Pod p: Warning MultiplePodDisruptionBudgets Pod "default"/"p" matches multiple PodDisruptionBudgets.  Chose "b" arbitrarily.',
  );
});

describe('pods of custom resources', () => {
  const define = async (subresources: object): Promise<void> => {
    const props = { spec: { type: 'object', properties: { replicas: { type: 'integer' } } } };
    await api.post(crds, {
      metadata: { name: 'things.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'things', kind: 'Thing' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            subresources,
            schema: { openAPIV3Schema: { type: 'object', properties: props } },
          },
        ],
      },
    });
    await rest();
  };
  const scale = { scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } };
  const makeThing = async (replicas: number): Promise<OwnerReference> => {
    const made = await api.post(things, {
      apiVersion: 'example.com/v1',
      kind: 'Thing',
      metadata: { name: 'thing' },
      spec: { replicas },
    });
    return ownerOf(made);
  };
  const failed = async (why: string): Promise<void> => {
    expect(await status()).toMatchObject({
      disruptionsAllowed: 0,
      conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'SyncFailed', message: why }],
    });
    expect(told).toContain(
      `controllermanager: PodDisruptionBudget b: Warning CalculateExpectedPodCountFailed Failed to calculate the number of expected pods: ${why}`,
    );
    expect(await evict('p1')).toBe(refused);
  };

  it.each<[object, (number | string)[]]>([
    [{ maxUnavailable: 1 }, [0, 3, 3, 4]],
    [{ minAvailable: '50%' }, [1, 3, 2, 4]],
    [{ maxUnavailable: '50%' }, [1, 3, 2, 4]],
  ])('%j is counted by their scale', async (spec, counted) => {
    await define(scale);
    const owner = await makeThing(4);
    for (const name of ['p1', 'p2', 'p3']) await makePod(name, owner);
    await makeBudget(spec);
    expect(await numbers()).toEqual(counted);
  });
  test('a resource without a scale cannot be counted', async () => {
    await define({});
    await makePod('p1', await makeThing(3));
    await makeBudget({ maxUnavailable: 1 });
    await failed('things.example.com does not implement the scale subresource');
  });
  test('one that is gone cannot', async () => {
    await define(scale);
    await makePod('p1', { ...(await makeThing(3)), uid: 'another' });
    await makeBudget({ maxUnavailable: 1 });
    await failed('found no controllers for pod "p1"');
  });
  test('one of a kind that is not served cannot, until it is', async () => {
    const reference = { apiVersion: 'example.com/v1', kind: 'Thing', name: 'thing', uid: 'u', controller: true };
    await makePod('p1', reference);
    await makeBudget({ maxUnavailable: 1 });
    await failed('no matches for kind "Thing" in version "example.com/v1"');
    await remove('p1');
    await define(scale);
    await makePod('p2', await makeThing(1));
    expect(await numbers()).toEqual([1, 1, 0, 1]);
  });
});

describe('workloads, once they are served', () => {
  const inApps = (resource: string): string => `/apis/apps/v1/namespaces/default/${resource}`;
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const make = async (
    kind: string,
    name: string,
    replicas: number,
    owner?: OwnerReference,
  ): Promise<OwnerReference> => {
    const made = await api.post(inApps(`${kind.toLowerCase()}s`), {
      apiVersion: 'apps/v1',
      kind,
      metadata: { name, ...(owner === undefined ? {} : { ownerReferences: [owner] }) },
      spec: { replicas, selector: { matchLabels: { app: 'web' } }, template, serviceName: 'x' },
    });
    return ownerOf(made);
  };
  beforeEach(async () => {
    running.abort();
    await t.server.close();
    await start([...allKinds, ...workloads]);
  });

  it.each(['ReplicaSet', 'StatefulSet'])('a %s counts for itself', async (kind) => {
    const set = await make(kind, 'set', 3);
    await makePod('p1', set);
    await makeBudget({ maxUnavailable: 1 });
    expect(await numbers()).toEqual([0, 1, 2, 3]);
  });
  test('the ReplicaSets of a Deployment count together', async () => {
    const deployment = await make('Deployment', 'web', 2);
    const [old, young] = [
      await make('ReplicaSet', 'old', 2, deployment),
      await make('ReplicaSet', 'young', 1, deployment),
    ];
    await makePod('p1', old);
    await makePod('p2', old);
    await makePod('p3', young);
    await makeBudget({ maxUnavailable: 1 });
    expect(await numbers()).toEqual([2, 3, 1, 2]);
  });
});
