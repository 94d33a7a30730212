// The roles and bindings that every cluster starts with, as a table.
// Follows plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go, with the gates that v1.36 has on. What editors may do with pods:
// pods/eviction is named, pods/resize and pods/ephemeralcontainers are not; the latter on purpose (kubernetes/kubernetes#121217).

import { type EnabledGates, noGates } from '../../api/feature-gates.ts';
import type { PolicyRule } from '../../api/generated/types.ts';
import { controllerBindings, controllerRoles } from './controller-policy.ts';
import { clusterRole, type DefaultBinding, type DefaultRole, events, read, type Row } from './policy-rows.ts';

const write = 'create delete deletecollection patch update';
const readUpdate = 'get list patch update watch';
const readWrite = 'create delete deletecollection get list patch update watch';
const authentication = 'authentication.k8s.io';
const authorization = 'authorization.k8s.io';
const certificates = 'certificates.k8s.io';
const coordination = 'coordination.k8s.io';
const networking = 'networking.k8s.io';
const resource = 'resource.k8s.io';
const storage = 'storage.k8s.io';
const rbac = 'rbac.authorization.k8s.io';
const aggregateTo = (name: string): string => `rbac.authorization.k8s.io/aggregate-to-${name}`;
const labelled = (name: string): Record<string, string> => ({ [aggregateTo(name)]: 'true' });

const paths = '/healthz /livez /readyz /version /version/';
const workloads =
  'daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale';
const workloadsSeen =
  'controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status';

/** What users are given. */
const userRoles: readonly DefaultRole[] = [
  clusterRole('cluster-admin', [
    ['*', '*', '*'],
    ['*', '*'],
  ]),
  clusterRole('admin', [], { aggregates: aggregateTo('admin') }),
  clusterRole('edit', [], { aggregates: aggregateTo('edit'), labels: labelled('admin') }),
  clusterRole('view', [], { aggregates: aggregateTo('view'), labels: labelled('edit') }),
  clusterRole(
    'system:aggregate-to-admin',
    [
      ['create', authorization, 'localsubjectaccessreviews'],
      [readWrite, rbac, 'rolebindings roles'],
    ],
    { labels: labelled('admin') },
  ),
  clusterRole(
    'system:aggregate-to-edit',
    [
      [read, '-', 'pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy'],
      ['impersonate', '-', 'serviceaccounts'],
      [write, '-', 'pods pods/attach pods/exec pods/portforward pods/proxy'],
      ['create', '-', 'pods/eviction'],
      [
        write,
        '-',
        'configmaps persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy',
      ],
      ['create', '-', 'serviceaccounts/token'],
      [write, '- events.k8s.io', 'events'],
      [write, 'apps', workloads],
      [write, 'autoscaling', 'horizontalpodautoscalers'],
      [write, 'batch', 'cronjobs jobs'],
      [
        write,
        'extensions',
        'daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale',
      ],
      [write, 'policy', 'poddisruptionbudgets'],
      [write, networking, 'ingresses networkpolicies'],
      [readWrite, coordination, 'leases'],
      [write, resource, 'resourceclaims resourceclaimtemplates'],
    ],
    { labels: labelled('edit') },
  ),
  clusterRole(
    'system:aggregate-to-view',
    [
      [
        read,
        '-',
        'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status',
      ],
      [
        read,
        '-',
        'bindings limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status',
      ],
      [read, '-', 'namespaces'],
      [read, '- events.k8s.io', 'events'],
      [read, 'discovery.k8s.io', 'endpointslices'],
      [read, 'apps', workloadsSeen],
      [read, 'autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status'],
      [read, 'batch', 'cronjobs cronjobs/status jobs jobs/status'],
      [
        read,
        'extensions',
        'daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale',
      ],
      [read, 'policy', 'poddisruptionbudgets poddisruptionbudgets/status'],
      [read, networking, 'ingresses ingresses/status networkpolicies'],
      [read, resource, 'resourceclaims resourceclaims/status resourceclaimtemplates'],
    ],
    { labels: labelled('view') },
  ),
  clusterRole('system:basic-user', [
    ['create', authorization, 'selfsubjectaccessreviews selfsubjectrulesreviews'],
    ['create', authentication, 'selfsubjectreviews'],
  ]),
  clusterRole('system:discovery', [
    ['get', '/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/'],
  ]),
  clusterRole('system:public-info-viewer', [['get', paths]]),
  clusterRole('system:service-account-issuer-discovery', [
    ['get', '/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/'],
  ]),
  clusterRole('system:monitoring', [
    ['get', '/flagz /healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/* /statusz'],
    ['get', '-', 'nodes/metrics'],
  ]),
  clusterRole('system:auth-delegator', [
    ['create', authentication, 'tokenreviews'],
    ['create', authorization, 'subjectaccessreviews'],
  ]),
  clusterRole('system:kubelet-api-admin', [
    ['get list watch', '-', 'nodes'],
    ['proxy', '-', 'nodes'],
    ['*', '-', 'nodes/log nodes/metrics nodes/proxy nodes/stats'],
    ['*', '-', 'nodes/configz nodes/healthz nodes/pods'],
  ]),
];

const readTrustBundles: Row = [read, certificates, 'clustertrustbundles'];
const trustBundleDiscovery = 'system:cluster-trust-bundle-discovery';

/** What components are given. */
const componentRoles = (gates: EnabledGates): readonly DefaultRole[] => [
  clusterRole('system:node', [
    ['create', authentication, 'tokenreviews'],
    ['create', authorization, 'localsubjectaccessreviews subjectaccessreviews'],
    [read, '-', 'services'],
    ['create get list watch', '-', 'nodes'],
    ['patch update', '-', 'nodes/status'],
    ['patch update', '-', 'nodes'],
    events,
    [read, '-', 'pods'],
    ['create delete', '-', 'pods'],
    ['patch update', '-', 'pods/status'],
    ['create', '-', 'pods/eviction'],
    [read, '-', 'configmaps secrets'],
    ['get', '-', 'persistentvolumeclaims persistentvolumes'],
    ['get', '-', 'endpoints'],
    ['create get list watch', certificates, 'certificatesigningrequests'],
    ['create delete get patch update', coordination, 'leases'],
    ['get', storage, 'volumeattachments'],
    ['create', '-', 'serviceaccounts/token'],
    ['get patch update', '-', 'persistentvolumeclaims/status'],
    [read, storage, 'csidrivers'],
    ['create delete get patch update', storage, 'csinodes'],
    [read, 'node.k8s.io', 'runtimeclasses'],
    ['get', resource, 'resourceclaims'],
    ['deletecollection', resource, 'resourceslices'],
    ...(gates.has('ClusterTrustBundle') ? [readTrustBundles] : []),
    ['get', '-', 'serviceaccounts'],
  ]),
  clusterRole('system:node-bootstrapper', [['create get list watch', certificates, 'certificatesigningrequests']]),
  clusterRole('system:node-problem-detector', [['get', '-', 'nodes'], ['patch', '-', 'nodes/status'], events]),
  clusterRole('system:node-proxier', [
    ['list watch', '-', 'endpoints services'],
    [read, '-', 'nodes'],
    events,
    ['list watch', networking, 'servicecidrs'],
    ['list watch', 'discovery.k8s.io', 'endpointslices'],
  ]),
  clusterRole('system:kube-aggregator', [[read, '-', 'endpoints services']]),
  clusterRole('system:kube-controller-manager', [
    events,
    ['create', coordination, 'leases'],
    ['get update', coordination, 'leases', 'kube-controller-manager'],
    ['create', '-', 'secrets serviceaccounts'],
    ['delete', '-', 'secrets'],
    ['get', '-', 'configmaps namespaces secrets serviceaccounts'],
    ['update', '-', 'secrets serviceaccounts'],
    ['create', authentication, 'tokenreviews'],
    ['create', authorization, 'subjectaccessreviews'],
    ['list watch', '*', '*'],
    ['create', '-', 'serviceaccounts/token'],
  ]),
  clusterRole('system:heapster', [
    [read, '-', 'events namespaces nodes pods'],
    [read, 'extensions', 'deployments'],
  ]),
  clusterRole('system:kube-dns', [['list watch', '-', 'endpoints services']]),
  clusterRole('system:kube-scheduler', [
    events,
    ['create', coordination, 'leases'],
    ['get list update watch', coordination, 'leases', 'kube-scheduler'],
    [readWrite, coordination, 'leasecandidates'],
    [read, '-', 'nodes'],
    ['delete get list watch', '-', 'pods'],
    ['create', '-', 'bindings pods/binding'],
    ['patch update', '-', 'pods/status'],
    [read, '-', 'replicationcontrollers services'],
    [read, 'apps extensions', 'replicasets'],
    [read, 'apps', 'statefulsets'],
    [read, 'policy', 'poddisruptionbudgets'],
    [read, '-', 'persistentvolumeclaims persistentvolumes'],
    ['create', authentication, 'tokenreviews'],
    ['create', authorization, 'subjectaccessreviews'],
    [read, storage, 'csinodes'],
    [read, storage, 'volumeattachments'],
    [read, '-', 'namespaces'],
    [read, storage, 'csidrivers'],
    [read, storage, 'csistoragecapacities'],
    [read, resource, 'deviceclasses'],
    [readUpdate, resource, 'resourceclaims'],
    [readUpdate, resource, 'resourceclaims/status'],
    ['update', '-', 'pods/finalizers'],
    [read, resource, 'resourceslices'],
    ['create delete', resource, 'resourceclaims'],
    ['patch update', resource, 'resourceclaims/binding'],
  ]),
  clusterRole('system:persistent-volume-provisioner', [
    ['create delete get list watch', '-', 'persistentvolumes'],
    ['get list update watch', '-', 'persistentvolumeclaims'],
    [read, storage, 'storageclasses'],
    ['watch', '-', 'events'],
    events,
  ]),
  clusterRole('system:volume-scheduler', [
    ['get list patch update watch', '-', 'persistentvolumes'],
    [read, storage, 'storageclasses'],
    ['get list patch update watch', '-', 'persistentvolumeclaims'],
  ]),
  clusterRole('system:certificates.k8s.io:certificatesigningrequests:nodeclient', [
    ['create', certificates, 'certificatesigningrequests/nodeclient'],
  ]),
  clusterRole('system:certificates.k8s.io:certificatesigningrequests:selfnodeclient', [
    ['create', certificates, 'certificatesigningrequests/selfnodeclient'],
  ]),
  ...['kube-apiserver-client', 'kube-apiserver-client-kubelet', 'kubelet-serving', 'legacy-unknown'].map((signer) =>
    clusterRole(`system:certificates.k8s.io:${signer}-approver`, [
      ['approve', certificates, 'signers', `kubernetes.io/${signer}`],
    ]),
  ),
  {
    ...clusterRole('extension-apiserver-authentication-reader', [
      [read, '-', 'configmaps', 'extension-apiserver-authentication'],
    ]),
    namespace: 'kube-system',
  },
];

/** Every role that a server with these gates starts with. */
export const defaultRoles = (gates: EnabledGates = noGates): readonly DefaultRole[] => [
  ...userRoles,
  ...componentRoles(gates),
  ...(gates.has('ClusterTrustBundle') ? [clusterRole(trustBundleDiscovery, [readTrustBundles])] : []),
  ...controllerRoles(gates),
];

const bound = (name: string, kind: 'User' | 'Group', ...subjects: string[]): DefaultBinding => ({
  name,
  role: { kind: 'ClusterRole', name },
  subjects: subjects.map((subject) => ({ kind, name: subject })),
});

/** What every node may do, of what is not divided between nodes. */
export const nodeRules = (gates: EnabledGates = noGates): readonly PolicyRule[] =>
  componentRoles(gates).find(({ name }) => name === 'system:node')?.rules ?? [];

const bindings: readonly DefaultBinding[] = [
  bound('cluster-admin', 'Group', 'system:masters'),
  bound('system:monitoring', 'Group', 'system:monitoring'),
  bound('system:discovery', 'Group', 'system:authenticated'),
  bound('system:basic-user', 'Group', 'system:authenticated'),
  bound('system:public-info-viewer', 'Group', 'system:authenticated', 'system:unauthenticated'),
  bound('system:node-proxier', 'User', 'system:kube-proxy'),
  bound('system:kube-controller-manager', 'User', 'system:kube-controller-manager'),
  bound('system:kube-scheduler', 'User', 'system:kube-scheduler'),
  bound('system:volume-scheduler', 'User', 'system:kube-scheduler'),
  bound('system:service-account-issuer-discovery', 'Group', 'system:serviceaccounts'),
  // Nodes have their rights from the node authorizer.
  bound('system:node', 'Group'),
  {
    name: 'system:kube-dns',
    role: { kind: 'ClusterRole', name: 'system:kube-dns' },
    subjects: [{ kind: 'ServiceAccount', name: 'kube-dns', namespace: 'kube-system' }],
  },
  {
    name: 'system::extension-apiserver-authentication-reader',
    namespace: 'kube-system',
    role: { kind: 'Role', name: 'extension-apiserver-authentication-reader' },
    subjects: [
      { kind: 'User', name: 'system:kube-controller-manager' },
      { kind: 'User', name: 'system:kube-scheduler' },
    ],
  },
];

/** Every binding that a server with these gates starts with. */
export const defaultBindings = (gates: EnabledGates = noGates): readonly DefaultBinding[] => [
  ...bindings,
  ...(gates.has('ClusterTrustBundle') ? [bound(trustBundleDiscovery, 'Group', 'system:serviceaccounts')] : []),
  ...controllerBindings(gates),
];
