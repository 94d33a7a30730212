// Takes away certificate requests that have served their time. Follows pkg/controller/certificates/cleaner of v1.36.

import { isApiError } from '../../api/meta/errors.ts';
import { certificateSigningRequests } from '../../client/resources.ts';
import { sleep } from '../../lib/clock.ts';
import type { Controller } from '../controller.ts';
import { isStale } from './decide.ts';

const periodMs = 3600_000;

export const csrCleanerController: Controller = ({ client, clock, logger, informers }) => {
  const { certificateSigningRequests: known } = informers;
  return async (signal) => {
    while (!signal.aborted) {
      for (const csr of known.list()) {
        if (!isStale(csr, clock.now())) continue;
        const { name = '', uid } = csr.metadata ?? {};
        const preconditions = uid === undefined ? {} : { preconditions: { uid } };
        try {
          await client.delete(certificateSigningRequests, { name }, { ...preconditions, signal });
        } catch (error) {
          // The next round tries again.
          if (!signal.aborted && !isApiError(error, 'NotFound'))
            logger.warn('csrcleaner: a request could not be deleted', { csr: name, error });
        }
      }
      await sleep(clock, periodMs, signal);
    }
  };
};
