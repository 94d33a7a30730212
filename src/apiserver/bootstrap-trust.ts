// Tells aggregated API servers whom to trust: the config map extension-apiserver-authentication in kube-system.
// Follows pkg/controlplane/controller/clusterauthenticationtrust of v1.36.

import { isApiError } from '../api/meta/errors.ts';
import type { Transport } from '../api/transport.ts';
import type { AuthenticationOptions } from './authn/create-authentication.ts';
import { trustConfigMap, trustConfigMapName } from './authn/front-proxy.ts';

const collection = '/api/v1/namespaces/kube-system/configmaps';

/** Makes it, or brings it up to date. Nothing is published where no CA of clients is known. */
export async function publishTrust(transport: Transport, options: AuthenticationOptions): Promise<void> {
  if (options.clientCa === undefined) return;
  const { data, ...wanted } = trustConfigMap(options.clientCa, options.frontProxy);
  try {
    await transport.request({ method: 'POST', path: collection, body: { ...wanted, data } });
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
    const path = `${collection}/${trustConfigMapName}`;
    const contentType = 'application/merge-patch+json';
    await transport.request({ method: 'PATCH', path, body: { data }, contentType });
  }
}
