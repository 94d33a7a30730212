// How the tables of requests that must be refused are written down, and what their bodies share.

export const rbac = '/apis/rbac.authorization.k8s.io/v1';
export const core = '/api/v1/namespaces/default';
export const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';

export const rule = (verb: string, group: string, resources: string, ...names: string[]) => ({
  verbs: verb.split(' '),
  apiGroups: [group],
  resources: resources.split(' '),
  ...(names.length === 0 ? {} : { resourceNames: names }),
});
export const rbacGroup = 'rbac.authorization.k8s.io';

/** What only the server has made up: of the node `a`, and of its pod `on-a`. */
export interface Known {
  nodeUid: string;
  podUid: string;
}

/** Name, who, method, path, code, what the message has, body (or what makes it), headers. */
export type Row = [
  name: string,
  who: string,
  method: string,
  path: string,
  code: number,
  message: string,
  body?: unknown,
  headers?: Record<string, string>,
];

export const role = (name: string, rules: object[], more: object = {}) => ({ metadata: { name }, rules, ...more });
export const binding = (name: string, kind: string, roleName: string) => ({
  metadata: { name },
  roleRef: { apiGroup: rbacGroup, kind, name: roleName },
  subjects: [{ apiGroup: rbacGroup, kind: 'User', name: 'granter' }],
});
export const merge = { 'content-type': 'application/merge-patch+json' };
export const patch = { 'content-type': 'application/json-patch+json' };
export const pod = (more: object, spec: object = {}) => ({
  metadata: { name: 'x', ...more },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});
export const mirror = { 'kubernetes.io/config.mirror': 'x' };
export const tokenOf = (boundObjectRef?: object) => ({
  spec: boundObjectRef === undefined ? {} : { boundObjectRef },
});
export const named = (name: string, more: object = {}) => ({ metadata: { name }, ...more });
