// The default roles and bindings hang together, and none of upstream's is missing.
import { expect, test } from 'vitest';
import { validateRules } from '../../api/kinds/rbac/validate.ts';
import { defaultBindings, defaultRoles, nodeRules } from './default-policy.ts';

const names = (list: readonly { name: string; namespace?: string }[]): string[] =>
  list.map(({ name, namespace }) => (namespace === undefined ? name : `${namespace}/${name}`));

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/** As v1.36 lists them with the gates that it has on. */
const controllers = [
  ...words(`
    attachdetach clusterrole-aggregation cronjob daemon-set deployment device-taint-eviction disruption endpoint endpointslice
    endpointslicemirroring ephemeral-volume expand job namespace node pv-protection pvc-protection replicaset resource-claim
    resourcequota route selinux-warning service-account service-cidrs service statefulset ttl-after-finished ttl
    validatingadmissionpolicy-status volumeattributesclass-protection certificate`).map((name) => `${name}-controller`),
  ...words(`
    generic-garbage-collector horizontal-pod-autoscaler persistent-volume-binder pod-garbage-collector replication-controller
    root-ca-cert-publisher legacy-service-account-token-cleaner`),
];

test('every controller of upstream has a role, bound to its account', () => {
  const wanted = controllers.map((name) => `system:controller:${name}`).toSorted();
  const cluster = (list: readonly { name: string; namespace?: string }[]): string[] =>
    names(list)
      .filter((name) => name.startsWith('system:controller:'))
      .toSorted();
  expect(cluster(defaultRoles())).toEqual(wanted);
  expect(cluster(defaultBindings())).toEqual(wanted);
});

test('the roles of namespaces are those of upstream', () => {
  expect(
    names(defaultRoles())
      .filter((name) => name.startsWith('kube-'))
      .toSorted(),
  ).toEqual([
    'kube-public/system:controller:bootstrap-signer',
    'kube-system/extension-apiserver-authentication-reader',
    'kube-system/system::leader-locking-kube-controller-manager',
    'kube-system/system::leader-locking-kube-scheduler',
    'kube-system/system:controller:bootstrap-signer',
    'kube-system/system:controller:cloud-provider',
    'kube-system/system:controller:token-cleaner',
  ]);
});

test.each([
  ['system:kubelet-api-admin', '*  nodes/configz,nodes/healthz,nodes/pods'],
  ['system:monitoring', 'get  nodes/metrics'],
  ['system:node', 'create,patch,update ,events.k8s.io events'],
  ['system:aggregate-to-view', 'get,list,watch ,events.k8s.io events'],
  ['system:aggregate-to-edit', 'create,delete,deletecollection,patch,update ,events.k8s.io events'],
  ['system:kube-scheduler', 'update  pods/finalizers'],
  ['system:kube-scheduler', 'create,delete resource.k8s.io resourceclaims'],
  ['system::leader-locking-kube-scheduler', 'create,get,list,update,watch coordination.k8s.io leasecandidates'],
])('%s may %s', (role, wanted) => {
  const { rules = [] } = defaultRoles().find(({ name }) => name === role) ?? {};
  const texts = rules.map(({ verbs, apiGroups, resources }) => [verbs, apiGroups, resources].map(String).join(' '));
  expect(texts).toContain(wanted);
  expect(texts.join()).not.toContain('nodes/spec');
});

test('every name is there once, every rule is valid, and every binding names a role', () => {
  expect(new Set(names(defaultRoles())).size).toBe(defaultRoles().length);
  expect(new Set(names(defaultBindings())).size).toBe(defaultBindings().length);
  for (const { rules, namespace } of defaultRoles())
    expect(validateRules([...rules], namespace !== undefined)).toEqual([]);
  const roles = new Set(names(defaultRoles()));
  for (const { role, namespace } of defaultBindings())
    expect(roles).toContain(role.kind === 'Role' ? `${namespace}/${role.name}` : role.name);
});

test('trust bundles come with their gate: who reads them, and who publishes those of the cluster', () => {
  const gates = new Set(['ClusterTrustBundle'] as const);
  const [before, after] = [new Set(names(defaultRoles())), names(defaultRoles(gates))];
  const added = [
    'system:cluster-trust-bundle-discovery',
    'system:controller:kube-apiserver-serving-clustertrustbundle-publisher',
  ];
  expect(after.filter((name) => !before.has(name))).toEqual(added);
  const bindings = defaultBindings(gates).filter(({ name }) => added.includes(name));
  expect(bindings.map(({ subjects }) => subjects)).toEqual([
    [{ kind: 'Group', name: 'system:serviceaccounts' }],
    [{ kind: 'ServiceAccount', name: 'kube-apiserver-serving-clustertrustbundle-publisher', namespace: 'kube-system' }],
  ]);
  const read = {
    verbs: ['get', 'list', 'watch'],
    apiGroups: ['certificates.k8s.io'],
    resources: ['clustertrustbundles'],
  };
  expect(nodeRules(gates)).toContainEqual(read);
  expect(nodeRules()).not.toContainEqual(read);
});
