// What becomes of certificate requests.
import { expect, test } from 'vitest';
import { base64, certificateRequest } from '../../../test/support/certificate-request.ts';
import type { CertificateSigningRequest } from '../../api/generated/types.ts';
import { decideSigning, isStale, selfApprovals } from './decide.ts';

const now = Date.UTC(2026, 0, 2);
const node = await certificateRequest('CN=system:node:a,O=system:nodes');
const jane = await certificateRequest('CN=jane');
const kubelet = 'kubernetes.io/kube-apiserver-client-kubelet';
const client = 'kubernetes.io/kube-apiserver-client';

type Csr = CertificateSigningRequest;
const csr = (request: { pem: string }, spec: Partial<Csr['spec']>, status?: Csr['status']): Csr => ({
  metadata: { name: 'a', creationTimestamp: '2026-01-01T23:00:00Z' },
  spec: { request: base64(request.pem), signerName: client, usages: ['client auth'], ...spec },
  ...(status === undefined ? {} : { status }),
});
const condition = (type: string, lastUpdateTime = '2026-01-01T23:30:00Z') => ({ type, status: 'True', lastUpdateTime });
const approved = { conditions: [condition('Approved')] };
const yearMs = 365 * 86_400_000;

test.each<[string, Csr, object | undefined]>([
  ['what nobody approved', csr(jane, {}), undefined],
  ['what was denied', csr(jane, {}, { conditions: [condition('Denied')] }), undefined],
  ['what has a certificate', csr(jane, {}, { ...approved, certificate: 'x' }), undefined],
  ['what failed', csr(jane, {}, { conditions: [condition('Approved'), condition('Failed')] }), undefined],
  ["others' signers", csr(jane, { signerName: 'example.com/x' }, approved), undefined],
  ['an approved one', csr(jane, {}, approved), { type: 'sign', pem: jane.pem, usages: ['client auth'], ttlMs: yearMs }],
  ['one for an hour', csr(jane, { expirationSeconds: 3600 }, approved), { type: 'sign', ttlMs: 3600_000 }],
  ['one for ten years', csr(jane, { expirationSeconds: 315_360_000 }, approved), { type: 'sign', ttlMs: yearMs }],
  ['a wrong usage', csr(jane, { usages: ['server auth'] }, approved), { type: 'fail' }],
])('signing: %s', (_, given, expected) => {
  if (expected === undefined) expect(decideSigning(given)).toBeUndefined();
  else expect(decideSigning(given)).toMatchObject(expected);
});

const usages: NonNullable<Csr['spec']['usages']> = ['digital signature', 'client auth'];
test.each<[string, Csr, string[]]>([
  ['a new node', csr(node, { signerName: kubelet, usages, username: 'system:bootstrap:abcdef' }), ['nodeclient']],
  [
    'the node itself',
    csr(node, { signerName: kubelet, usages, username: 'system:node:a' }),
    ['selfnodeclient', 'nodeclient'],
  ],
  ['another signer', csr(node, { usages, username: 'system:node:a' }), []],
  ['another subject', csr(jane, { signerName: kubelet, usages, username: 'jane' }), []],
  ['other usages', csr(node, { signerName: kubelet, username: 'system:node:a' }), []],
  ['a denied one', csr(node, { signerName: kubelet, usages }, { conditions: [condition('Denied')] }), []],
])('approval by itself: %s', (_, given, expected) => {
  expect(selfApprovals(given).map(({ subresource }) => subresource)).toEqual(expected);
});

test.each<[string, Csr, number, boolean]>([
  ['a fresh one', csr(jane, {}), now, false],
  ['one that nobody looked at for a day', csr(jane, {}), now + 23 * 3600_000 + 1, true],
  ['denied half an hour ago', csr(jane, {}, { conditions: [condition('Denied')] }), now, false],
  ['denied more than an hour ago', csr(jane, {}, { conditions: [condition('Denied')] }), now + 1800_001, true],
  ['failed more than an hour ago', csr(jane, {}, { conditions: [condition('Failed')] }), now + 1800_001, true],
  ['approved, and not signed', csr(jane, {}, approved), now + 10 * 86_400_000, false],
])('cleaning: %s', (_, given, at, stale) => {
  expect(isStale(given, at)).toBe(stale);
});
