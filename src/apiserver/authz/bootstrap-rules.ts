// The rules that hold before any RBAC object exists: administrators, everyone signed in, and Peapod's own components.
// Follows plugin/pkg/auth/authorizer/rbac/bootstrappolicy and authorizer/node of v1.36.

import type { UserInfo } from '../request.ts';
import type { PolicyRule } from './authorizer.ts';
import { controllerRules } from './controller-policy.ts';

const read = ['get', 'list', 'watch'];
const events: PolicyRule = {
  apiGroups: ['', 'events.k8s.io'],
  resources: ['events'],
  verbs: ['create', 'patch', 'update'],
};

/** The controllers of Peapod's own that act as service accounts of kube-system: they work while roles are made or mended. */
const controllerAccounts: ReadonlyMap<string, string> = new Map(
  [
    'persistent-volume-binder',
    'pvc-protection-controller',
    'pv-protection-controller',
    'volumeattributesclass-protection-controller',
    'ephemeral-volume-controller',
    'service-cidrs-controller',
    'generic-garbage-collector',
    'kube-apiserver-serving-clustertrustbundle-publisher',
  ].map((name) => [`system:serviceaccount:kube-system:${name}`, name]),
);

const everything: readonly PolicyRule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

const healthPaths = ['/healthz', '/livez', '/readyz', '/version', '/version/'];
/** system:public-info-viewer. */
const publicInfo: readonly PolicyRule[] = [{ nonResourceURLs: healthPaths, verbs: ['get'] }];

/** system:discovery and system:basic-user. */
const authenticated: readonly PolicyRule[] = [
  { nonResourceURLs: [...healthPaths, '/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*'], verbs: ['get'] },
  {
    apiGroups: ['authorization.k8s.io'],
    resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
    verbs: ['create'],
  },
  { apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'], verbs: ['create'] },
];

const health: PolicyRule = { nonResourceURLs: ['/healthz/*', '/livez/*', '/readyz/*', '/metrics'], verbs: ['get'] };

const scheduler: readonly PolicyRule[] = [
  events,
  {
    apiGroups: [''],
    resources: [
      'nodes',
      'namespaces',
      'pods',
      'services',
      'replicationcontrollers',
      'persistentvolumes',
      'persistentvolumeclaims',
    ],
    verbs: read,
  },
  { apiGroups: ['apps'], resources: ['replicasets', 'statefulsets'], verbs: read },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: read },
  { apiGroups: ['storage.k8s.io'], resources: ['*'], verbs: read },
  // As system:volume-scheduler: claims that wait for a node get their volumes with it.
  { apiGroups: [''], resources: ['persistentvolumes', 'persistentvolumeclaims'], verbs: ['patch', 'update'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['delete'] },
  { apiGroups: [''], resources: ['bindings', 'pods/binding'], verbs: ['create'] },
  { apiGroups: [''], resources: ['pods/status'], verbs: ['patch', 'update'] },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['create', 'get', 'list', 'watch', 'update', 'patch'],
    namespace: 'kube-system',
  },
];

/** Controllers collect and end what others own, so they may read and delete everything. */
const controllerManager: readonly PolicyRule[] = [
  events,
  { apiGroups: ['*'], resources: ['*'], verbs: [...read, 'delete', 'deletecollection', 'patch', 'update'] },
  {
    apiGroups: ['', 'apps', 'batch'],
    resources: ['pods', 'serviceaccounts', 'configmaps', 'replicasets', 'controllerrevisions', 'jobs', 'endpoints'],
    verbs: ['create'],
  },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['create'] },
  {
    apiGroups: ['certificates.k8s.io'],
    resources: ['signers'],
    resourceNames: ['kubernetes.io/kube-apiserver-client-kubelet'],
    verbs: ['approve'],
  },
  {
    apiGroups: ['certificates.k8s.io'],
    resources: ['signers'],
    resourceNames: ['kube-apiserver-client', 'kube-apiserver-client-kubelet', 'kubelet-serving', 'legacy-unknown'].map(
      (signer) => `kubernetes.io/${signer}`,
    ),
    verbs: ['sign'],
  },
  { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
  // The aggregation of cluster roles writes rules that it has not itself.
  { apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], verbs: ['escalate'] },
  {
    apiGroups: [''],
    resources: ['pods/eviction', 'bindings', 'pods/binding', 'serviceaccounts/token'],
    verbs: ['create'],
  },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'], namespace: 'kube-system' },
];

/** The certificate with which the API server reaches kubelets: everything of a node, as system:kubelet-api-admin, and nothing else. */
const kubeletClient: readonly PolicyRule[] = [
  {
    apiGroups: [''],
    resources: ['proxy', 'metrics', 'stats', 'log', 'pods', 'healthz', 'configz', 'statusz', 'checkpoint'].map(
      (subresource) => `nodes/${subresource}`,
    ),
    verbs: ['*'],
  },
];

/** Every rule that the user has by name and groups where no RBAC objects are served. */
export function bootstrapRules(user: UserInfo): readonly PolicyRule[] {
  const rules = componentRules(user);
  return user.groups.includes('system:authenticated') ? [...rules, ...authenticated] : rules;
}

/**
 * The rules that hold whatever roles say: an administrator cannot be locked out, components work while roles are made or
 * mended, and anybody may ask for health and version.
 */
export function componentRules(user: UserInfo): readonly PolicyRule[] {
  const groups = new Set(user.groups);
  if (groups.has('system:masters')) return everything;
  const rules: PolicyRule[] = [...publicInfo];
  const controller = controllerAccounts.get(user.name);
  if (controller !== undefined) rules.push(...controllerRules(controller));
  switch (user.name) {
    case 'system:kube-scheduler':
      rules.push(...scheduler, health);
      break;
    case 'system:kube-controller-manager':
      rules.push(...controllerManager, health);
      break;
    case 'kube-apiserver-kubelet-client':
      rules.push(...kubeletClient);
      break;
    case 'system:kube-apiserver':
    case 'system:apiserver':
      rules.push(...everything);
      break;
  }
  return rules;
}
