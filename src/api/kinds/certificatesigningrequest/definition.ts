// The CertificateSigningRequest kind. Follows pkg/registry/certificates and pkg/printers/internalversion of v1.36.

import type { CertificateSigningRequest } from '../../generated/types.ts';
import { pathSegmentName } from '../../meta/names.ts';
import { humanDuration } from '../../meta/time.ts';
import type { KindDefinition } from '../../scheme.ts';
import { ageColumn, allVerbs, nameColumn, textColumn } from '../common.ts';
import { csrApprovalStrategy, csrStatusStrategy, csrStrategy } from './strategy.ts';

/** How far it has come: `Approved,Issued`. */
function conditionText({ status }: CertificateSigningRequest): string {
  const types = new Set((status?.conditions ?? []).map(({ type }) => type));
  const decision = types.has('Denied') ? 'Denied' : types.has('Approved') ? 'Approved' : 'Pending';
  return `${decision}${types.has('Failed') ? ',Failed' : ''}${status?.certificate ? ',Issued' : ''}`;
}

const updates = ['get', 'update', 'patch'] as const;

export const certificateSigningRequestKind: KindDefinition<CertificateSigningRequest> = {
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  resource: 'certificatesigningrequests',
  singular: 'certificatesigningrequest',
  shortNames: ['csr'],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.certificates.v1.CertificateSigningRequest',
  validateName: pathSegmentName,
  strategy: csrStrategy,
  selectableFields: ({ spec }) => ({ 'spec.signerName': spec.signerName }),
  fieldLabels: ['spec.signerName'],
  columns: [
    nameColumn,
    ageColumn,
    textColumn<CertificateSigningRequest>('SignerName', 'Who shall sign.', ({ spec }) => spec.signerName || '<none>'),
    textColumn<CertificateSigningRequest>('Requestor', 'Who asked for it.', ({ spec }) => spec.username ?? ''),
    textColumn<CertificateSigningRequest>('RequestedDuration', 'How long it shall hold.', ({ spec }) =>
      spec.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1000),
    ),
    textColumn<CertificateSigningRequest>('Condition', 'How far it has come.', conditionText),
  ],
  subresources: {
    status: { kind: 'object', verbs: updates, strategy: csrStatusStrategy },
    approval: { kind: 'object', verbs: updates, strategy: csrApprovalStrategy },
  },
};
