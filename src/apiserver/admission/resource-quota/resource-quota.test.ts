// Quotas through the whole API, with the controller that counts them: nothing overshoots however much comes at once.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ResourceQuota } from '../../../api/generated/types.ts';
import { type SimulatedControlPlane, startSimulatedControlPlane } from '../../../sim/control-plane.ts';
import { outcome, verbs } from '../../test-server.ts';

let plane: SimulatedControlPlane;
let admin: ReturnType<typeof verbs>;
const root = '/api/v1/namespaces/default';
const quotaPath = `${root}/resourcequotas/q`;

beforeEach(async () => {
  plane = await startSimulatedControlPlane({ controllers: 'resourcequota,namespace,serviceaccount' });
  admin = verbs(plane.transportAs('admin', ['system:masters']));
});
afterEach(() => plane.stop());

const limit = async (hard: Record<string, string>, more: object = {}): Promise<void> => {
  await admin.post(`${root}/resourcequotas`, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'q' },
    spec: { hard, ...more },
  });
  await settle();
};
/** Until the controller has counted. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) {
    await plane.settle();
    await plane.clock.advance(200);
  }
};
const used = async (): Promise<Record<string, string> | undefined> =>
  ((await admin.get(quotaPath)) as ResourceQuota).status?.used;
const pod = (name: string, spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i:1', resources: { requests: { cpu: '100m' } } }], ...spec },
});
const secret = (name: string): object => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name } });
const makePod = (name: string, query?: Record<string, string>): Promise<string> =>
  outcome(admin.post(`${root}/pods`, pod(name), query));

test('of many pods that come at once, exactly as many are let in as there is room for', async () => {
  await limit({ pods: '10', 'requests.cpu': '700m', 'count/pods': '50' });
  expect(await used()).toEqual({ pods: '0', 'requests.cpu': '0', 'count/pods': '0' });
  const outcomes = await Promise.all(Array.from({ length: 60 }, (_, i) => makePod(`p${i}`)));
  expect(outcomes.filter((one) => one === 'ok')).toHaveLength(7);
  expect(outcomes.find((one) => one !== 'ok')).toMatch(
    /^403 pods "p\d+" is forbidden: exceeded quota: q, requested: requests\.cpu=100m, used: requests\.cpu=\d+m, limited: requests\.cpu=700m$/,
  );
  await settle();
  expect(await used()).toEqual({ pods: '7', 'requests.cpu': '700m', 'count/pods': '7' });
});

test('not even while the controller counts and pods come and go', async () => {
  await limit({ pods: '5' });
  let most = 0;
  const churn = async (worker: number): Promise<void> => {
    for (let i = 0; i < 15; i++) {
      const name = `w${worker}-${i}`;
      if ((await makePod(name)) !== 'ok') continue;
      const { items } = (await admin.get(`${root}/pods`)) as unknown as { items: unknown[] };
      most = Math.max(most, items.length);
      if (i % 5 === 0) await plane.clock.advance(20);
      await admin.del(`${root}/pods/${name}`, { gracePeriodSeconds: 0 });
    }
  };
  await Promise.all(Array.from({ length: 10 }, (_, worker) => churn(worker)));
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(5);
  await settle();
  expect(await used()).toEqual({ pods: '0' });
});

test('what comes to nothing is given back, and dry runs are not charged', async () => {
  await limit({ pods: '2' });
  expect(await makePod('a', { dryRun: 'All' })).toBe('ok');
  expect(await used()).toEqual({ pods: '0' });
  expect(await makePod('a')).toBe('ok');
  expect(await makePod('a')).toBe('409 pods "a" already exists');
  await settle();
  expect(await used()).toEqual({ pods: '1' });
  expect(await makePod('b')).toBe('ok');
  expect(await makePod('c', { dryRun: 'All' })).toContain('exceeded quota: q');
});

test('room comes back when pods end or go, and when the quota grows', async () => {
  await limit({ pods: '1' });
  expect(await makePod('a')).toBe('ok');
  expect(await makePod('b')).toContain('exceeded quota');
  await admin.patch(`${root}/pods/a/status`, 'merge-patch+json', { status: { phase: 'Succeeded' } });
  await settle();
  expect(await makePod('b')).toBe('ok');
  await admin.patch(quotaPath, 'merge-patch+json', { spec: { hard: { pods: '2' } } });
  await settle();
  expect(await makePod('c')).toBe('ok');
  await admin.del(`${root}/pods/c`, { gracePeriodSeconds: 0 });
  await settle();
  expect(await used()).toEqual({ pods: '1' });
});

test('objects of any resource are counted, what was there before too', async () => {
  await admin.post(`${root}/secrets`, secret('before'));
  await limit({ 'count/secrets': '2', secrets: '3', 'count/leases.coordination.k8s.io': '1' });
  expect(await used()).toEqual({ 'count/secrets': '1', secrets: '1', 'count/leases.coordination.k8s.io': '0' });
  const outcomes = await Promise.all(
    ['a', 'b', 'c'].map((name) => outcome(admin.post(`${root}/secrets`, secret(name)))),
  );
  expect(outcomes.filter((one) => one === 'ok')).toHaveLength(1);
  await admin.del(`${root}/secrets/before`);
  await settle();
  expect(await outcome(admin.post(`${root}/secrets`, secret('d')))).toBe('ok');
});

test('nobody can say that less is used than there is', async () => {
  await limit({ secrets: '1' });
  await admin.post(`${root}/secrets`, secret('a'));
  const lower = { status: { used: { secrets: '0' } } };
  expect(await outcome(admin.patch(`${quotaPath}/status`, 'merge-patch+json', lower))).toContain('409');
  expect(await outcome(admin.post(`${root}/secrets`, secret('b')))).toContain('exceeded quota');
});

test('a quota in scope limits only pods that are', async () => {
  await limit({ pods: '0' }, { scopes: ['BestEffort'] });
  expect(await makePod('burstable')).toBe('ok');
  const bestEffort = pod('x', { containers: [{ name: 'c', image: 'i:1' }] });
  expect(await outcome(admin.post(`${root}/pods`, bestEffort))).toContain(
    'exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0',
  );
});

test('custom resources are counted, also of a definition that comes after its quota', async () => {
  await limit({ 'count/widgets.example.com': '1' });
  expect(await used()).toBeUndefined();
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  await admin.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  });
  await settle();
  const widgets = '/apis/example.com/v1/namespaces/default/widgets';
  const make = (name: string): Promise<string> =>
    outcome(admin.post(widgets, { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name } }));
  expect(await make('early')).toContain('status unknown for quota: q, resources: count/widgets.example.com');
  // The controller looks what is served every half minute.
  await plane.clock.advance(30_000);
  await settle();
  expect(await used()).toEqual({ 'count/widgets.example.com': '0' });
  expect(await make('a')).toBe('ok');
  expect(await make('b')).toContain('exceeded quota: q, requested: count/widgets.example.com=1');
  await admin.del(`${widgets}/a`);
  await settle();
  expect(await make('b')).toBe('ok');
});
