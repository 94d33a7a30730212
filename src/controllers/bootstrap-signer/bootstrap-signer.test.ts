// The config map cluster-info and its signatures: which tokens sign, and what a machine with a token can check.
import { compactVerify } from 'jose';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import { startTestServer, type TestServer, verbs } from '../../apiserver/test-server.ts';
import type { ConfigMap, Secret } from '../../api/generated/types.ts';
import { createClient } from '../../client/create-client.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createControllerManager } from '../manager.ts';
import { decideSignatures, detachedSignature } from './decide.ts';

const now = Date.parse('2026-06-01T00:00:00Z');
const id = 'abcdef';
const secretText = '0123456789abcdef';

const tokenSecret = (fields: Record<string, string> = {}, name = `bootstrap-token-${id}`): Secret => ({
  metadata: { name, namespace: 'kube-system' },
  type: 'bootstrap.kubernetes.io/token',
  data: Object.fromEntries(
    Object.entries({
      'token-id': id,
      'token-secret': secretText,
      'usage-bootstrap-signing': 'true',
      ...fields,
    }).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  ),
});
const clusterInfo = (data: Record<string, string>): ConfigMap => ({ metadata: { name: 'cluster-info' }, data });
const signature = detachedSignature('content', { id, secret: secretText });

test('who has the token can check the signature', async () => {
  const [head = '', none, tail = ''] = signature.split('.');
  expect(none).toBe('');
  const key = new TextEncoder().encode(secretText);
  const whole = `${head}.${Buffer.from('content').toString('base64url')}.${tail}`;
  expect((await compactVerify(whole, key)).protectedHeader).toEqual({ alg: 'HS256', kid: id });
  const other = `${head}.${Buffer.from('other').toString('base64url')}.${tail}`;
  await expect(compactVerify(other, key)).rejects.toThrow('signature verification failed');
});

describe('the config map', () => {
  test.each<[string, Record<string, string>, Secret[], Record<string, string> | undefined]>([
    [
      'is signed',
      { kubeconfig: 'content' },
      [tokenSecret()],
      { kubeconfig: 'content', 'jws-kubeconfig-abcdef': signature },
    ],
    [
      'is left alone where it is so',
      { kubeconfig: 'content', 'jws-kubeconfig-abcdef': signature },
      [tokenSecret()],
      undefined,
    ],
    ['is left alone without a kubeconfig', { other: 'x' }, [tokenSecret()], undefined],
    [
      'loses signatures of tokens that are gone, and keeps other keys',
      { kubeconfig: 'content', 'jws-kubeconfig-zzzzzz': 'x', other: 'y' },
      [],
      { kubeconfig: 'content', other: 'y' },
    ],
    [
      'gets another signature where the text is another',
      { kubeconfig: 'content', 'jws-kubeconfig-abcdef': 'x' },
      [tokenSecret()],
      { kubeconfig: 'content', 'jws-kubeconfig-abcdef': signature },
    ],
  ])('%s', (_, data, secrets, wanted) => {
    expect(decideSignatures(clusterInfo(data), secrets, now)?.data).toEqual(wanted);
  });

  test.each<[string, Secret]>([
    ['has run out', tokenSecret({ expiration: '2026-05-31T23:59:59Z' })],
    ['nobody knows when it ends', tokenSecret({ expiration: 'tomorrow' })],
    ['is for other uses', tokenSecret({ 'usage-bootstrap-signing': 'false' })],
    ['has another name', tokenSecret({}, 'bootstrap-token-zzzzzz')],
    ['has no secret', tokenSecret({ 'token-secret': '' })],
  ])('is not signed by a token that %s', (_, secret) => {
    expect(decideSignatures(clusterInfo({ kubeconfig: 'content' }), [secret], now)).toBeUndefined();
  });

  test('that is missing is nothing to sign', () => {
    expect(decideSignatures(undefined, [tokenSecret()], now)).toBeUndefined();
  });
});

describe('on a server', () => {
  let t: TestServer;
  const ending = new AbortController();
  afterEach(async () => {
    ending.abort();
    await t.server.close();
  });

  test('tokens sign while they hold; one that has run out is removed, and its signature with it', async () => {
    t = await startTestServer(realClock, realRandom);
    const transport = t.server.inProcess({
      name: 'system:kube-controller-manager',
      groups: ['system:authenticated'],
    });
    const manager = createControllerManager({
      client: createClient(transport),
      transport,
      clock: realClock,
      random: realRandom,
      logger: silentLogger,
      events: () => ({ event: () => {} }),
      clusterCaPem: 'PEM',
      signCertificate: () => Promise.reject(new Error('not here')),
      controllers: 'bootstrapsigner,tokencleaner',
    });
    await manager.start(ending.signal);
    const admin = verbs(t.admin);
    const path = '/api/v1/namespaces/kube-public/configmaps';
    await admin.post(path, clusterInfo({ kubeconfig: 'content' }));
    const secrets = '/api/v1/namespaces/kube-system/secrets';
    await admin.post(secrets, tokenSecret());
    const held = async (): Promise<ConfigMap['data']> =>
      ((await admin.get(`${path}/cluster-info`)) as ConfigMap).data ?? {};
    await eventually('a signature', async () => (await held())?.['jws-kubeconfig-abcdef'] === signature);
    const expiration = new Date(Date.now() + 1000).toISOString().replace(/\.\d+/, '');
    await admin.patch(`${secrets}/bootstrap-token-${id}`, 'merge-patch+json', {
      stringData: { expiration },
    });
    await eventually('no token', async () => ((await admin.get(secrets)) as { items?: unknown[] }).items?.length === 0);
    await eventually('no signature', async () => Object.keys((await held()) ?? {}).length === 1);
  });
});
