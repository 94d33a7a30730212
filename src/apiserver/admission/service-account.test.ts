// What the ServiceAccount plugin makes of pods, and which it refuses.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Pod, PodSpec } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../../sim/virtual-clock.ts';
import { startTestServer, type TestServer, verbs } from '../test-server.ts';

let clock: VirtualClock;
let server: TestServer;
let admin: ReturnType<typeof verbs>;
beforeEach(async () => {
  clock = createVirtualClock();
  server = await startTestServer(clock, createSeededRandom(1));
  admin = verbs(server.admin);
});
afterEach(() => server.server.close());

const root = '/api/v1/namespaces/default';
const create = async (spec: object = {}, metadata: object = {}): Promise<Pod> =>
  (await admin.post(`${root}/pods`, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', ...metadata },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  })) as Pod;
const account = (name: string, more: object = {}) =>
  admin.post(`${root}/serviceaccounts`, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name }, ...more });
async function refusal(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return 'none';
  } catch (error) {
    if (isApiError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
}

const place = '/var/run/secrets/kubernetes.io/serviceaccount';

test('a pod gets the default account and a volume with token, CA and namespace in every container', async () => {
  const { spec } = await create({ initContainers: [{ name: 'i', image: 'i' }] });
  expect(spec).toMatchObject({ serviceAccountName: 'default', serviceAccount: 'default' });
  const name = spec?.volumes?.[0]?.name ?? '';
  expect(name).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
  const mount = { name, readOnly: true, mountPath: place };
  expect(spec?.containers[0]?.volumeMounts).toEqual([mount]);
  expect(spec?.initContainers?.[0]?.volumeMounts).toEqual([mount]);
  expect(spec?.volumes).toEqual([
    {
      name,
      projected: {
        defaultMode: 420,
        sources: [
          { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          {
            downwardAPI: {
              items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
            },
          },
        ],
      },
    },
  ]);
});

describe('the token is left out', () => {
  const own = [{ name: 'own', mountPath: place }];
  test.each<[string, object, object, boolean]>([
    ['where the pod says so', { automountServiceAccountToken: false }, {}, false],
    ['where the account says so', {}, { automountServiceAccountToken: false }, false],
    [
      'not where the pod says otherwise',
      { automountServiceAccountToken: true },
      { automountServiceAccountToken: false },
      true,
    ],
    [
      'where every container has something in its place',
      { containers: [{ name: 'c', image: 'i', volumeMounts: own }], volumes: [{ name: 'own', emptyDir: {} }] },
      {},
      false,
    ],
  ])('%s', async (_, spec, more, mounted) => {
    await account('a', more);
    const made = await create({ serviceAccountName: 'a', ...spec });
    expect(made.spec?.volumes?.some((volume) => volume.projected !== undefined) ?? false).toBe(mounted);
  });
});

test('pull secrets of the account are taken where the pod names none', async () => {
  await account('a', { imagePullSecrets: [{ name: 's' }] });
  const pull = async (spec: Partial<PodSpec>, name: string) =>
    (await create({ serviceAccountName: 'a', ...spec }, { name })).spec?.imagePullSecrets;
  expect(await pull({}, 'p')).toEqual([{ name: 's' }]);
  expect(await pull({ imagePullSecrets: [{ name: 't' }] }, 'q')).toEqual([{ name: 't' }]);
});

test('a pod of a missing account is refused', async () => {
  expect(await refusal(create({ serviceAccountName: 'x' }))).toBe(
    '403 pods "p" is forbidden: error looking up service account default/x: serviceaccount "x" not found',
  );
});

test('the default account of a new namespace is waited for', async () => {
  await admin.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'new' } });
  const body = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  };
  const made = refusal(admin.post('/api/v1/namespaces/new/pods', body));
  await clock.advance(100);
  await admin.post('/api/v1/namespaces/new/serviceaccounts', {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default' },
  });
  await clock.advance(100);
  expect(await made).toBe('none');
  await admin.del('/api/v1/namespaces/new/serviceaccounts/default');
  const late = refusal(admin.post('/api/v1/namespaces/new/pods', { ...body, metadata: { name: 'q' } }));
  for (let i = 0; i < 20; i++) await clock.advance(100);
  expect(await late).toBe(
    '403 pods "q" is forbidden: error looking up service account new/default: serviceaccount "default" not found',
  );
});

describe('mirror pods and limited accounts', () => {
  const mirror = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
  const volume = (source: object) => ({ volumes: [{ name: 'v', ...source }], serviceAccountName: 'limited' });
  const ref = { name: 'E', valueFrom: { secretKeyRef: { name: 'other', key: 'k' } } };
  const lacking = 'is not allowed because service account limited does not reference that';
  test.each<[object, object, string]>([
    [{ serviceAccountName: 'limited' }, mirror, 'a mirror pod may not reference service accounts'],
    [{ volumes: [{ name: 'v', secret: { secretName: 's' } }] }, mirror, 'a mirror pod may not reference secrets'],
    [volume({ secret: { secretName: 'other' } }), {}, `volume with secret.secretName="other" ${lacking} secret`],
    [
      { serviceAccountName: 'limited', containers: [{ name: 'c', image: 'i', env: [ref] }] },
      {},
      `container c with envVar E referencing secret.secretName="other" ${lacking} secret`,
    ],
    [
      { serviceAccountName: 'limited', imagePullSecrets: [{ name: 'other' }] },
      {},
      `imagePullSecrets[0].name="other" ${lacking} imagePullSecret`,
    ],
  ])('%j', async (spec, metadata, expected) => {
    await account('limited', {
      metadata: { name: 'limited', annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } },
      secrets: [{ name: 'mine' }],
    });
    expect(await refusal(create({ nodeName: 'n', ...spec }, metadata))).toBe(`403 pods "p" is forbidden: ${expected}`);
  });

  test('ephemeral containers of a limited account', async () => {
    await account('limited', {
      metadata: { name: 'limited', annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } },
    });
    await create({ serviceAccountName: 'limited', automountServiceAccountToken: false });
    const added = { spec: { ephemeralContainers: [{ name: 'e', image: 'i', env: [ref] }] } };
    const path = '/api/v1/namespaces/default/pods/p/ephemeralcontainers';
    expect(await refusal(admin.patch(path, 'strategic-merge-patch+json', added))).toBe(
      `500 ephemeral container e with envVar E referencing secret.secretName="other" ${lacking} secret`,
    );
  });

  test('a mirror pod stays as its node wrote it', async () => {
    const { spec } = await create({ nodeName: 'n' }, mirror);
    expect(spec?.volumes).toBeUndefined();
    expect(spec?.serviceAccountName ?? '').toBe('');
  });
});
