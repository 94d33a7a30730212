// Which credentials of pull secrets go to which registry.
import { expect, test } from 'vitest';
import type { Secret } from '../../api/generated/types.ts';
import { credentialsFor } from './registry-credentials.ts';

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');
const secret = (...locations: string[]): Secret => ({
  metadata: { name: 's', namespace: 'ns', uid: 'u' },
  type: 'kubernetes.io/dockerconfigjson',
  data: {
    '.dockerconfigjson': encoded({
      auths: Object.fromEntries(locations.map((at) => [at, { username: at, password: 'p' }])),
    }),
  },
});
const users = (image: string, ...secrets: Secret[]): (string | undefined)[] =>
  credentialsFor(image, secrets).map(({ auth }) => auth.username);

test.each([
  ['quay.io', 'quay.io/team/app:1', true],
  ['https://quay.io', 'quay.io/team/app', true],
  ['https://quay.io/v2/', 'quay.io/team/app', true],
  ['quay.io/team', 'quay.io/team/app', true],
  ['quay.io/te', 'quay.io/team/app', true],
  ['quay.io/other', 'quay.io/team/app', false],
  ['quay.io:8080', 'quay.io/team/app', false],
  ['quay.io:8080', 'quay.io:8080/team/app', true],
  ['quay.io:443', 'quay.io:443/team/app', true],
  ['*.quay.io', 'a.quay.io/app', true],
  ['*.quay.io', 'quay.io/app', false],
  ['*.quay.io', 'a.b.quay.io/app', false],
  ['*.io', 'quay.io/app', true],
  ['127.0.0.1:5000', '127.0.0.1:5000/app@sha256:' + 'a'.repeat(64), true],
  ['https://index.docker.io/v1/', 'nginx', true],
  ['https://index.docker.io/v1/', 'team/app', true],
  ['https://index.docker.io/v1/', 'docker.io/team/app', true],
  ['https://index.docker.io/v1/', 'quay.io/team/app', false],
  ['docker.io', 'nginx', true],
  ['docker.io/library/nginx', 'nginx:1', true],
  ['docker.io/library/busybox', 'nginx:1', false],
])('%s and %s: %s', (location, image, applies) => {
  expect(users(image, secret(location))).toEqual(applies ? [location] : []);
});

test('the most specific come first; Docker’s own only where nothing else applies', () => {
  expect(users('quay.io/team/app', secret('quay.io', 'quay.io/team/app', '*.io', 'quay.io/team'))).toEqual([
    'quay.io/team/app',
    'quay.io/team',
    'quay.io',
    '*.io',
  ]);
  expect(users('nginx', secret('https://index.docker.io/v1/', 'docker.io'))).toEqual(['docker.io']);
});

test('auth is user and password in one, and the old format has no frame', () => {
  const auth = Buffer.from('me:a:b').toString('base64');
  const old: Secret = { type: 'kubernetes.io/dockercfg', data: { '.dockercfg': encoded({ 'quay.io': { auth } }) } };
  expect(credentialsFor('quay.io/a', [old]).map((c) => c.auth)).toEqual([{ username: 'me', password: 'a:b' }]);
});

test('tells the secret, and other passwords apart without telling them', () => {
  const [first] = credentialsFor('quay.io/a', [secret('quay.io')]);
  expect(first?.secret).toEqual({
    uid: 'u',
    namespace: 'ns',
    name: 's',
    credentialHash: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});

test.each([
  ['no data', {}],
  ['no JSON', { data: { '.dockerconfigjson': 'bm9wZQ==' } }],
  ['no object', { data: { '.dockerconfigjson': encoded([1]) } }],
  ['no password', { data: { '.dockerconfigjson': encoded({ auths: { 'quay.io': { username: 'u' } } }) } }],
  ['auth without a colon', { data: { '.dockerconfigjson': encoded({ auths: { 'quay.io': { auth: 'bm9wZQ==' } } }) } }],
])('%s gives none', (_, broken) => expect(users('quay.io/a', broken)).toEqual([]));
