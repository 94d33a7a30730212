// The signers that Kubernetes itself has, and which requests each of them takes.
// Follows pkg/apis/certificates/helpers.go and pkg/controller/certificates/signer/signer.go of v1.36.

import { type CertificateRequest, decodedText, parseCertificateRequest } from '../../pki/certificate-request.ts';

export const kubeletServing = 'kubernetes.io/kubelet-serving';
export const kubeletClient = 'kubernetes.io/kube-apiserver-client-kubelet';
export const apiserverClient = 'kubernetes.io/kube-apiserver-client';
export const legacyUnknown = 'kubernetes.io/legacy-unknown';

const sameSet = (some: readonly string[], others: readonly string[]): boolean => {
  const set = new Set(some);
  return set.size === others.length && others.every((item) => set.has(item));
};

/** Of a kubelet: what it needs beside the purpose; the encipherment is for RSA keys only. */
function usageProblem(usages: readonly string[], purpose: string): string | undefined {
  const most = [purpose, 'digital signature', 'key encipherment'].toSorted();
  const least = [purpose, 'digital signature'];
  return sameSet(usages, most) || sameSet(usages, least) ? undefined : `usages did not match [${most.join(' ')}]`;
}

const firstOf = (...problems: (string | false | undefined)[]): string | undefined =>
  problems.find((problem) => typeof problem === 'string') || undefined;

const notNodes = ({ organizations: [only, ...more] }: CertificateRequest): string | false =>
  (only !== 'system:nodes' || more.length > 0) && 'subject organization is not system:nodes';
const notNodeName = ({ commonName }: CertificateRequest): string | false =>
  !commonName.startsWith('system:node:') && 'subject common name does not begin with system:node:';
const has = (names: readonly string[], what: string): string | false =>
  names.length > 0 && `${what} subjectAltNames are not allowed`;

function servingProblem(request: CertificateRequest, usages: readonly string[]): string | undefined {
  const unnamed = request.dnsNames.length === 0 && request.ipAddresses.length === 0;
  return firstOf(
    notNodes(request),
    unnamed && 'DNS or IP subjectAltName is required',
    has(request.emailAddresses, 'Email'),
    has(request.uris, 'URI'),
    usageProblem(usages, 'server auth'),
    notNodeName(request),
  );
}

/** Why that is no request of a kubelet for its client certificate; undefined when it is one. */
export function kubeletClientProblem(request: CertificateRequest, usages: readonly string[]): string | undefined {
  return firstOf(
    notNodes(request),
    has(request.dnsNames, 'DNS'),
    has(request.emailAddresses, 'Email'),
    has(request.ipAddresses, 'IP'),
    has(request.uris, 'URI'),
    notNodeName(request),
    usageProblem(usages, 'client auth'),
  );
}

function clientUsageProblem(usages: readonly string[]): string | undefined {
  const allowed = new Set(['client auth', 'digital signature', 'key encipherment']);
  const wrong = usages.find((usage) => !allowed.has(usage));
  if (wrong !== undefined) return `invalid usage for client certificate: ${wrong}`;
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
}

/** Why the signer does not sign that; `known` is false for signers that are others' matter. */
export function signerProblem(
  signerName: string,
  request: CertificateRequest,
  usages: readonly string[],
): { known: boolean; problem?: string | undefined } {
  switch (signerName) {
    case kubeletServing:
      return { known: true, problem: servingProblem(request, usages) };
    case kubeletClient:
      return { known: true, problem: kubeletClientProblem(request, usages) };
    case apiserverClient:
      return { known: true, problem: clientUsageProblem(usages) };
    case legacyUnknown:
      return { known: true };
    default:
      return { known: false };
  }
}

/** The request in a CertificateSigningRequest's spec.request. Throws an Error that says what is wrong. */
export const requestOf = (spec: { request?: string }): CertificateRequest =>
  parseCertificateRequest(decodedText(spec.request ?? ''));
