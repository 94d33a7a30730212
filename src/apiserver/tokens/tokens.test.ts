// Service account tokens: what they say, who they stand for, and everything that ends or spoils one.
import { createHmac, createPublicKey, generateKeyPairSync, verify, type JsonWebKey, type KeyObject } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TokenRequest, TokenReview } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import type { KubeObject } from '../../api/meta/types.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../../sim/virtual-clock.ts';
import { startTestServer, type TestServer, verbs } from '../test-server.ts';
import { createTokenSigner, newSigningKey } from './jwt.ts';

const issuer = 'https://kubernetes.default.svc.cluster.local';
const key = newSigningKey();
let clock: VirtualClock;
let server: TestServer;
let admin: ReturnType<typeof verbs>;

beforeEach(async () => {
  clock = createVirtualClock();
  server = await startTestServer(clock, createSeededRandom(1), { serviceAccountKey: key });
  admin = verbs(server.admin);
});
afterEach(() => server.server.close());

const accounts = '/api/v1/namespaces/default/serviceaccounts';
const ask = async (spec: object = {}, account = 'default'): Promise<TokenRequest> =>
  (await admin.post(`${accounts}/${account}/token`, { spec })) as TokenRequest;
const tokenOf = async (spec: object = {}): Promise<string> => (await ask(spec)).status?.token ?? '';
const review = async (token: string, audiences?: string[]): Promise<TokenReview['status']> => {
  const spec = { token, ...(audiences === undefined ? {} : { audiences }) };
  return ((await admin.post('/apis/authentication.k8s.io/v1/tokenreviews', { spec })) as KubeObject as TokenReview)
    .status;
};
const part = (token: string, i: number): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[i] ?? '', 'base64url').toString()) as Record<string, unknown>;
const uidOf = async (path: string): Promise<string> => (await admin.get(path)).metadata?.uid ?? '';
const pod = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { serviceAccountName: 'default', containers: [{ name: 'c', image: 'i' }], ...more },
});
const bound = (kind: string, name: string, uid?: string) => ({
  boundObjectRef: { apiVersion: 'v1', kind, name, ...(uid === undefined ? {} : { uid }) },
});

async function refusal(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return 'none';
  } catch (error) {
    if (isApiError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
}

describe('a token request', () => {
  test('gives a token with upstream’s claims, which the published key verifies', async () => {
    const answer = await ask({ expirationSeconds: 700, audiences: ['vault', issuer] });
    const now = Math.floor(clock.now() / 1000);
    expect(answer).toMatchObject({
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name: 'default', namespace: 'default' },
      spec: { expirationSeconds: 700, audiences: ['vault', issuer] },
      status: { expirationTimestamp: `${new Date((now + 700) * 1000).toISOString().slice(0, 19)}Z` },
    });
    const token = answer.status?.token ?? '';
    expect(part(token, 1)).toEqual({
      aud: ['vault', issuer],
      exp: now + 700,
      iat: now,
      iss: issuer,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      'kubernetes.io': {
        namespace: 'default',
        serviceaccount: { name: 'default', uid: await uidOf(`${accounts}/default`) },
      },
      nbf: now,
      sub: 'system:serviceaccount:default:default',
    });
    const { keys } = createTokenSigner(key).keySet as { keys: (JsonWebKey & { kid: string })[] };
    const jwk = keys[0] ?? { kid: '' };
    expect(part(token, 0)).toEqual({ alg: 'ES256', kid: jwk.kid });
    const [head, body, tail = ''] = token.split('.');
    const verifier = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } as const;
    expect(verify('sha256', Buffer.from(`${head}.${body}`), verifier, Buffer.from(tail, 'base64url'))).toBe(true);
  });

  test.each<[string, object, string, string]>([
    [
      'too short',
      { expirationSeconds: 599 },
      'default',
      '422 TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
    ],
    [
      'too long',
      { expirationSeconds: 2 ** 32 + 1 },
      'default',
      '422 TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
    ],
    ['of nobody', {}, 'nobody', '404 serviceaccounts "nobody" not found'],
    ['bound to a missing pod', bound('Pod', 'gone'), 'default', '404 pods "gone" not found'],
    [
      'bound to something else',
      bound('ConfigMap', 'c'),
      'default',
      '400 cannot bind token to object of type /v1, Kind=ConfigMap',
    ],
    [
      'bound to another pod of that name',
      bound('Pod', 'p', 'x'),
      'default',
      '409 Operation cannot be fulfilled on Pod "p": the UID in the bound object reference (x) does not match the UID in record. The object might have been deleted and then recreated',
    ],
    [
      "bound to another account's pod",
      bound('Pod', 'p'),
      'other',
      '400 cannot bind token for serviceaccount "other" to pod running with different serviceaccount name.',
    ],
  ])('%s is refused', async (_, spec, account, expected) => {
    await admin.post(accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'other' } });
    await admin.post('/api/v1/namespaces/default/pods', pod('p'));
    expect(await refusal(ask(spec, account))).toContain(expected);
  });
});

describe('a token', () => {
  test('stands for its account', async () => {
    expect(await review(await tokenOf())).toEqual({
      authenticated: true,
      user: {
        username: 'system:serviceaccount:default:default',
        uid: await uidOf(`${accounts}/default`),
        groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
        extra: { 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^JTI=/) as string] },
      },
      audiences: [issuer],
    });
  });

  test('says its pod and that pod’s node', async () => {
    const node = await admin.post('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } });
    const made = await admin.post('/api/v1/namespaces/default/pods', pod('p', { nodeName: 'n' }));
    const status = await review(await tokenOf(bound('Pod', 'p', made.metadata?.uid)));
    expect(status?.user?.extra).toMatchObject({
      'authentication.kubernetes.io/pod-name': ['p'],
      'authentication.kubernetes.io/pod-uid': [made.metadata?.uid],
      'authentication.kubernetes.io/node-name': ['n'],
      'authentication.kubernetes.io/node-uid': [node.metadata?.uid],
    });
  });

  const invalidated = '[invalid bearer token, service account token has been invalidated]';
  test('ends with its pod, also when another takes its name', async () => {
    await admin.post('/api/v1/namespaces/default/pods', pod('p'));
    const token = await tokenOf(bound('Pod', 'p'));
    expect((await review(token))?.authenticated).toBe(true);
    await admin.del('/api/v1/namespaces/default/pods/p', { gracePeriodSeconds: 0 });
    expect((await review(token))?.error).toBe(invalidated);
    await admin.post('/api/v1/namespaces/default/pods', pod('p'));
    expect((await review(token))?.error).toContain('does not match service account pod ref claim');
  });

  test('ends with its secret, its account and its time', async () => {
    await admin.post('/api/v1/namespaces/default/secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
    });
    const ofSecret = await tokenOf(bound('Secret', 's'));
    const short = await tokenOf({ expirationSeconds: 600 });
    const plain = await tokenOf();
    await admin.del('/api/v1/namespaces/default/secrets/s');
    expect((await review(ofSecret))?.error).toBe(invalidated);
    await clock.advance(599_000);
    expect((await review(short))?.authenticated).toBe(true);
    await clock.advance(62_000);
    expect((await review(short))?.error).toBe('[invalid bearer token, service account token has expired]');
    await admin.del(`${accounts}/default`);
    expect((await review(plain))?.error).toBe('[invalid bearer token, serviceaccounts "default" not found]');
    await admin.post(accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } });
    expect((await review(plain))?.error).toMatch(/service account UID \(.*\) does not match claim/);
  });

  test('holds for its audiences only', async () => {
    const token = await tokenOf({ audiences: ['vault'] });
    expect((await review(token))?.error).toBe(
      `[invalid bearer token, token audiences ["vault"] is invalid for the target audiences ["${issuer}"]]`,
    );
    expect(await review(token, ['other', 'vault'])).toMatchObject({ authenticated: true, audiences: ['vault'] });
  });

  test('cannot be forged', async () => {
    const token = await tokenOf();
    const [head = '', body = '', tail = ''] = token.split('.');
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const richer = encode({ ...part(token, 1), sub: 'system:serviceaccount:kube-system:default' });
    const flipped = `${tail.startsWith('A') ? 'B' : 'A'}${tail.slice(1)}`;
    const strange = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    });
    const forged = [
      `${head}.${richer}.${tail}`,
      `${head}.${body}.${flipped}`,
      `${head}.${body}.`,
      `${head}.${body}`,
      `${encode({ alg: 'none' })}.${body}.`,
      `${encode({ alg: 'HS256' })}.${body}.${tail}`,
      createTokenSigner(strange.toString()).sign({ ...(part(token, 1) as Record<string, string>) }),
      'x.y.z',
      'no token',
      '.'.repeat(100_000),
    ];
    for (const text of forged) expect(await review(text)).toEqual({ user: {}, error: 'invalid bearer token' });
  });
});

describe('with several keys', () => {
  const older = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const oldPem = older.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

  /** A server over the same store, that signs with that key and knows the others. */
  const restarted = async (serviceAccountSigningKey: string, serviceAccountKeys: KeyObject[]): Promise<void> => {
    const { store } = server;
    await server.server.close();
    server = await startTestServer(clock, createSeededRandom(2), {
      store,
      authentication: { serviceAccountSigningKey, serviceAccountKeys },
    });
    admin = verbs(server.admin);
  };
  const published = async (path: string): Promise<Record<string, unknown>> =>
    (await admin.get(path)) as unknown as Record<string, unknown>;

  test('one signs, all are known and shown, and one that is taken away is known no more', async () => {
    await restarted(oldPem, []);
    const before = await tokenOf();
    expect(part(before, 0)).toMatchObject({ alg: 'RS256' });
    await restarted(key, [older.publicKey, createPublicKey(key)]);
    const after = await tokenOf();
    expect(part(after, 0)).toMatchObject({ alg: 'ES256' });
    for (const token of [before, after]) expect(await review(token)).toMatchObject({ authenticated: true });
    const { keys } = (await published('/openid/v1/jwks')) as { keys: Record<string, unknown>[] };
    expect(keys.map(({ kid, alg }) => [kid, alg])).toEqual([
      [part(after, 0)['kid'], 'ES256'],
      [part(before, 0)['kid'], 'RS256'],
    ]);
    // No private member of any key.
    expect(keys.map((one) => Object.keys(one))).toEqual([
      ['use', 'kty', 'kid', 'crv', 'alg', 'x', 'y'],
      ['use', 'kty', 'kid', 'alg', 'n', 'e'],
    ]);
    expect(await published('/.well-known/openid-configuration')).toMatchObject({
      id_token_signing_alg_values_supported: ['ES256', 'RS256'],
    });
    await restarted(key, []);
    expect(await review(before)).toEqual({ user: {}, error: 'invalid bearer token' });
    expect(await review(after)).toMatchObject({ authenticated: true });
  });

  test('no key is used with the algorithm of another', async () => {
    await restarted(key, [older.publicKey]);
    const token = await tokenOf();
    const [, body = ''] = token.split('.');
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const pem = older.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const kid = (createTokenSigner(oldPem).keySet as { keys: { kid: string }[] }).keys[0]?.kid;
    for (const header of [
      { alg: 'HS256', kid },
      { alg: 'HS256' },
      { alg: 'RS256', kid: part(token, 0)['kid'] },
      { alg: 'ES256', kid },
    ]) {
      const signed = `${encode(header)}.${body}`;
      const forged = `${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`;
      expect(await review(forged)).toEqual({ user: {}, error: 'invalid bearer token' });
    }
  });
});
