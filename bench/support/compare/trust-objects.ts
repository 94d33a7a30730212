// Trust bundles and pods that ask for them, so that each of their fields can be spoilt.

import { pemText } from '../../../src/api/pki/pem.ts';

/** Of a CA, valid for a hundred years. */
const der =
  'MIIBXzCCAQSgAwIBAgIBATAKBggqhkjOPQQDAjANMQswCQYDVQQDDAJjYTAgFw0yNjExMjMwMzI4MDlaGA8yMTI2MTAzMDAzMjgw' +
  'OVowDTELMAkGA1UEAwwCY2EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARC9QAA6DbYlCFSq8i/QO6dURbp9KcI9jdndUNANLFg' +
  'jrouyOS9rCVOIOOqnEk3DVZRHWvfyCZ+0wT3HxmLTyaRo1MwUTAdBgNVHQ4EFgQUpLxLjHwc9iW88JQGvIwm8A7iH/4wHwYDVR0j' +
  'BBgwFoAUpLxLjHwc9iW88JQGvIwm8A7iH/4wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAw0zgREMgZlMh+8Cr' +
  'vfksjHQL+e7D9/j4bmWXq1G4Ed8CIQD5Qgyqp/t0d17zRG3HOA+YAT9YZRQwe39A1WY4bEiVYA==';
const anchor = pemText('CERTIFICATE', Buffer.from(der, 'base64'));
const signerName = 'example.com/ca';

const bundle = (version: string, name: string, spec: object): Record<string, unknown> => ({
  apiVersion: `certificates.k8s.io/${version}`,
  kind: 'ClusterTrustBundle',
  metadata: { name, labels: { a: 'b' } },
  spec,
});

/** Texts that are no bundle, or only nearly one. */
const texts: readonly string[] = [
  '',
  'trust me',
  anchor.trimEnd(),
  `words\n${anchor}words`,
  anchor + anchor,
  anchor.replaceAll('CERTIFICATE', 'PUBLIC KEY'),
  anchor.replace('\n', '\nKey: value\n\n'),
  anchor.replace('\n', '\n\n'),
  anchor.replaceAll('\n', '\r\n'),
  anchor.replace('-----END', '-----ENDE'),
  anchor.replace('MIIB', 'MIIC'),
  anchor + anchor.replace('MIIB', 'AAAA') + anchor.replaceAll('CERTIFICATE', 'X'),
  pemText('CERTIFICATE', Buffer.from('hello')),
  ' '.repeat(1024 * 1024 + 1),
];

const podWith = (...sources: object[]): Record<string, unknown> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'trusting' },
  spec: {
    containers: [{ name: 'c', image: 'busybox:1.28' }],
    volumes: [{ name: 'v', projected: { sources: sources.map((clusterTrustBundle) => ({ clusterTrustBundle })) } }],
  },
});

export const trustObjects: readonly [string, Record<string, unknown>][] = [
  ['clustertrustbundle', bundle('v1beta1', 'mine', { trustBundle: anchor })],
  ['clustertrustbundle of a signer', bundle('v1beta1', 'example.com:ca:mine', { signerName, trustBundle: anchor })],
  ['clustertrustbundle v1alpha1', bundle('v1alpha1', 'example.com:ca:old', { signerName, trustBundle: anchor })],
  ['clustertrustbundle of another name', bundle('v1beta1', 'mine', { signerName, trustBundle: anchor })],
  ['clustertrustbundle with a colon', bundle('v1beta1', 'example.com:ca:mine', { trustBundle: anchor })],
  ['clustertrustbundle of a bad name', bundle('v1beta1', 'example.com:ca:Mine', { signerName, trustBundle: anchor })],
  ...['ca', 'a/b/c', 'local/ca', 'example.com/', '/ca', 'Example.com/ca'].map(
    (signer): [string, Record<string, unknown>] => [
      `clustertrustbundle of ${signer}`,
      bundle('v1beta1', `${signer.replaceAll('/', ':')}:mine`, { signerName: signer, trustBundle: anchor }),
    ],
  ),
  ...texts.map((trustBundle, i): [string, Record<string, unknown>] => [
    `clustertrustbundle of text ${i}`,
    bundle('v1beta1', 'mine', { trustBundle }),
  ]),
  ['pod with a clustertrustbundle', podWith({ name: 'mine', path: 'ca.pem', optional: true })],
  [
    'pod with a clustertrustbundle of a signer',
    podWith({
      signerName,
      path: 'ca.pem',
      labelSelector: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'In', values: ['d'] }] },
    }),
  ],
  [
    'pod with a clustertrustbundle, both ways',
    podWith({ name: 'mine', signerName, path: 'ca.pem', labelSelector: {} }),
  ],
  ['pod with a clustertrustbundle and a selector', podWith({ name: 'mine', path: 'ca.pem', labelSelector: {} })],
  ['pod with a clustertrustbundle of neither', podWith({ path: 'ca.pem' }, { path: 'ca.pem' })],
  ...['a/b:c', ':c', 'a:', 'a:b:c', 'A', ''].map((name): [string, Record<string, unknown>] => [
    `pod with a clustertrustbundle ${name}`,
    podWith({ name, path: 'ca.pem' }),
  ]),
  ['pod with two clustertrustbundles', podWith({ name: 'mine', path: 'ca.pem' }, { signerName, path: 'ca.pem' })],
  ['pod with clustertrustbundles without path', podWith({ name: 'mine', path: '' }, { signerName: '', path: '' })],
];
