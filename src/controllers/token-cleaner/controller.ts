// Deletes bootstrap tokens that have run out. Follows pkg/controller/bootstrap/tokencleaner.go of v1.36.

import { bootstrapTokenNamespace, expiryOf } from '../../api/bootstrap-tokens.ts';
import type { Secret } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { secrets } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import { type Controller, defaultWorkers } from '../controller.ts';

/** In how many ms the token has run out: 0 or less when it has, undefined when it never does. `now` in ms. */
export function timeLeft(secret: Secret, now: number): number | undefined {
  const expiry = expiryOf(secret);
  return expiry === undefined ? undefined : expiry - now;
}

export const tokenCleanerController: Controller = ({ client, clock, logger, metrics, informers }) => {
  const queue = createWorkqueue({ clock, logger, metrics, name: 'token_cleaner' });
  const { bootstrapTokens } = informers;
  const changed = ({ metadata }: Secret): void => queue.add(metadata?.name ?? '');
  bootstrapTokens.addHandler({ onAdd: changed, onUpdate: (_old, secret) => changed(secret) });
  return (signal) =>
    queue.run(defaultWorkers, signal, async (name) => {
      const secret = bootstrapTokens.get(`${bootstrapTokenNamespace}/${name}`);
      const left = secret && timeLeft(secret, clock.now());
      if (secret === undefined || left === undefined) return;
      if (left > 0) return queue.addAfter(name, left);
      const { uid } = secret.metadata ?? {};
      const preconditions = uid === undefined ? {} : { preconditions: { uid } };
      try {
        await client.delete(secrets, { namespace: bootstrapTokenNamespace, name }, { ...preconditions, signal });
      } catch (error) {
        // Gone, or another one by now.
        if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
      }
    });
};
