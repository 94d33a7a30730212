// The roles of kube-controller-manager's single controllers, each bound to a service account of its name, and the roles in the
// system's namespaces. Peapod's own controllers act as one user but for those of storage, which have these accounts.
// Follows plugin/pkg/auth/authorizer/rbac/bootstrappolicy/{controller_policy,namespace_policy}.go of v1.36.

import type { EnabledGates, SwitchableGate } from '../../api/feature-gates.ts';
import type { PolicyRule } from '../../api/generated/types.ts';
import { clusterRole, type DefaultBinding, type DefaultRole, events, read, rule, type Row } from './policy-rows.ts';

const apps = 'apps extensions';
const storage = 'storage.k8s.io';
const resource = 'resource.k8s.io';
const certificates = 'certificates.k8s.io';
const all = 'create delete get list patch update watch';

/** Rules by controller. */
const rules: Readonly<Record<string, readonly Row[]>> = {
  'attachdetach-controller': [
    ['list watch', '-', 'persistentvolumeclaims persistentvolumes'],
    [read, '-', 'nodes'],
    ['patch update', '-', 'nodes/status'],
    ['list watch', '-', 'pods'],
    events,
    ['create delete get list watch', storage, 'volumeattachments'],
    [read, storage, 'csidrivers'],
    [read, storage, 'csinodes'],
  ],
  'certificate-controller': [
    ['delete get list watch', certificates, 'certificatesigningrequests'],
    ['update', certificates, 'certificatesigningrequests/approval certificatesigningrequests/status'],
    ['approve', certificates, 'signers', 'kubernetes.io/kube-apiserver-client-kubelet'],
    [
      'sign',
      certificates,
      'signers',
      'kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving kubernetes.io/legacy-unknown',
    ],
    ['create', 'authorization.k8s.io', 'subjectaccessreviews'],
    events,
  ],
  'clusterrole-aggregation-controller': [
    ['escalate get list patch update watch', 'rbac.authorization.k8s.io', 'clusterroles'],
  ],
  'cronjob-controller': [
    ['get list update watch', 'batch', 'cronjobs'],
    [all, 'batch', 'jobs'],
    ['update', 'batch', 'cronjobs/status'],
    ['update', 'batch', 'cronjobs/finalizers'],
    ['delete list watch', '-', 'pods'],
    events,
  ],
  'daemon-set-controller': [
    [read, apps, 'daemonsets'],
    ['update', apps, 'daemonsets/status'],
    ['update', apps, 'daemonsets/finalizers'],
    ['list watch', '-', 'nodes'],
    ['create delete list patch watch', '-', 'pods'],
    ['create', '-', 'pods/binding'],
    [all, 'apps', 'controllerrevisions'],
    events,
  ],
  'deployment-controller': [
    ['get list update watch', apps, 'deployments'],
    ['update', apps, 'deployments/status'],
    ['update', apps, 'deployments/finalizers'],
    [all, apps, 'replicasets'],
    ['get list update watch', '-', 'pods'],
    events,
  ],
  'device-taint-eviction-controller': [
    ['delete get list watch', '-', 'pods'],
    ['patch update', '-', 'pods/status'],
    [read, resource, 'resourceclaims'],
    [read, resource, 'resourceslices'],
    [read, resource, 'deviceclasses'],
    events,
  ],
  'disruption-controller': [
    [read, apps, 'deployments'],
    [read, apps, 'replicasets'],
    [read, '-', 'replicationcontrollers'],
    [read, 'policy', 'poddisruptionbudgets'],
    [read, 'apps', 'statefulsets'],
    ['update', 'policy', 'poddisruptionbudgets/status'],
    ['patch update', '-', 'pods/status'],
    ['get', '*', '*/scale'],
    events,
  ],
  'endpoint-controller': [
    [read, '-', 'pods services'],
    ['create delete get list update watch', '-', 'endpoints'],
    ['create', '-', 'endpoints/restricted'],
    events,
  ],
  'endpointslice-controller': [
    [read, '-', 'nodes pods services'],
    ['update', '-', 'services/finalizers'],
    ['create delete get list update watch', 'discovery.k8s.io', 'endpointslices'],
    events,
  ],
  'endpointslicemirroring-controller': [
    [read, '-', 'endpoints services'],
    ['update', '-', 'services/finalizers'],
    ['update', '-', 'endpoints/finalizers'],
    ['create delete get list update watch', 'discovery.k8s.io', 'endpointslices'],
    events,
  ],
  'ephemeral-volume-controller': [
    [read, '-', 'pods'],
    ['update', '-', 'pods/finalizers'],
    ['create get list watch', '-', 'persistentvolumeclaims'],
    events,
  ],
  'expand-controller': [
    ['get list patch update watch', '-', 'persistentvolumes'],
    ['patch update', '-', 'persistentvolumeclaims/status'],
    [read, '-', 'persistentvolumeclaims'],
    events,
  ],
  'generic-garbage-collector': [['delete get list patch update watch', '*', '*'], events],
  'horizontal-pod-autoscaler': [
    [read, 'autoscaling', 'horizontalpodautoscalers'],
    ['update', 'autoscaling', 'horizontalpodautoscalers/status'],
    ['get update', '*', '*/scale'],
    ['list watch', '-', 'pods'],
    ['list watch', 'metrics.k8s.io', 'pods'],
    [read, 'custom.metrics.k8s.io', '*'],
    [read, 'external.metrics.k8s.io', '*'],
    events,
  ],
  'job-controller': [
    ['get list patch update watch', 'batch', 'jobs'],
    ['update', 'batch', 'jobs/status'],
    ['update', 'batch', 'jobs/finalizers'],
    ['create delete list patch watch', '-', 'pods'],
    events,
  ],
  'kube-apiserver-serving-clustertrustbundle-publisher': [
    ['attest', certificates, 'signers', 'kubernetes.io/kube-apiserver-serving'],
    ['create delete list update watch', certificates, 'clustertrustbundles'],
    events,
  ],
  'legacy-service-account-token-cleaner': [
    ['get', '-', 'configmaps', 'kube-apiserver-legacy-service-account-token-tracking'],
    ['delete patch', '-', 'secrets'],
  ],
  'namespace-controller': [
    ['delete get list watch', '-', 'namespaces'],
    ['update', '-', 'namespaces/finalize namespaces/status'],
    ['delete deletecollection get list watch', '*', '*'],
  ],
  'node-controller': [
    ['delete get list patch update watch', '-', 'nodes'],
    ['patch update', '-', 'nodes/status'],
    ['patch update', '-', 'pods/status'],
    ['delete get list watch', '-', 'pods'],
    events,
  ],
  'persistent-volume-binder': [
    ['create delete get list update watch', '-', 'persistentvolumes'],
    ['update', '-', 'persistentvolumes/status'],
    ['get list update watch', '-', 'persistentvolumeclaims'],
    ['update', '-', 'persistentvolumeclaims/status'],
    ['create delete get list watch', '-', 'pods'],
    [read, storage, 'storageclasses'],
    ['list watch', '-', 'nodes'],
    events,
    ['watch', '-', 'events'],
  ],
  'pod-garbage-collector': [
    ['delete list watch', '-', 'pods'],
    [read, '-', 'nodes'],
    ['patch', '-', 'pods/status'],
  ],
  'pv-protection-controller': [['get list update watch', '-', 'persistentvolumes'], events],
  'pvc-protection-controller': [
    ['get list update watch', '-', 'persistentvolumeclaims'],
    ['update', '-', 'persistentvolumeclaims/status'],
    [read, '-', 'pods'],
    events,
  ],
  'replicaset-controller': [
    ['get list update watch', apps, 'replicasets'],
    ['update', apps, 'replicasets/status'],
    ['update', apps, 'replicasets/finalizers'],
    ['create delete list patch watch', '-', 'pods'],
    events,
  ],
  'replication-controller': [
    ['get list update watch', '-', 'replicationcontrollers'],
    ['update', '-', 'replicationcontrollers/status'],
    ['update', '-', 'replicationcontrollers/finalizers'],
    ['create delete list patch watch', '-', 'pods'],
    events,
  ],
  'resource-claim-controller': [
    [read, '-', 'pods'],
    ['update', '-', 'pods/finalizers'],
    ['create delete get list watch', resource, 'resourceclaims'],
    ['patch update', resource, 'resourceclaims resourceclaims/status'],
    ['patch update', '-', 'pods/status'],
    events,
    ['patch update', resource, 'resourceclaims/binding'],
  ],
  'resourcequota-controller': [['list watch', '*', '*'], ['update', '-', 'resourcequotas/status'], events],
  'root-ca-cert-publisher': [['create update', '-', 'configmaps'], events],
  'route-controller': [['list watch', '-', 'nodes'], ['patch', '-', 'nodes/status'], events],
  'selinux-warning-controller': [
    events,
    [read, '-', 'persistentvolumes'],
    [read, '-', 'persistentvolumeclaims'],
    [read, '-', 'pods'],
    [read, storage, 'csidrivers'],
  ],
  'service-account-controller': [['create', '-', 'serviceaccounts'], events],
  'service-cidrs-controller': [
    ['get list patch update watch', 'networking.k8s.io', 'servicecidrs'],
    ['patch update', 'networking.k8s.io', 'servicecidrs/finalizers'],
    ['patch update', 'networking.k8s.io', 'servicecidrs/status'],
    [read, 'networking.k8s.io', 'ipaddresses'],
    events,
  ],
  'service-controller': [
    [read, '-', 'services'],
    ['patch update', '-', 'services/status'],
    ['list watch', '-', 'nodes'],
    events,
  ],
  'statefulset-controller': [
    ['list watch', '-', 'pods'],
    [read, 'apps', 'statefulsets'],
    ['update', 'apps', 'statefulsets/status'],
    ['update', 'apps', 'statefulsets/finalizers'],
    ['create delete get patch update', '-', 'pods'],
    [all, 'apps', 'controllerrevisions'],
    ['create get list watch', '-', 'persistentvolumeclaims'],
    ['delete update', '-', 'persistentvolumeclaims'],
    ['update', '-', 'pods/finalizers'],
    events,
  ],
  'ttl-after-finished-controller': [['delete get list watch', 'batch', 'jobs'], events],
  'ttl-controller': [['list patch update watch', '-', 'nodes'], events],
  'validatingadmissionpolicy-status-controller': [
    [read, 'admissionregistration.k8s.io', 'validatingadmissionpolicies'],
    ['get patch update', 'admissionregistration.k8s.io', 'validatingadmissionpolicies/status'],
    events,
  ],
  'volumeattributesclass-protection-controller': [
    [read, '-', 'persistentvolumeclaims'],
    [read, '-', 'persistentvolumes'],
    ['get list update watch', storage, 'volumeattributesclasses'],
    events,
  ],
};

/** Controllers that are there with a gate only. */
const gated: Readonly<Record<string, SwitchableGate>> = {
  'kube-apiserver-serving-clustertrustbundle-publisher': 'ClusterTrustBundle',
};

/** The controllers that have a role with these gates. */
const controllersWith = (gates: EnabledGates): string[] =>
  Object.keys(rules).filter((name) => {
    const gate = gated[name];
    return gate === undefined || gates.has(gate);
  });

const prefix = 'system:controller:';

/** The roles of controllers in one namespace: name, namespace, rules. */
const namespaced: readonly (readonly [name: string, namespace: string, rows: readonly Row[]])[] = [
  ['bootstrap-signer', 'kube-system', [[read, '-', 'secrets']]],
  ['cloud-provider', 'kube-system', [['create get list watch', '-', 'configmaps']]],
  ['token-cleaner', 'kube-system', [['delete get list watch', '-', 'secrets'], events]],
  [
    'bootstrap-signer',
    'kube-public',
    [[read, '-', 'configmaps'], ['update', '-', 'configmaps', 'cluster-info'], events],
  ],
];

const leaderLocking = (component: string): DefaultRole => ({
  ...clusterRole(`system::leader-locking-${component}`, [
    ['create get list update watch', 'coordination.k8s.io', 'leases'],
    ['create get list update watch', 'coordination.k8s.io', 'leasecandidates'],
  ]),
  namespace: 'kube-system',
});

/** The rules of the controller that has that service account of kube-system; none for any other. */
export const controllerRules = (name: string): readonly PolicyRule[] =>
  Object.hasOwn(rules, name) ? (rules[name] ?? []).map(rule) : [];

export const controllerRoles = (gates: EnabledGates): readonly DefaultRole[] => [
  ...controllersWith(gates).map((name) => clusterRole(prefix + name, rules[name] ?? [])),
  ...namespaced.map(([name, namespace, rows]) => ({ ...clusterRole(prefix + name, rows), namespace })),
  leaderLocking('kube-controller-manager'),
  leaderLocking('kube-scheduler'),
];

const account = (name: string): DefaultBinding['subjects'][number] => ({
  kind: 'ServiceAccount',
  name,
  namespace: 'kube-system',
});

const lockedBy = (component: string, ...accounts: string[]): DefaultBinding => ({
  name: `system::leader-locking-${component}`,
  namespace: 'kube-system',
  role: { kind: 'Role', name: `system::leader-locking-${component}` },
  subjects: [{ kind: 'User', name: `system:${component}` }, ...accounts.map(account)],
});

export const controllerBindings = (gates: EnabledGates): readonly DefaultBinding[] => [
  ...controllersWith(gates).map(
    (name): DefaultBinding => ({
      name: prefix + name,
      role: { kind: 'ClusterRole', name: prefix + name },
      subjects: [account(name)],
    }),
  ),
  ...namespaced.map(
    ([name, namespace]): DefaultBinding => ({
      name: prefix + name,
      namespace,
      role: { kind: 'Role', name: prefix + name },
      subjects: [account(name)],
    }),
  ),
  lockedBy('kube-controller-manager', 'kube-controller-manager', 'leader-election-controller'),
  lockedBy('kube-scheduler', 'kube-scheduler'),
];
