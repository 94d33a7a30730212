// Requests for tokens, and what becomes of the accounts and secrets behind them.
import type { Json } from '../../difference.ts';
import { pod, pods } from './pods.ts';
import { ask, type Step, types } from './step.ts';

const accounts = '/api/v1/namespaces/default/serviceaccounts';
const tokenSpecs: readonly Json[] = [
  {},
  { audiences: [] },
  { audiences: [''] },
  { audiences: ['a', 'a'] },
  { expirationSeconds: 599 },
  { expirationSeconds: 600 },
  { expirationSeconds: 4_294_967_296 },
  { expirationSeconds: 4_294_967_297 },
  { expirationSeconds: -1 },
  { boundObjectRef: {} },
  { boundObjectRef: { kind: 'Pod', name: 'bound' } },
  { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'bound' } },
  { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'bound', uid: 'x' } },
  { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'nosuch' } },
  { boundObjectRef: { kind: 'Pod', apiVersion: 'v2', name: 'nosuch' } },
  { boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 'bound' } },
  { boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 'nosuch' } },
  { boundObjectRef: { kind: 'Node', apiVersion: 'v1', name: 'nosuch' } },
  { boundObjectRef: { kind: 'ConfigMap', apiVersion: 'v1', name: 'x' } },
];
export const tokenSteps: readonly Step[] = [
  ask('POST', accounts, { metadata: { name: 'tokened' } }),
  ask('POST', pods, pod('bound')),
  ask('POST', pods, pod('its', { serviceAccountName: 'tokened' })),
  ask('POST', '/api/v1/namespaces/default/secrets', { metadata: { name: 'bound' }, stringData: { a: 'b' } }),
  ...tokenSpecs.map((spec) => ask('POST', `${accounts}/tokened/token`, { spec })),
  ask('POST', `${accounts}/tokened/token?dryRun=All`, { spec: {} }),
  ask('POST', `${accounts}/tokened/token`, { metadata: { name: 'other' }, spec: {} }),
  ask('POST', `${accounts}/tokened/token`, { metadata: { name: 'tokened', namespace: 'other' }, spec: {} }),
  ask('POST', `${accounts}/tokened/token`, {}),
  ask('POST', `${accounts}/tokened/token`, {
    spec: { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'its' } },
  }),
  ask('POST', `${accounts}/nosuch/token`, { spec: {} }),
  ask('GET', `${accounts}/tokened/token`),
  ...[
    {},
    { 'kubernetes.io/service-account.name': 'nosuch' },
    { 'kubernetes.io/service-account.name': 'tokened' },
    { 'kubernetes.io/service-account.name': 'tokened', 'kubernetes.io/service-account.uid': 'x' },
  ].flatMap((annotations, i) => [
    ask('POST', '/api/v1/namespaces/default/secrets', {
      metadata: { name: `token-${i}`, annotations },
      type: 'kubernetes.io/service-account-token',
    }),
  ]),
  ask(
    'PATCH',
    '/api/v1/namespaces/default/secrets/token-2',
    { metadata: { annotations: { 'kubernetes.io/service-account.name': 'default' } } },
    types.merge,
  ),
  ask(
    'PATCH',
    '/api/v1/namespaces/default/secrets/token-2',
    { metadata: { annotations: { 'kubernetes.io/service-account.name': null } } },
    types.merge,
  ),
  ...[
    'bootstrap.kubernetes.io/token',
    'kubernetes.io/tls',
    'kubernetes.io/basic-auth',
    'kubernetes.io/ssh-auth',
    'kubernetes.io/dockercfg',
    'kubernetes.io/dockerconfigjson',
  ].flatMap((type) => [
    ask('POST', '/api/v1/namespaces/default/secrets?dryRun=All', { metadata: { name: 'typed' }, type }),
    ask('POST', '/api/v1/namespaces/default/secrets?dryRun=All', {
      metadata: { name: 'typed' },
      type,
      stringData: {
        '.dockercfg': 'x',
        '.dockerconfigjson': '{}',
        'tls.crt': '',
        'tls.key': '',
        username: '',
        'ssh-privatekey': '',
      },
    }),
  ]),
];
