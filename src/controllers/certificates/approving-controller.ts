// Approves what kubelets ask for by themselves, where roles allow it. Follows pkg/controller/certificates/approver/sarapprove.go of v1.36.

import type { CertificateSigningRequest } from '../../api/generated/types.ts';
import { certificateSigningRequests, subjectAccessReviews } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import { type Controller, type ControllerContext, defaultWorkers } from '../controller.ts';
import { isSettled } from '../serviceaccount/controller.ts';
import { type SelfApproval, selfApprovals } from './decide.ts';

async function mayHave(
  { client }: ControllerContext,
  { spec }: CertificateSigningRequest,
  subresource: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { username, uid, groups, extra } = spec;
  const resourceAttributes = {
    group: 'certificates.k8s.io',
    resource: 'certificatesigningrequests',
    verb: 'create',
    version: '*',
    subresource,
  };
  const review = await client.create(
    subjectAccessReviews,
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        ...(username === undefined ? {} : { user: username }),
        ...(uid === undefined ? {} : { uid }),
        ...(groups === undefined ? {} : { groups }),
        ...(extra === undefined ? {} : { extra }),
        resourceAttributes,
      },
    },
    { signal },
  );
  return review.status?.allowed === true;
}

async function approve(
  { client }: ControllerContext,
  csr: CertificateSigningRequest,
  { message }: SelfApproval,
  signal: AbortSignal,
): Promise<void> {
  const approved = { type: 'Approved', status: 'True', reason: 'AutoApproved', message };
  const status = { ...csr.status, conditions: [...(csr.status?.conditions ?? []), approved] };
  try {
    await client.update(certificateSigningRequests, { ...csr, status }, { subresource: 'approval', signal });
  } catch (error) {
    if (!isSettled(error)) throw error;
  }
}

export const csrApprovingController: Controller = (context) => {
  const { clock, logger, metrics, informers } = context;
  const queue = createWorkqueue({ clock, logger, metrics, name: 'certificate' });
  const { certificateSigningRequests: known } = informers;
  const changed = ({ metadata }: CertificateSigningRequest): void => queue.add(metadata?.name ?? '');
  known.addHandler({ onAdd: changed, onUpdate: (_old, csr) => changed(csr) });
  return (signal) =>
    queue.run(defaultWorkers, signal, async (name) => {
      const csr = known.get(name);
      for (const way of csr === undefined ? [] : selfApprovals(csr))
        if (csr !== undefined && (await mayHave(context, csr, way.subresource, signal)))
          return await approve(context, csr, way, signal);
    });
};
