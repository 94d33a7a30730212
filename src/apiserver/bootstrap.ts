// What every cluster has from its first start: the system's namespaces and priority classes, and the account that the first pods run as.
// Follows pkg/controlplane/controller/systemnamespaces of v1.36; the account is the controller's work there.

import { systemPriorityClasses } from '../api/kinds/priorityclass/system-classes.ts';
import { isApiError } from '../api/meta/errors.ts';
import type { KubeObject } from '../api/meta/types.ts';
import type { Transport } from '../api/transport.ts';

const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** Creates the object unless it is there. */
async function ensure(transport: Transport, collection: string, body: KubeObject): Promise<void> {
  try {
    await transport.request({ method: 'GET', path: `${collection}/${body.metadata?.name ?? ''}` });
    return;
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
  try {
    await transport.request({ method: 'POST', path: collection, body });
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
  }
}

/** Creates the namespaces that are missing. */
export async function bootstrapNamespaces(transport: Transport): Promise<void> {
  for (const name of systemNamespaces)
    await ensure(transport, '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

/** Creates the system's priority classes. Follows pkg/registry/scheduling/rest/storage_scheduling.go. */
export async function bootstrapPriorityClasses(transport: Transport): Promise<void> {
  for (const body of systemPriorityClasses)
    await ensure(transport, '/apis/scheduling.k8s.io/v1/priorityclasses', structuredClone(body));
}

/** Creates the account of the namespace `default`: a pod may be created as soon as the API is ready. */
export async function bootstrapDefaultAccount(transport: Transport): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
  await ensure(transport, '/api/v1/namespaces/default/serviceaccounts', body);
}
