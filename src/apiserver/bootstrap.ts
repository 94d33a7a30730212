// What every cluster has from its first start: the system's namespaces.
// Follows pkg/controlplane/controller/systemnamespaces of v1.36.

import { isApiError } from '../api/meta/errors.ts';
import type { Transport } from '../api/transport.ts';

const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** Creates the namespaces that are missing. */
export async function bootstrapNamespaces(transport: Transport): Promise<void> {
  for (const name of systemNamespaces) {
    try {
      await transport.request({ method: 'GET', path: `/api/v1/namespaces/${name}` });
      continue;
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
    try {
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
      await transport.request({ method: 'POST', path: '/api/v1/namespaces', body });
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
  }
}
