// What becomes of a CertificateSigningRequest: whether it is approved by itself, signed, or taken away.
// Follows pkg/controller/certificates/{approver,signer,cleaner} of v1.36.

import type { CertificateSigningRequest } from '../../api/generated/types.ts';
import {
  kubeletClient,
  kubeletClientProblem,
  requestOf,
  signerProblem,
} from '../../api/kinds/certificatesigningrequest/signers.ts';
import { parseTime } from '../../api/meta/time.ts';
import { checkCertificates, decodedText } from '../../api/pki/certificate-request.ts';

type Csr = CertificateSigningRequest;

const hourMs = 3600_000;

const hasCondition = ({ status }: Csr, type: string): boolean =>
  (status?.conditions ?? []).some((condition) => condition.type === type && condition.status !== 'False');
const isDecided = (csr: Csr): boolean => hasCondition(csr, 'Approved') || hasCondition(csr, 'Denied');

export type SigningAction =
  | { type: 'sign'; pem: string; usages: readonly string[]; ttlMs: number }
  | { type: 'fail'; message: string };

/** How long certificates hold, unless less is asked for. */
const signingMs = 365 * 24 * hourMs;
const leastMs = 10 * 60_000;

function lifeOf({ spec }: Csr): number {
  if (spec.expirationSeconds === undefined) return signingMs;
  return Math.min(signingMs, Math.max(leastMs, spec.expirationSeconds * 1000));
}

/** What Kubernetes' own signers do about it; undefined when nothing. Throws an Error on a request that cannot be read. */
export function decideSigning(csr: Csr): SigningAction | undefined {
  const settled = csr.status?.certificate || hasCondition(csr, 'Failed') || hasCondition(csr, 'Denied');
  if (settled || !hasCondition(csr, 'Approved')) return undefined;
  const usages = csr.spec.usages ?? [];
  const { known, problem } = signerProblem(csr.spec.signerName, requestOf(csr.spec), usages);
  if (!known) return undefined;
  if (problem !== undefined) return { type: 'fail', message: problem };
  return { type: 'sign', pem: decodedText(csr.spec.request), usages, ttlMs: lifeOf(csr) };
}

/** The right that whoever asks needs for a request to be approved without anybody's doing. */
export interface SelfApproval {
  /** Of certificatesigningrequests. */
  subresource: 'selfnodeclient' | 'nodeclient';
  message: string;
}

/** The ways in which a request may be approved by itself, in order; none for those that a person must look at. */
export function selfApprovals(csr: Csr): SelfApproval[] {
  if (csr.spec.signerName !== kubeletClient || isDecided(csr) || csr.status?.certificate) return [];
  const request = requestOf(csr.spec);
  if (kubeletClientProblem(request, csr.spec.usages ?? []) !== undefined) return [];
  const anyNode: SelfApproval = {
    subresource: 'nodeclient',
    message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
  };
  if (csr.spec.username !== request.commonName) return [anyNode];
  return [
    {
      subresource: 'selfnodeclient',
      message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
    },
    anyNode,
  ];
}

/** Whether the object has served its time. `now` in ms. */
export function isStale(csr: Csr, now: number): boolean {
  const olderThan = (time: string | undefined, ms: number): boolean => {
    const at = parseTime(time);
    return at !== undefined && at + ms < now;
  };
  const conditions = csr.status?.conditions ?? [];
  if (conditions.length === 0 && olderThan(csr.metadata?.creationTimestamp, 24 * hourMs)) return true;
  const certificate = csr.status?.certificate;
  return conditions.some(({ type, lastUpdateTime }) => {
    if (type === 'Denied' || type === 'Failed') return olderThan(lastUpdateTime, hourMs);
    if (type !== 'Approved' || !certificate) return false;
    return olderThan(lastUpdateTime, hourMs) || checkCertificates(decodedText(certificate)) < now;
  });
}
