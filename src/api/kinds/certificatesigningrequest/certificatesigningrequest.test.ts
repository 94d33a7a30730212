// What a CertificateSigningRequest may be, and what each of its endpoints may change.
import { expect, test } from 'vitest';
import { base64, certificateRequest } from '../../../../test/support/certificate-request.ts';
import type { CertificateSigningRequest } from '../../generated/types.ts';
import { fieldErrorText } from '../../meta/errors.ts';
import { certificateSigningRequestKind as kind } from './definition.ts';
import { parseCertificateRequest } from '../../pki/certificate-request.ts';
import { signerProblem } from './signers.ts';
import { csrApprovalStrategy, csrStatusStrategy, csrStrategy } from './strategy.ts';

const requester = { name: 'jane', groups: ['dev', 'system:authenticated'], uid: '7', extra: { scopes: ['a'] } };
const context = { now: Date.UTC(2026, 0, 1), user: 'jane', requester, dryRun: false, allowPrivileged: true };
const { pem } = await certificateRequest('CN=jane,O=dev');

type Csr = CertificateSigningRequest;
const csr = (spec: Partial<Csr['spec']> = {}, status?: Csr['status']): Csr => ({
  metadata: { name: 'a' },
  spec: {
    request: base64(pem),
    signerName: 'kubernetes.io/kube-apiserver-client',
    usages: ['client auth'],
    ...spec,
  },
  ...(status === undefined ? {} : { status }),
});
const stored = (status?: Csr['status']): Csr => ({ ...csr({}, status), metadata: { name: 'a', resourceVersion: '1' } });
const approved = { type: 'Approved', status: 'True' };

test.each<[Partial<Csr['spec']>, string[]]>([
  [{}, []],
  [{ signerName: 'example.com/mine', usages: ['server auth', 'key encipherment'] }, []],
  [{ usages: [] }, ['spec.usages: Required value']],
  [{ usages: ['client auth', 'client auth'] }, ['spec.usages[1]: Duplicate value: "client auth"']],
  [{ signerName: '' }, ['spec.signerName: Required value']],
  [
    { signerName: 'kubernetes.io/legacy-unknown' },
    [
      'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version',
    ],
  ],
  [
    { signerName: 'mine' },
    [
      'spec.signerName: Invalid value: "mine": must be a fully qualified domain and path of the form \'example.com/signer-name\'',
    ],
  ],
  [
    { signerName: 'local/mine' },
    ['spec.signerName: Invalid value: "local": should be a domain with at least two segments separated by dots'],
  ],
  [
    { expirationSeconds: 599 },
    ['spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)'],
  ],
  [
    { request: base64('nonsense') },
    [`spec.request: Invalid value: "${base64('nonsense')}": PEM block type must be CERTIFICATE REQUEST`],
  ],
])('a request with %j', (spec, errors) => {
  expect(csrStrategy.validateCreate(csr(spec), context).map(fieldErrorText)).toEqual(errors);
});

test('a usage that nobody knows is named with those that are', () => {
  const [error] = csrStrategy.validateCreate(csr({ usages: ['cooking'] as never }), context).map(fieldErrorText);
  expect(error).toContain('spec.usages[0]: Unsupported value: "cooking": supported values: "any", "cert sign"');
});

test('who asks is what authentication found, and nothing is approved yet', () => {
  const made = csr({ username: 'admin', groups: ['system:masters'] }, { conditions: [approved] });
  csrStrategy.prepareForCreate?.(made, context);
  expect(made.spec).toMatchObject({
    username: 'jane',
    uid: '7',
    groups: ['dev', 'system:authenticated'],
    extra: { scopes: ['a'] },
  });
  expect(made.status).toEqual({});
});

const denied = { type: 'Denied', status: 'True' };
const forbidden = (why: string): string[] => [`status.conditions: Forbidden: updates may not ${why}`];

test.each<[string, typeof csrStrategy, Csr['status'], Csr['status'], string[]]>([
  ['approval approves', csrApprovalStrategy, undefined, { conditions: [approved] }, []],
  [
    'approval takes nothing back',
    csrApprovalStrategy,
    { conditions: [approved] },
    {},
    forbidden('remove a condition of type "Approved"'),
  ],
  [
    'approved and denied',
    csrApprovalStrategy,
    { conditions: [approved] },
    { conditions: [approved, denied] },
    ['status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive'],
  ],
  [
    'approved without truth',
    csrApprovalStrategy,
    undefined,
    { conditions: [{ type: 'Approved', status: 'False' }] },
    ['status.conditions[0].status: Unsupported value: "False": supported values: "True"'],
  ],
  [
    'status does not approve',
    csrStatusStrategy,
    undefined,
    { conditions: [approved] },
    forbidden('add a condition of type "Approved"'),
  ],
  [
    'status tells of a failure',
    csrStatusStrategy,
    { conditions: [approved] },
    { conditions: [approved, { type: 'Failed', status: 'True' }] },
    [],
  ],
  [
    'status holds certificates only',
    csrStatusStrategy,
    { conditions: [approved] },
    { conditions: [approved], certificate: base64('x') },
    ['status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block'],
  ],
])('%s', (_, strategy, before, after, errors) => {
  const [old, now] = [structuredClone(stored(before)), structuredClone(stored(after))];
  // As they are stored, conditions have times.
  for (const condition of old.status?.conditions ?? [])
    Object.assign(condition, { lastUpdateTime: '2026-01-01T00:00:00Z', lastTransitionTime: '2026-01-01T00:00:00Z' });
  strategy.prepareForUpdate?.(now, old, context);
  expect(strategy.validateUpdate(now, old, context).map(fieldErrorText)).toEqual(errors);
});

test('approval leaves everything else as it was', () => {
  const old = stored({ certificate: 'old' });
  const now: Csr = { ...stored({ certificate: 'new', conditions: [{ ...approved }] }), spec: csr({ usages: [] }).spec };
  csrApprovalStrategy.prepareForUpdate?.(now, old, context);
  expect(now.spec).toEqual(old.spec);
  const at = '2026-01-01T00:00:00Z';
  expect(now.status).toEqual({
    certificate: 'old',
    conditions: [{ ...approved, lastUpdateTime: at, lastTransitionTime: at }],
  });
});

test.each<[Csr['status'], string]>([
  [undefined, 'Pending'],
  [{ conditions: [approved] }, 'Approved'],
  [{ conditions: [approved], certificate: 'x' }, 'Approved,Issued'],
  [{ conditions: [approved, { type: 'Failed', status: 'True' }] }, 'Approved,Failed'],
  [{ conditions: [denied] }, 'Denied'],
])('%j is shown as %s', (status, text) => {
  const shown = csr({ username: 'jane', expirationSeconds: 3600 }, status);
  const cells = kind.columns?.map((column) => column.cell(shown, 0));
  expect(cells).toEqual(['a', '<unknown>', 'kubernetes.io/kube-apiserver-client', 'jane', '60m', text]);
});

const node = 'CN=system:node:a,O=system:nodes';
const serving = ['digital signature', 'server auth'];
const client = ['digital signature', 'client auth', 'key encipherment'];
test.each<
  [string, string, string, { type: 'dns' | 'ip' | 'email' | 'url'; value: string }[], string[], string | undefined]
>([
  ['a node', 'kubelet-serving', node, [{ type: 'ip', value: '10.0.0.1' }], serving, undefined],
  ['no names', 'kubelet-serving', node, [], serving, 'DNS or IP subjectAltName is required'],
  [
    'another organization',
    'kubelet-serving',
    'CN=system:node:a',
    [{ type: 'dns', value: 'a' }],
    serving,
    'subject organization is not system:nodes',
  ],
  [
    'client usages',
    'kubelet-serving',
    node,
    [{ type: 'dns', value: 'a' }],
    client,
    'usages did not match [digital signature key encipherment server auth]',
  ],
  ['a kubelet', 'kube-apiserver-client-kubelet', node, [], client, undefined],
  [
    'names',
    'kube-apiserver-client-kubelet',
    node,
    [{ type: 'dns', value: 'a' }],
    client,
    'DNS subjectAltNames are not allowed',
  ],
  [
    'a person',
    'kube-apiserver-client-kubelet',
    'CN=jane,O=system:nodes',
    [],
    client,
    'subject common name does not begin with system:node:',
  ],
  ['anybody', 'kube-apiserver-client', 'CN=jane', [], ['client auth'], undefined],
  [
    'a server',
    'kube-apiserver-client',
    'CN=jane',
    [],
    ['server auth'],
    'invalid usage for client certificate: server auth',
  ],
  [
    'no purpose',
    'kube-apiserver-client',
    'CN=jane',
    [],
    ['digital signature'],
    'missing required usage for client certificate: client auth',
  ],
  ['anything', 'legacy-unknown', 'CN=x', [], ['code signing'], undefined],
])('%s before the signer %s', async (_, signer, subject, names, usages, problem) => {
  const { pem: request } = await certificateRequest(subject, names);
  expect(signerProblem(`kubernetes.io/${signer}`, parseCertificateRequest(request), usages)).toEqual({
    known: true,
    ...(signer === 'legacy-unknown' ? {} : { problem }),
  });
});
