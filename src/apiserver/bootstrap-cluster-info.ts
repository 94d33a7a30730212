// Tells machines that have only a bootstrap token where the API is and which CA it is of: the config map cluster-info of kube-public.
// Follows cmd/kubeadm/app/phases/bootstraptoken/clusterinfo of v1.36, but lets in who has a token, and nobody without a name.

import { isApiError } from '../api/meta/errors.ts';
import type { Transport } from '../api/transport.ts';

const namespace = 'kube-public';
const name = 'cluster-info';
const roleName = 'kubeadm:bootstrap-signer-clusterinfo';
const configMaps = `/api/v1/namespaces/${namespace}/configmaps`;
const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
const rbacGroup = 'rbac.authorization.k8s.io';

/** A kubeconfig with a cluster and no user. `server` is a URL, `ca` PEM. */
const kubeconfig = (server: string, ca: string): string => `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${Buffer.from(ca).toString('base64')}
    server: ${JSON.stringify(server)}
  name: ""
contexts: null
current-context: ""
kind: Config
users: null
`;

const role = {
  metadata: { name: roleName },
  rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [name], verbs: ['get'] }],
};
const binding = {
  metadata: { name: roleName },
  roleRef: { apiGroup: rbacGroup, kind: 'Role', name: roleName },
  subjects: [{ apiGroup: rbacGroup, kind: 'Group', name: 'system:bootstrappers' }],
};

/** Creates it; false where it is there already. */
async function created(transport: Transport, path: string, body: object): Promise<boolean> {
  try {
    await transport.request({ method: 'POST', path, body });
    return true;
  } catch (error) {
    if (isApiError(error, 'AlreadyExists')) return false;
    throw error;
  }
}

/**
 * Makes the config map, or brings its kubeconfig up to date and leaves what else is in it. Its role and binding are made with it:
 * who takes them away later keeps them away.
 */
export async function publishClusterInfo(transport: Transport, server: string, ca: string): Promise<void> {
  const data = { kubeconfig: kubeconfig(server, ca) };
  if (!(await created(transport, configMaps, { metadata: { name }, data }))) {
    const contentType = 'application/merge-patch+json';
    await transport.request({ method: 'PATCH', path: `${configMaps}/${name}`, body: { data }, contentType });
    return;
  }
  try {
    await created(transport, `${rbac}/roles`, role);
    await created(transport, `${rbac}/rolebindings`, binding);
  } catch (error) {
    // Roles are not served (--runtime-config): then there is nobody to let in by one.
    if (!isApiError(error, 'NotFound')) throw error;
  }
}
