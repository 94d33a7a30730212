// Signs approved certificate requests with the cluster's CA. Follows pkg/controller/certificates/signer of v1.36.

import type { CertificateSigningRequest } from '../../api/generated/types.ts';
import { encodeBase64 } from '../../api/kinds/secret/definition.ts';
import { formatTime } from '../../api/meta/time.ts';
import { certificateSigningRequests } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import { type Controller, type ControllerContext, defaultWorkers } from '../controller.ts';
import { isSettled } from '../serviceaccount/controller.ts';
import { decideSigning, type SigningAction } from './decide.ts';

type Status = NonNullable<CertificateSigningRequest['status']>;

async function statusAfter(
  { signCertificate, clock }: ControllerContext,
  old: Status,
  action: SigningAction,
): Promise<Status> {
  switch (action.type) {
    case 'sign': {
      const certificate = encodeBase64(await signCertificate(action.pem, action.usages, action.ttlMs));
      return { ...old, certificate };
    }
    case 'fail': {
      const failed = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message: action.message };
      const lastUpdateTime = formatTime(clock.now());
      return { ...old, conditions: [...(old.conditions ?? []), { ...failed, lastUpdateTime }] };
    }
    default:
      return action satisfies never;
  }
}

export const csrSigningController: Controller = (context) => {
  const { client, clock, logger, metrics, informers } = context;
  const queue = createWorkqueue({ clock, logger, metrics, name: 'certificate' });
  const { certificateSigningRequests: known } = informers;
  const changed = ({ metadata }: CertificateSigningRequest): void => queue.add(metadata?.name ?? '');
  known.addHandler({ onAdd: changed, onUpdate: (_old, csr) => changed(csr) });
  return (signal) =>
    queue.run(defaultWorkers, signal, async (name) => {
      const csr = known.get(name);
      const action = csr && decideSigning(csr);
      if (csr === undefined || action === undefined) return;
      const status = await statusAfter(context, csr.status ?? {}, action);
      try {
        await client.update(certificateSigningRequests, { ...csr, status }, { subresource: 'status', signal });
      } catch (error) {
        if (!isSettled(error)) throw error;
      }
    });
};
