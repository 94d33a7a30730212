// Answers that a real kube-apiserver v1.36.0 gives to what clients send one after another, or watch: found by bench/compare-wire.ts.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base64, certificateRequest } from '../../test/support/certificate-request.ts';
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

test.each(['merge-patch+json', 'strategic-merge-patch+json'])(
  'an empty list of managers, by %s, forgets them',
  async (type) => {
    const maps = '/api/v1/namespaces/default/configmaps';
    const { metadata } = (await api.post(maps, {
      metadata: { generateName: 'managed-', labels: { a: 'b' } },
    })) as KubeObject;
    expect(metadata?.managedFields).toHaveLength(1);
    const patched = (await api.patch(`${maps}/${metadata?.name}`, type, {
      metadata: { managedFields: [] },
    })) as KubeObject;
    expect(patched.metadata).not.toHaveProperty('managedFields');
  },
);

describe('a binding', () => {
  const pods = '/api/v1/namespaces/default/pods';
  const pod = { metadata: { name: 'bound' }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  test.each([
    ['uid', 'UID in precondition: x, UID in object meta: '],
    ['resourceVersion', 'ResourceVersion in precondition: x, ResourceVersion in object meta: '],
  ])('must be of the same %s', async (field, why) => {
    await api.post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } }).catch(() => {});
    await api.post(pods, pod).catch(() => {});
    const binding = { metadata: { name: 'bound', [field]: 'x' }, target: { name: 'n' } };
    await expect(api.post(`${pods}/bound/binding`, binding)).rejects.toThrow(
      `Operation cannot be fulfilled on pods "bound": StorageError: invalid object, Code: 4, Key: /registry/pods/default/bound, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: ${why}`,
    );
  });
});

test('a signer that says what failed keeps the approval as it is', async () => {
  const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  const { pem } = await certificateRequest('CN=jane');
  const spec = { signerName: 'example.com/own', request: base64(pem), usages: ['client auth'] };
  await api.post(csrs, { metadata: { name: 'failing' }, spec });
  const condition = (type: string, message: string): object => ({ type, status: 'True', message });
  const patch = (subresource: string, conditions: object[]): Promise<unknown> =>
    api.patch(`${csrs}/failing/${subresource}`, 'merge-patch+json', { status: { conditions } });
  const untouched = await api.patch(`${csrs}/failing/status`, 'merge-patch+json', {});
  expect(untouched).not.toHaveProperty('status.conditions');
  await patch('approval', [condition('Approved', 'by hand')]);
  const failed = await patch('status', [condition('Approved', 'changed'), condition('Failed', 'no key')]);
  expect(failed).toMatchObject({ status: { conditions: [{ message: 'by hand' }, { message: 'no key' }] } });
  await expect(patch('approval', [condition('Approved', ''), condition('Denied', '')])).rejects.toThrow(
    'status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
  );
});
