// Ways to be known: certificates, a front proxy, a token file, bootstrap tokens, an identity provider that changes its keys.
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type HttpsClient, httpsClient, json } from '../../../test/support/https-client.ts';
import { ensurePki, frontProxyName, type Pki } from '../../host/pki.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { jsonFetcher } from '../http/fetch-json.ts';
import { startTestServer, type TestServer, verbs } from '../test-server.ts';
import { TokenError } from './authenticator.ts';
import { byClaims } from './claims.ts';
import { usualFrontProxyHeaders } from './front-proxy.ts';
import { type OidcIssuer, oidcAuthenticator } from './oidc.ts';
import { parseTokenFile } from './token-file.ts';

const pki: Pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
const whoAmI = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const review = {
  headers: { 'content-type': 'application/json' },
  body: '{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"}',
};

const old = await generateKeyPair('ES256');
const next = await generateKeyPair('ES256');

describe('over HTTPS', () => {
  let t: TestServer;
  let h1: HttpsClient['h1'];

  beforeAll(async () => {
    t = await startTestServer(realClock, realRandom, {
      authentication: {
        clientCa: pki.ca,
        bootstrapTokens: true,
        tokenFile: parseTokenFile('tokens.csv', 'secret,jane,42,"dev,ops"\n'),
        frontProxy: {
          ...usualFrontProxyHeaders,
          uidHeaders: ['X-Remote-Uid', 'X-Other-Uid'],
          ca: pki.frontProxy.ca,
          allowedNames: [frontProxyName],
        },
      },
    });
    const tls = { ...pki.apiserver, clientCa: pki.ca, frontProxyCa: pki.frontProxy.ca };
    const { port } = await t.server.listen({ host: '127.0.0.1', port: 0, tls });
    ({ h1 } = httpsClient(port, pki.ca, await pki.issueClientCert('bob', ['dev', 'ops'])));
    const data = (fields: Record<string, string>) =>
      Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
    const bootstrap = (id: string, fields: Record<string, string>) =>
      verbs(t.admin).post('/api/v1/namespaces/kube-system/secrets', {
        metadata: { name: `bootstrap-token-${id}` },
        type: 'bootstrap.kubernetes.io/token',
        data: data({
          'token-id': id,
          'token-secret': '0123456789abcdef',
          'usage-bootstrap-authentication': 'true',
          ...fields,
        }),
      });
    await bootstrap('aaaaaa', { 'auth-extra-groups': 'system:bootstrappers:workers' });
    await bootstrap('bbbbbb', { expiration: '2020-01-01T00:00:00Z' });
    await bootstrap('cccccc', { 'usage-bootstrap-authentication': 'false' });
    await bootstrap('dddddd', { 'auth-extra-groups': 'system:masters' });
    await bootstrap('eeeeee', { 'token-id': 'ffffff' });
    await bootstrap('gggggg', { expiration: 'tomorrow' });
  });
  afterAll(() => t.server.close());

  const userOf = async (options: Parameters<HttpsClient['h1']>[2] = {}): Promise<unknown> => {
    const headers = { ...review.headers, ...options.headers };
    const answer = await h1('POST', whoAmI, { ...review, ...options, headers });
    return answer.status === 201 ? (json(answer)['status'] as { userInfo: unknown }).userInfo : answer.status;
  };
  const withToken = (token: string) => userOf({ as: null, headers: { authorization: `Bearer ${token}` } });

  test('a certificate names user and groups, and itself', async () => {
    expect(await userOf()).toEqual({
      username: 'bob',
      groups: ['dev', 'ops', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^X509SHA256=[0-9a-f]{64}$/)] },
    });
  });

  test('a front proxy speaks for others', async () => {
    const headers = {
      'X-Remote-User': 'jane',
      'x-remote-group': 'dev',
      'X-Remote-Extra-Acme.Com%2FScope': 'all',
    };
    expect(await userOf({ as: pki.frontProxy.client, headers })).toEqual({
      username: 'jane',
      groups: ['dev', 'system:authenticated'],
      extra: { 'acme.com/scope': ['all'] },
    });
  });

  test('a front proxy tells of the uid in the first of its headers that has one', async () => {
    const headers = { 'X-Remote-User': 'jane', 'X-Remote-Uid': '', 'X-Other-Uid': '42' };
    expect(await userOf({ as: pki.frontProxy.client, headers })).toEqual({
      username: 'jane',
      uid: '42',
      groups: ['system:authenticated'],
    });
    // Nobody else may say who he is.
    expect(await userOf({ headers })).toMatchObject({ username: 'bob' });
    expect(await userOf({ headers })).not.toHaveProperty('uid');
  });

  test('a token of the file', async () => {
    expect(await withToken('secret')).toEqual({
      username: 'jane',
      uid: '42',
      groups: ['dev', 'ops', 'system:authenticated'],
    });
  });

  test('a bootstrap token', async () => {
    expect(await withToken('aaaaaa.0123456789abcdef')).toEqual({
      username: 'system:bootstrap:aaaaaa',
      groups: ['system:bootstrappers', 'system:bootstrappers:workers', 'system:authenticated'],
    });
  });

  test.each([
    ['another secret', 'aaaaaa.0123456789abcdeg'],
    ['one that has run out', 'bbbbbb.0123456789abcdef'],
    ['one for other uses', 'cccccc.0123456789abcdef'],
    ['one with a group that it may not give', 'dddddd.0123456789abcdef'],
    ['one under another name', 'eeeeee.0123456789abcdef'],
    ['one of which nobody knows when it ends', 'gggggg.0123456789abcdef'],
    ['one that is not there', 'zzzzzz.0123456789abcdef'],
  ])('no bootstrap token: %s', async (_, token) => {
    expect(await withToken(token)).toBe(401);
  });

  test('a review tells of them too', async () => {
    const status = async (token: string, audiences?: string[]) => {
      const spec = { token, ...(audiences === undefined ? {} : { audiences }) };
      return (
        (await verbs(t.admin).post('/apis/authentication.k8s.io/v1/tokenreviews', { spec })) as { status?: object }
      ).status;
    };
    expect(await status('secret')).toMatchObject({
      authenticated: true,
      user: { username: 'jane' },
      audiences: ['https://kubernetes.default.svc.cluster.local'],
    });
    expect(await status('secret', ['vault'])).toEqual({ user: {}, error: 'invalid bearer token' });
    expect(await status('nonsense')).toEqual({ user: {}, error: 'invalid bearer token' });
  });

  test('a review tells who sent which field of it', async () => {
    const review = await verbs(t.admin).post('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: 'x' } });
    expect(review.metadata?.managedFields).toMatchObject([
      { manager: 'admin', operation: 'Update', fieldsV1: { 'f:spec': { 'f:token': {} } } },
    ]);
  });

  test('aggregated servers are told whom to trust', async () => {
    const path = '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication';
    expect((await verbs(t.admin).get(path)) as object).toMatchObject({
      data: {
        'client-ca-file': pki.ca,
        'requestheader-client-ca-file': pki.frontProxy.ca,
        'requestheader-allowed-names': '["front-proxy-client"]',
        'requestheader-username-headers': '["X-Remote-User"]',
        'requestheader-group-headers': '["X-Remote-Group"]',
        'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
        'requestheader-uid-headers': '["X-Remote-Uid","X-Other-Uid"]',
      },
    });
  });
});

describe('a token file', () => {
  test.each<[string, object]>([
    ['t,jane,1', { name: 'jane', uid: '1', groups: [] }],
    ['t, jane , 1 , dev', { name: 'jane', uid: '1', groups: ['dev'] }],
    ['t,"Doe, Jane",1,"a,b"', { name: 'Doe, Jane', uid: '1', groups: ['a', 'b'] }],
    ['t,"say ""x""",1', { name: 'say "x"', uid: '1', groups: [] }],
  ])('%s', (line, user) => {
    expect(parseTokenFile('f', `${line}\n\n`).get('t')).toEqual(user);
  });
  test.each([
    ['t,jane', "token file 'f' must have at least 3 columns (token, user name, user uid), found 2"],
    ['t,jane,1,a,b', "token file 'f': a line has 5 columns, groups go in quotes"],
    ['t,"jane,1', 'parse error: bare "'],
  ])('%s is refused', (line, message) => {
    expect(() => parseTokenFile('f', line)).toThrow(message);
  });
  test('a line without a token is nobody', () => {
    expect(parseTokenFile('f', ',jane,1\n').size).toBe(0);
  });
});

describe('an identity provider', () => {
  let provider: Server;
  let url: string;
  let asked: string[];
  let keys: JWK[];
  /** What the provider answers beside its documents: by path. */
  let answers: Record<string, (answer: import('node:http').ServerResponse) => void>;
  const now = Math.floor(Date.now() / 1000);

  beforeAll(async () => {
    const serving = await pki.issueServingCert({ commonName: 'idp', hosts: ['127.0.0.1'] });
    provider = createServer(serving, (request, answer) => {
      asked.push(request.url ?? '');
      const own = answers[request.url ?? ''];
      if (own !== undefined) return own(answer);
      const document =
        request.url === '/keys'
          ? { keys }
          : { issuer: url, jwks_uri: `${url}/keys`, id_token_signing_alg_values_supported: ['ES256'] };
      answer.end(JSON.stringify(document));
    });
    await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
    url = `https://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  });
  afterAll(() => provider.close());
  afterEach(() => {
    answers = {};
  });

  async function authenticator(more: Partial<OidcIssuer> = {}, clock = { ms: Date.now() }) {
    asked = [];
    answers = {};
    keys = [{ ...(await exportJWK(old.publicKey)), kid: 'old', alg: 'ES256' }];
    return oidcAuthenticator(
      {
        url,
        clientIds: ['peapod'],
        signingAlgorithms: ['RS256', 'ES256'],
        user: byClaims({
          username: { claim: 'sub', prefix: 'idp:' },
          groups: { claim: 'groups', prefix: 'idp:' },
          required: { tenant: 'acme' },
        }),
        ...more,
      },
      { fetchJson: jsonFetcher(pki.ca), now: () => clock.ms, audiences: ['api'] },
    );
  }

  const token = (claims: object = {}, { kid = 'old', by = old.privateKey } = {}): Promise<string> =>
    new SignJWT({
      iss: url,
      aud: 'peapod',
      sub: 'jane',
      tenant: 'acme',
      groups: ['dev'],
      exp: now + 600,
      jti: '7',
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', kid })
      .sign(by);

  const outcome = async (known: Promise<unknown>): Promise<unknown> => {
    try {
      return await known;
    } catch (error) {
      if (error instanceof TokenError) return error.message;
      throw error;
    }
  };

  test('its tokens name user and groups, and its keys are asked for once', async () => {
    const oidc = await authenticator();
    const jane = {
      user: {
        name: 'idp:jane',
        groups: ['idp:dev'],
        extra: { 'authentication.kubernetes.io/credential-id': ['JTI=7'] },
      },
      audiences: ['api'],
    };
    expect(await oidc.authenticate(await token(), ['api'])).toEqual(jane);
    expect(await oidc.authenticate(await token({ groups: 'dev' }), ['api'])).toEqual(jane);
    expect(asked).toEqual(['/.well-known/openid-configuration', '/keys']);
  });

  test("others' tokens are none of its business", async () => {
    const oidc = await authenticator();
    expect(await oidc.authenticate(await token({ iss: 'https://other' }), ['api'])).toBeUndefined();
    expect(await oidc.authenticate(await token(), ['vault'])).toBeUndefined();
    expect(await oidc.authenticate('x', ['api'])).toBeUndefined();
    expect(asked).toEqual([]);
  });

  test.each<[object, string]>([
    [{ aud: 'other' }, 'expected audience in ["peapod"] got ["other"]'],
    [{ aud: undefined }, 'expected audience'],
    [{ exp: now - 1 }, 'token is expired'],
    [{ exp: undefined }, 'token is expired'],
    [{ nbf: now + 600 }, 'before the nbf'],
    [{ sub: undefined }, 'oidc: parse username claims "sub": claim not present'],
    [{ sub: 7 }, 'the claim is no string'],
    [{ sub: '' }, 'the username is empty'],
    [{ groups: [1] }, 'neither a string nor a list of strings'],
    [{ tenant: undefined }, 'oidc: required claim tenant not present in ID token'],
    [{ tenant: 'other' }, 'oidc: required claim tenant value does not match. Got = other, want = acme'],
  ])('refused: %j', async (claims, message) => {
    const oidc = await authenticator();
    expect(await outcome(oidc.authenticate(await token(claims), ['api']))).toContain(message);
  });

  test('an address counts unless the provider says that it is not verified', async () => {
    const user = byClaims({ username: { claim: 'email', prefix: '' }, required: {} });
    const oidc = await authenticator({ user });
    const email = 'jane@acme.com';
    expect(await outcome(oidc.authenticate(await token({ email, email_verified: false }), ['api']))).toBe(
      'oidc: email not verified',
    );
    expect(await oidc.authenticate(await token({ email, email_verified: true }), ['api'])).toMatchObject({
      user: { name: email },
    });
  });

  test('a signature of another key, of another algorithm, or none, does not hold', async () => {
    const oidc = await authenticator();
    const forged = await token({}, { by: next.privateKey });
    expect(await outcome(oidc.authenticate(forged, ['api']))).toContain(
      'oidc: verify token: signature verification failed',
    );
    const [, body = ''] = forged.split('.');
    const head = (alg: string): string => Buffer.from(JSON.stringify({ alg, kid: 'old' })).toString('base64url');
    expect(await outcome(oidc.authenticate(`${head('none')}.${body}.`, ['api']))).toContain('oidc: verify token');
    const secret = new TextEncoder().encode(JSON.stringify(keys[0]));
    const symmetric = await new SignJWT({ iss: url, aud: 'peapod', sub: 'jane', exp: now + 600 })
      .setProtectedHeader({ alg: 'HS256', kid: 'old' })
      .sign(secret);
    expect(await outcome(oidc.authenticate(symmetric, ['api']))).toContain(
      '"alg" (Algorithm) Header Parameter value not allowed',
    );
  });

  test('a new key is asked for, though not at every token', async () => {
    const clock = { ms: Date.now() };
    const oidc = await authenticator({}, clock);
    await oidc.authenticate(await token(), ['api']);
    const rotated = await token({}, { kid: 'next', by: next.privateKey });
    expect(await outcome(oidc.authenticate(rotated, ['api']))).toContain('no applicable key');
    expect(asked).toHaveLength(2);
    keys = [{ ...(await exportJWK(next.publicKey)), kid: 'next', alg: 'ES256' }];
    clock.ms += 10_000;
    expect(await oidc.authenticate(rotated, ['api'])).toMatchObject({ user: { name: 'idp:jane' } });
    expect(asked).toHaveLength(4);
    expect(await outcome(oidc.authenticate(await token(), ['api']))).toContain('no applicable key');
    expect(asked).toHaveLength(4);
  });

  test.each<[string, (answer: import('node:http').ServerResponse) => void, string]>([
    ['calls itself otherwise', (answer) => answer.end('{"issuer":"https://other"}'), 'issuer did not match'],
    ['is not well', (answer) => answer.writeHead(500).end(), ': 500'],
    ['leads elsewhere', (answer) => answer.writeHead(302, { location: 'https://127.0.0.1:1/' }).end(), ': 302'],
    ['says too much', (answer) => answer.end(`"${'x'.repeat(1024 * 1024)}"`), 'is over 1048576 bytes'],
    ['speaks no JSON', (answer) => answer.end('<html>'), 'is no JSON'],
    [
      'keeps its keys where anybody could change them',
      (answer) => answer.end(JSON.stringify({ issuer: url, jwks_uri: 'http://127.0.0.1/keys' })),
      'no jwks_uri with https',
    ],
  ])('a provider that %s knows nobody', async (_, answer, message) => {
    const oidc = await authenticator();
    answers = { '/.well-known/openid-configuration': answer };
    expect(await outcome(oidc.authenticate(await token(), ['api']))).toContain(message);
    expect(asked).toHaveLength(1);
  });

  test('a provider whose certificate nobody vouches for knows nobody', async () => {
    await authenticator();
    await expect(jsonFetcher(undefined)(`${url}/keys`)).rejects.toThrow(/certificate/);
    expect(asked).toEqual([]);
  });
});
