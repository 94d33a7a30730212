// Who may use an image that another pod has pulled.
import { expect, test } from 'vitest';
import { decidePull, grantAccess, type ImagePulledRecord, type PullAccess } from './decide-pull.ts';
import type { PullCredential, SecretCredential } from './registry-credentials.ts';

const secret = (name: string, password: string): SecretCredential => ({
  uid: `uid-${name}`,
  namespace: 'ns',
  name,
  credentialHash: password,
});
const shows = (name: string, password: string): PullCredential => ({
  auth: { username: 'u', password },
  secret: secret(name, password),
});
const record = (access: PullAccess): ImagePulledRecord => ({
  kind: 'ImagePulledRecord',
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  lastUpdatedTime: '',
  imageRef: 'sha256:1',
  credentialMapping: { 'quay.io/app': access },
});
const bySecret = record({ kubernetesSecrets: [secret('a', 'one')] });

test.each([
  ['an image that was there before', undefined, false, [], 'use'],
  ['one whose pull was cut off', undefined, true, [], 'pull'],
  ['one that anybody may pull', record({ nodePodsAccessible: true }), true, [], 'use'],
  ['one pulled under another name', { ...bySecret, credentialMapping: {} }, true, [shows('a', 'one')], 'pull'],
  ['a private one, without a secret', bySecret, true, [], 'pull'],
  ['a private one, with another secret', bySecret, true, [shows('b', 'two')], 'pull'],
  ['a private one, with the secret it was pulled by', bySecret, true, [shows('a', 'one')], 'use'],
  ['the same password in another secret', bySecret, true, [shows('b', 'one')], { use: secret('b', 'one') }],
  ['another password in the same secret', bySecret, true, [shows('a', 'two')], { use: secret('a', 'two') }],
] as const)('%s', (_, known, intended, credentials, expected) => {
  expect(decidePull(known, intended, 'quay.io/app', credentials)).toEqual(expected);
});

test('access is added to, a changed secret replaced, and free access stays', () => {
  const one = grantAccess(undefined, secret('a', 'one'));
  expect(one).toEqual({ kubernetesSecrets: [secret('a', 'one')] });
  expect(grantAccess(one, secret('b', 'two')).kubernetesSecrets).toHaveLength(2);
  expect(grantAccess(one, secret('a', 'new'))).toEqual({ kubernetesSecrets: [secret('a', 'new')] });
  expect(grantAccess(one, undefined)).toEqual({ nodePodsAccessible: true });
  expect(grantAccess({ nodePodsAccessible: true }, secret('a', 'one'))).toEqual({ nodePodsAccessible: true });
});
