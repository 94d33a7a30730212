// Paths, certificates and headers that lead nowhere, and addresses to which the API server does not connect.

import { base64 } from '../../../../test/support/certificate-request.ts';
import { core, type Row } from './rows.ts';

export const paths: Row[] = [
  ['dot segments', 'viewer', 'GET', `${core}/pods/../secrets/of-a`, 403, ''],
  ['encoded dot segments', 'viewer', 'GET', `${core}/pods/%2e%2e/secrets/of-a`, 403, ''],
  ['encoded slashes in a name', 'viewer', 'GET', `${core}/pods/..%2f..%2fsecrets%2fdefault%2fof-a`, 403, ''],
  ['encoded slashes in a namespace', 'viewer', 'GET', '/api/v1/namespaces/default%2fsecrets/pods', 403, ''],
  ['a double slash at the start', 'viewer', 'GET', '//api/v1/secrets', 403, ''],
  ['a double slash before the resource', 'viewer', 'GET', '/api/v1//secrets', 404, ''],
  ['a double slash before the name', 'viewer', 'GET', `${core}/secrets//of-a`, 403, ''],
  ['letters as escapes', 'viewer', 'GET', '/%61pi/v1/%73ecrets', 403, 'cannot list resource "secrets"'],
  ['a malformed escape', 'viewer', 'GET', `${core}/pods/%zz`, 404, ''],
  ['a zero byte', 'viewer', 'GET', `${core}/pods/on-a%00`, 404, ''],
  ['backslashes', 'viewer', 'GET', `${core}/pods\\..\\secrets\\of-a`, 403, ''],
  ['a namespace before what has none', 'viewer', 'GET', '/api/v1/namespaces/default/nodes', 403, 'nodes'],
  [
    'a subresource that objects inherit',
    'writer',
    'GET',
    `${core}/configmaps/there/constructor`,
    403,
    'configmaps/constructor',
  ],
  ['a resource that objects inherit', 'writer', 'GET', '/api/v1/__proto__', 403, '__proto__'],
  ['a way around health', 'nobody', 'GET', '/healthz/../api/v1/secrets', 403, 'system:anonymous'],
  ['an encoded way around health', 'nobody', 'GET', '/healthz/%2e%2e/api/v1/secrets', 403, 'system:anonymous'],
  ['a way around the version', 'nobody', 'GET', '/version/../api/v1/secrets', 401, 'Unauthorized'],
  ['discovery by nobody', 'nobody', 'GET', '/apis', 401, 'Unauthorized'],
  ['the key set by nobody', 'nobody', 'GET', '/openid/v1/jwks', 401, 'Unauthorized'],
  ['a write to health by nobody', 'nobody', 'POST', '/healthz', 403, 'cannot post path "/healthz"', {}],
];

export const callers: Row[] = [
  ['a certificate of another CA', "another CA's", 'GET', '/api', 401, 'Unauthorized'],
  ['a certificate for servers', 'server certificate', 'GET', '/api', 401, 'Unauthorized'],
  [
    'X-Remote-User without any certificate',
    'nobody',
    'GET',
    '/api',
    401,
    'Unauthorized',
    undefined,
    { 'X-Remote-User': 'admin', 'X-Remote-Group': 'system:masters' },
  ],
  [
    "X-Remote-User with a client's certificate",
    'bob',
    'GET',
    '/api/v1/secrets',
    403,
    'User "bob"',
    undefined,
    { 'X-Remote-User': 'admin', 'X-Remote-Group': 'system:masters' },
  ],
  [
    "X-Remote-User with another CA's proxy",
    "another CA's front proxy",
    'GET',
    '/api',
    401,
    'Unauthorized',
    undefined,
    { 'X-Remote-User': 'admin' },
  ],
  ['a front proxy that names nobody', 'front proxy', 'GET', '/api', 401, 'Unauthorized'],
  [
    'a front proxy for one who may not',
    'front proxy',
    'GET',
    '/api/v1/secrets',
    403,
    'User "jane"',
    undefined,
    { 'X-Remote-User': 'jane' },
  ],
  [
    "the API server's own certificate for kubelets",
    'kubelet client',
    'GET',
    '/api/v1/secrets',
    403,
    'kube-apiserver-kubelet-client',
  ],
  [
    'Basic',
    'nobody',
    'GET',
    '/api',
    401,
    'Unauthorized',
    undefined,
    { authorization: `Basic ${base64('admin:admin')}` },
  ],
];

export const proxies: Row[] = ['loopback', 'link-local', 'unspecified', 'loopback-6'].map(
  (name): Row => [`to a pod at ${name}`, 'writer', 'GET', `${core}/pods/${name}:80/proxy/`, 400, 'address not allowed'],
);
