// Sees to it that every namespace in use has a ServiceAccount named default.

import type { Namespace } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { serviceAccounts } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import { type Controller, defaultWorkers } from '../controller.ts';

const name = 'default';

/** Whether the namespace lacks it. Follows pkg/controller/serviceaccount/serviceaccounts_controller.go. */
export function needsServiceAccount(namespace: Namespace | undefined, exists: boolean): boolean {
  return namespace?.status?.phase === 'Active' && namespace.metadata?.deletionTimestamp === undefined && !exists;
}

export const serviceAccountController: Controller = ({ client, clock, logger, metrics, informers }) => {
  const queue = createWorkqueue({ clock, logger, metrics, name: 'serviceaccount' });
  informers.namespaces.addHandler({
    onAdd: (namespace) => queue.add(namespace.metadata?.name ?? ''),
    onUpdate: (_old, namespace) => queue.add(namespace.metadata?.name ?? ''),
  });
  informers.serviceAccounts.addHandler({
    onDelete: ({ metadata }) => {
      if (metadata?.name === name) queue.add(metadata.namespace ?? '');
    },
  });
  return (signal) =>
    queue.run(defaultWorkers, signal, async (namespace) => {
      const exists = informers.serviceAccounts.get(`${namespace}/${name}`) !== undefined;
      if (!needsServiceAccount(informers.namespaces.get(namespace), exists)) return;
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
      try {
        await client.create(serviceAccounts, account, { signal });
      } catch (error) {
        if (!isSettled(error)) throw error;
      }
    });
};

/** It is there already, or its namespace is going or gone: nothing is left to do. */
export const isSettled = (error: unknown): boolean =>
  isApiError(error, 'AlreadyExists') ||
  isApiError(error, 'NotFound') ||
  (isApiError(error, 'Forbidden') &&
    (error.status.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') ?? false));
