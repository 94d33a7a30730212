// Sources of projected volumes that a feature gate has to let in: what is wrong with them once they are.
import { expect, test } from 'vitest';
import type { VolumeProjection } from '../../../generated/types.ts';
import { fieldErrorText, FieldPath } from '../../../meta/errors.ts';
import { validateProjected } from './projected.ts';

const at = 'p.sources[0].clusterTrustBundle';
const signerForm = "must be a fully qualified domain and path of the form 'example.com/signer-name'";

test.each<[object, string[]]>([
  [{ name: 'mine', path: 'ca.pem' }, []],
  [{ name: 'example.com:ca:mine', path: 'd/ca.pem', optional: true }, []],
  [{ signerName: 'example.com/ca', path: 'ca.pem' }, []],
  [{ signerName: 'example.com/ca', labelSelector: {}, path: 'ca.pem' }, []],
  [{ path: 'ca.pem' }, [`${at}: Required value: either name or signerName must be specified`]],
  [{ name: 'mine' }, [`${at}.path: Required value`]],
  [{ name: 'mine', path: '../ca.pem' }, [`${at}.path: Invalid value: "../ca.pem": must not contain '..'`]],
  [
    { name: 'mine', labelSelector: {}, path: 'c' },
    [`${at}.labelSelector: Invalid value: {}: labelSelector must be unset if name is specified`],
  ],
  [
    { name: 'mine', signerName: 'example.com/ca', path: 'c' },
    [
      `${at}: Invalid value: {"Name":"mine","SignerName":"example.com/ca","LabelSelector":null,"Optional":null,"Path":"c"}: only one of name and signerName may be used`,
    ],
  ],
  [
    { name: 'a/b:mine', path: 'c' },
    [
      `${at}.name: Invalid value: "a/b:mine": not a valid clustertrustbundlename: ClusterTrustBundle for signerName a/b must be named with prefix a:b:`,
    ],
  ],
  [
    { name: ':mine', path: 'c' },
    [
      `${at}.name: Invalid value: ":mine": not a valid clustertrustbundlename: ClusterTrustBundle without signer name must not have ":" in its name`,
    ],
  ],
  [{ signerName: 'ca', path: 'c' }, [`${at}.signerName: Invalid value: "ca": ${signerForm}`]],
  [
    { signerName: '', path: 'c' },
    [`${at}.signerName: Required value: must be a valid signer name`, `${at}.signerName: Required value`],
  ],
  [
    { signerName: 'example.com/ca', labelSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] }, path: 'c' },
    [
      `${at}.labelSelector.matchExpressions[0].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`,
    ],
  ],
])('clusterTrustBundle %j', (source, errors) => {
  const sources = [{ clusterTrustBundle: source }] as VolumeProjection[];
  expect(validateProjected(new FieldPath('p'), { sources }).map(fieldErrorText)).toEqual(errors);
});

test('two sources do not write the same file', () => {
  const clusterTrustBundle = { name: 'mine', path: 'ca.pem' };
  const sources = [{ clusterTrustBundle }, { clusterTrustBundle: { ...clusterTrustBundle, name: 'other' } }];
  expect(validateProjected(new FieldPath('p'), { sources }).map(fieldErrorText)).toEqual([
    'p: Invalid value: "ca.pem": conflicting duplicate paths',
  ]);
});

test('of trust bundles no path is a path, too', () => {
  const sources = [{ clusterTrustBundle: { name: 'a' } }, { clusterTrustBundle: { name: 'b' } }] as VolumeProjection[];
  expect(validateProjected(new FieldPath('p'), { sources }).map(fieldErrorText)).toEqual([
    `${at}.path: Required value`,
    'p.sources[1].clusterTrustBundle.path: Required value',
    'p: Invalid value: "": conflicting duplicate paths',
  ]);
});

test('podCertificate', () => {
  const sources = [{ podCertificate: {} }] as VolumeProjection[];
  expect(validateProjected(new FieldPath('p'), { sources }).map(fieldErrorText)).toEqual([
    'p.sources[0].podCertificate.signerName: Required value',
    'p.sources[0].podCertificate.keyType: Unsupported value: "": supported values: "RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"',
    'p.sources[0].podCertificate: Required value: specify at least one of credentialBundlePath, keyPath, and certificateChainPath',
  ]);
});
