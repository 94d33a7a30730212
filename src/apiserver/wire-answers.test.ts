// Answers that a real kube-apiserver v1.36.0 gives to what clients send one after another, or watch: found by bench/compare-wire.ts.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KubeObject } from '../api/meta/types.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { startTestServer, type TestServer, verbs } from './test-server.ts';

let t: TestServer;
let api: ReturnType<typeof verbs>;
beforeAll(async () => {
  t = await startTestServer(createVirtualClock(), createSeededRandom(1));
  api = verbs(t.admin);
});
afterAll(() => t.server.close());

describe('an update of a status that says nothing of labels', () => {
  const ingress = { spec: { defaultBackend: { service: { name: 's', port: { number: 80 } } } } };
  const claim = { spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'c' } }] } } };
  test.each<[string, string, object, boolean]>([
    ['ingresses', '/apis/networking.k8s.io/v1/namespaces/default/ingresses', ingress, false],
    ['service CIDRs', '/apis/networking.k8s.io/v1/servicecidrs', { spec: { cidrs: ['10.9.0.0/24'] } }, true],
    ['resource claims', '/apis/resource.k8s.io/v1/namespaces/default/resourceclaims', claim, true],
  ])('of %s', async (_name, path, object, kept) => {
    await api.post(path, { metadata: { name: 'labelled', labels: { a: 'b' } }, ...object });
    const { metadata } = (await api.put(`${path}/labelled/status`, {
      metadata: { name: 'labelled' },
      ...object,
    })) as KubeObject;
    const owned = metadata?.managedFields?.some(({ fieldsV1 }) => JSON.stringify(fieldsV1).includes('f:labels'));
    expect([metadata?.labels, owned]).toEqual(kept ? [{ a: 'b' }, true] : [undefined, false]);
  });
});

test('who takes away the last finalizer is answered with the version before the deletion', async () => {
  const maps = '/api/v1/namespaces/default/configmaps';
  await api.post(maps, { metadata: { name: 'held', finalizers: ['example.com/a'] } });
  const deleted = (await api.del(`${maps}/held`)) as KubeObject;
  const freed = (await api.patch(`${maps}/held`, 'merge-patch+json', { metadata: { finalizers: null } })) as KubeObject;
  expect(freed.metadata).not.toHaveProperty('finalizers');
  expect(freed.metadata?.resourceVersion).toBe(deleted.metadata?.resourceVersion);
});
