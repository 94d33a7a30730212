// Trust bundles on a whole API server: who may write those of a signer, how they are found, and in which versions they are had.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { selfSigned } from '../../../test/support/trust-anchor.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { outcome, startTestServer, type TestServer, verbs } from '../test-server.ts';

const base = '/apis/certificates.k8s.io';
const beta = `${base}/v1beta1/clustertrustbundles`;
const alpha = `${base}/v1alpha1/clustertrustbundles`;
const rbac = '/apis/rbac.authorization.k8s.io/v1';

let t: TestServer;
let anchor: string;
const as = (name: string, ...groups: string[]) =>
  verbs(t.server.inProcess({ name, groups: [...groups, 'system:authenticated'] }));

interface Bundle {
  apiVersion: string;
  metadata: { name: string; resourceVersion?: string; finalizers?: string[]; labels?: Record<string, string> };
  spec: { signerName?: string; trustBundle: string };
}
const bundle = (name: string, signerName?: string): Bundle => ({
  apiVersion: 'certificates.k8s.io/v1beta1',
  metadata: { name },
  spec: { trustBundle: anchor, ...(signerName === undefined ? {} : { signerName }) },
});

/** Gives the user a role with those rules. */
async function allow(user: string, ...rules: object[]): Promise<void> {
  const admin = verbs(t.admin);
  await admin.post(`${rbac}/clusterroles`, { metadata: { name: user }, rules });
  await admin.post(`${rbac}/clusterrolebindings`, {
    metadata: { name: user },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: user },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  });
}
const write = { apiGroups: ['certificates.k8s.io'], resources: ['clustertrustbundles'], verbs: ['*'] };
const attest = (...resourceNames: string[]): object => ({
  apiGroups: ['certificates.k8s.io'],
  resources: ['signers'],
  resourceNames,
  verbs: ['attest'],
});

beforeAll(async () => {
  anchor = await selfSigned('ca');
  t = await startTestServer(createVirtualClock(), createSeededRandom(1), {
    gates: new Set(['ClusterTrustBundle', 'ClusterTrustBundleProjection']),
  });
  await allow('jane', write, attest('example.com/ca'));
  await allow('jim', write, attest('example.com/*'));
  await allow('joe', write);
});
afterAll(() => t.server.close());

test('a bundle of a signer is written by who may attest for it, by name or by domain', async () => {
  const no = (name: string, signer: string): string =>
    `403 clustertrustbundles.certificates.k8s.io "${name}" is forbidden: user not permitted to attest for signerName "${signer}"`;
  const make = (user: string, name: string, signer?: string): Promise<string> =>
    outcome(as(user).post(beta, bundle(name, signer)));
  expect(await make('jane', 'example.com:ca:jane', 'example.com/ca')).toBe('ok');
  expect(await make('jane', 'example.com:other:x', 'example.com/other')).toBe(
    no('example.com:other:x', 'example.com/other'),
  );
  expect(await make('jim', 'example.com:other:jim', 'example.com/other')).toBe('ok');
  expect(await make('jim', 'example.org:ca:jim', 'example.org/ca')).toBe(no('example.org:ca:jim', 'example.org/ca'));
  expect(await make('joe', 'example.com:ca:joe', 'example.com/ca')).toBe(no('example.com:ca:joe', 'example.com/ca'));
  expect(await make('joe', 'joe')).toBe('ok');
});

test('who may not attest may change what the garbage collector changes, and delete', async () => {
  const joe = as('joe');
  const path = `${beta}/example.com:ca:joes`;
  const made = (await verbs(t.admin).post(beta, bundle('example.com:ca:joes', 'example.com/ca'))) as unknown as Bundle;
  expect(await outcome(joe.put(path, { ...made, metadata: { ...made.metadata, labels: { a: 'b' } } }))).toContain(
    'user not permitted to attest',
  );
  expect(await outcome(joe.patch(path, 'merge-patch+json', { metadata: { finalizers: ['example.com/f'] } }))).toBe(
    'ok',
  );
  expect(await outcome(joe.patch(path, 'merge-patch+json', { metadata: { finalizers: [] } }))).toBe('ok');
  expect(await outcome(joe.put(path, { ...made, metadata: { name: made.metadata.name } }))).toBe(
    '422 clustertrustbundles.certificates.k8s.io "example.com:ca:joes" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
  );
  expect(await outcome(joe.del(path))).toBe('ok');
});

test('lists are selected by signer, and nothing else of the spec', async () => {
  const names = async (fieldSelector: string): Promise<string[]> => {
    const { items } = (await verbs(t.admin).get(beta, { fieldSelector })) as unknown as { items: Bundle[] };
    return items.map(({ metadata }) => metadata.name);
  };
  expect(await names('spec.signerName=example.com/other')).toEqual(['example.com:other:jim']);
  expect(await names('spec.signerName=')).toEqual(['joe']);
  expect(await outcome(names('spec.trustBundle=x'))).toContain('field label not supported: spec.trustBundle');
});

test('both versions show the same bundles', async () => {
  const admin = verbs(t.admin);
  await admin.post(alpha, { ...bundle('alpha'), apiVersion: 'certificates.k8s.io/v1alpha1' });
  expect(await admin.get(`${beta}/alpha`)).toMatchObject({ apiVersion: 'certificates.k8s.io/v1beta1' });
  expect(await admin.get(`${alpha}/alpha`)).toMatchObject({ apiVersion: 'certificates.k8s.io/v1alpha1' });
  await admin.patch(`${beta}/alpha`, 'merge-patch+json', { metadata: { labels: { a: 'b' } } });
  expect(await admin.get(alpha, { labelSelector: 'a=b' })).toMatchObject({ items: [{ metadata: { name: 'alpha' } }] });
});

test('nodes and service accounts read them all, and write none', async () => {
  for (const reader of [
    as('system:node:a', 'system:nodes'),
    as('system:serviceaccount:default:default', 'system:serviceaccounts'),
  ]) {
    expect(await outcome(reader.get(beta))).toBe('ok');
    expect(await outcome(reader.get(`${beta}/joe`))).toBe('ok');
    expect(await outcome(reader.del(`${beta}/joe`))).toContain('403');
  }
  expect(await outcome(as('nobody').get(beta))).toContain('403');
});
