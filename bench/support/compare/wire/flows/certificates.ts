// Requests for certificates of each signer: approved, denied, signed and broken.
import { base64, certificateRequest } from '../../../../../test/support/certificate-request.ts';
import type { Json } from '../../difference.ts';
import type { WireRequest } from '../exchange.ts';
import { ask, type Fields, type Step, types } from './step.ts';

const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const signers: readonly [string, string, string[]][] = [
  ['kubernetes.io/kube-apiserver-client', 'CN=jane,O=dev', ['client auth']],
  ['kubernetes.io/kube-apiserver-client', 'CN=jane,O=system:masters', ['client auth']],
  [
    'kubernetes.io/kube-apiserver-client-kubelet',
    'CN=system:node:n,O=system:nodes',
    ['client auth', 'digital signature'],
  ],
  ['kubernetes.io/kubelet-serving', 'CN=system:node:n,O=system:nodes', ['server auth', 'digital signature']],
  ['kubernetes.io/legacy-unknown', 'CN=jane', ['client auth']],
  ['example.com/own', 'CN=jane', ['client auth', 'any']],
];

export async function certificateSteps(): Promise<Step[]> {
  const condition = (type: string, more: Fields = {}): Json => ({
    type,
    status: 'True',
    reason: 'R',
    message: 'm',
    ...more,
  });
  const ofSigners = signers.map(async ([signerName, subject, usages], i): Promise<Step[]> => {
    const { pem } = await certificateRequest(subject);
    const one = `${csrs}/flow-${i}`;
    const approve = (conditions: Json[], sub = 'approval'): WireRequest =>
      ask('PATCH', `${one}/${sub}`, { status: { conditions } }, types.merge);
    return [
      ask('POST', csrs, { metadata: { name: `flow-${i}` }, spec: { signerName, request: base64(pem), usages } }),
      ask('PATCH', one, { spec: { usages: ['any'] } }, types.merge),
      ask('PATCH', one, { status: { conditions: [condition('Approved')] } }, types.merge),
      approve([condition('Approved', { status: 'False' })]),
      approve([condition('Odd')]),
      approve([condition('Approved'), condition('Approved')]),
      approve([condition('Approved'), condition('Denied')]),
      ask('PATCH', `${one}/status`, { status: { certificate: base64('x') } }, types.merge),
      approve(i % 2 === 0 ? [condition('Approved')] : [condition('Denied')]),
      approve([]),
      approve([condition('Denied')]),
      approve([condition('Approved'), condition('Failed')], 'status'),
      ask('PATCH', `${one}/status`, { status: { certificate: base64('x') } }, types.merge),
      ask('PATCH', `${one}/status`, { status: { certificate: base64(pem) } }, types.merge),
      ask('PATCH', `${one}/status`, { status: { certificate: null } }, types.merge),
      ask('GET', `${one}/approval`),
      ask('GET', `${one}/status`),
      ask(
        'PATCH',
        `${one}/approval?fieldManager=a`,
        {
          apiVersion: 'certificates.k8s.io/v1',
          kind: 'CertificateSigningRequest',
          status: { conditions: [condition('Approved')] },
        },
        types.apply,
      ),
      ask('DELETE', `${one}/approval`),
      ask('DELETE', one),
    ];
  });
  const { pem } = await certificateRequest('CN=jane');
  const made = (spec: Fields): WireRequest =>
    ask('POST', `${csrs}?dryRun=All`, {
      metadata: { name: 'odd' },
      spec: { signerName: 'example.com/own', request: base64(pem), usages: ['client auth'], ...spec },
    });
  const odd = [
    { usages: [] },
    { usages: ['odd'] },
    { usages: ['client auth', 'client auth'] },
    { signerName: '' },
    { signerName: 'odd' },
    { signerName: 'a.b/c/d' },
    { signerName: 'A.b/c' },
    { signerName: `${'a'.repeat(300)}.b/c` },
    { expirationSeconds: 599 },
    { expirationSeconds: 600 },
    { request: base64('x') },
    { request: base64(pem.replace('REQUEST', 'ODD')) },
    { request: base64(pem + pem) },
    { request: base64(`${pem}more`) },
    { request: base64(pem.replace(/[A-Z]{4}/, '====')) },
    { username: 'me', groups: ['g'], uid: 'u', extra: { a: ['b'] } },
  ].map((spec) => made(spec as Fields));
  return [...(await Promise.all(ofSigners)).flat(), ...odd];
}
