// Who may approve and sign certificate requests, and the one subject that nobody may ask for.
// Follows plugin/pkg/admission/certificates/{approval,signing,subjectrestriction} of v1.36.

import type { CertificateSigningRequest } from '../../api/generated/types.ts';
import { apiserverClient, requestOf } from '../../api/kinds/certificatesigningrequest/signers.ts';
import { equalJson } from '../../api/meta/equal.ts';
import type { AuthorizationRequest } from '../authz/authorizer.ts';
import type { UserInfo } from '../request.ts';
import { type AdmissionAttributes, type AdmissionPlugin, isResource, refuse } from './admission.ts';

export type MayDo = (user: UserInfo, request: AuthorizationRequest) => Promise<boolean>;

const group = 'certificates.k8s.io';
const plural = 'certificatesigningrequests';

/** Whether the user may do that for the signer: by its name, or by its domain with a star. */
export async function maySigner(mayDo: MayDo, user: UserInfo, verb: string, signerName: string): Promise<boolean> {
  const request = { verb, group, resource: 'signers', subresource: '', namespace: '', path: '' };
  if (await mayDo(user, { ...request, name: signerName })) return true;
  return mayDo(user, { ...request, name: `${signerName.split('/', 1)[0] ?? ''}/*` });
}

const isUpdate = (at: AdmissionAttributes, subresource: string): boolean =>
  at.operation === 'UPDATE' && at.subresource === subresource && isResource(at, group, plural);

/** CertificateApproval: to approve or deny needs the verb `approve` on the signer. */
export const certificateApproval = (mayDo: MayDo): AdmissionPlugin => ({
  name: 'CertificateApproval',
  concerns: (at) => isUpdate(at, 'approval'),
  async validate(at) {
    if (!isUpdate(at, 'approval')) return;
    const { signerName } = (at.object as CertificateSigningRequest).spec;
    if (!(await maySigner(mayDo, at.user, 'approve', signerName)))
      throw refuse(at, `user not permitted to approve requests with signerName ${JSON.stringify(signerName)}`);
  },
});

/** CertificateSigning: to issue a certificate, or to say that it failed, needs the verb `sign` on the signer. */
export const certificateSigning = (mayDo: MayDo): AdmissionPlugin => ({
  name: 'CertificateSigning',
  concerns: (at) => isUpdate(at, 'status'),
  async validate(at) {
    if (!isUpdate(at, 'status')) return;
    const old = at.old as unknown as CertificateSigningRequest;
    if (equalJson((at.object as CertificateSigningRequest).status, old.status)) return;
    const { signerName } = old.spec;
    if (!(await maySigner(mayDo, at.user, 'sign', signerName)))
      throw refuse(at, `user not permitted to sign requests with signerName ${JSON.stringify(signerName)}`);
  },
});

/** CertificateSubjectRestriction: no client certificate makes anybody one of system:masters. */
export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  validate(at) {
    if (at.operation !== 'CREATE' || at.subresource !== '' || !isResource(at, group, plural)) return;
    const { spec } = at.object as CertificateSigningRequest;
    if (spec.signerName !== apiserverClient) return;
    if (requestOf(spec).organizations.includes('system:masters'))
      throw refuse(at, `use of ${apiserverClient} signer with system:masters group is not allowed`);
  },
};
