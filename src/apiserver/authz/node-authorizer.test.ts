// What a node may do: a table of requests of the node `a`, on which the pod default/web runs.
import { expect, test } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import type { FieldTerm } from '../../api/meta/field-selector.ts';
import type { UserInfo } from '../request.ts';
import type { AuthorizationRequest } from './authorizer.ts';
import { nodeRules } from './default-policy.ts';
import { createNodeAuthorizer } from './node-authorizer.ts';
import { type NodeGraph, podNeeds } from './node-graph.ts';

const web: Pod = {
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    nodeName: 'a',
    serviceAccountName: 'bot',
    imagePullSecrets: [{ name: 'pull' }],
    containers: [{ name: 'c', envFrom: [{ configMapRef: { name: 'env' } }] }],
    volumes: [
      { name: 's', secret: { secretName: 'tls' } },
      { name: 'p', persistentVolumeClaim: { claimName: 'data' } },
      { name: 'e', ephemeral: {} },
    ],
  },
};
const needs = new Set(podNeeds(web));
const graph: NodeGraph = {
  needs: (node, resource, namespace, name) =>
    node === 'a' && namespace === 'default' && needs.has(`${resource}/${name}`),
};
const { allowed, whyNot, cannotList } = createNodeAuthorizer(graph, nodeRules());

const node: UserInfo = { name: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] };
/** The name alone is not enough: the group comes from the certificate. */
const falseNode: UserInfo = { name: 'system:node:a', groups: ['system:authenticated'] };
const ofNode = (value: string): { fieldSelector: FieldTerm[] } => ({
  fieldSelector: [{ field: 'spec.nodeName', operator: '=', value }],
});
const ask = (verb: string, what: string, more: Partial<AuthorizationRequest> = {}): AuthorizationRequest => {
  const [resource = '', subresource = ''] = what.split('/');
  return { verb, resource, group: '', subresource, namespace: 'default', name: '', path: '', ...more };
};
const cluster = { namespace: '' };
const lease = { group: 'coordination.k8s.io', namespace: 'kube-node-lease' };
const storage = { group: 'storage.k8s.io', namespace: '' };

test.each<[string, AuthorizationRequest]>([
  ['registers', ask('create', 'nodes', cluster)],
  ['reads itself', ask('get', 'nodes', { ...cluster, name: 'a' })],
  ['watches itself', ask('watch', 'nodes', { ...cluster, name: 'a' })],
  ['reports its status', ask('patch', 'nodes/status', { ...cluster, name: 'a' })],
  ['lists its pods', ask('list', 'pods', { ...cluster, ...ofNode('a') })],
  ['reads a pod that it runs', ask('get', 'pods', { name: 'web' })],
  ['reports a pod', ask('patch', 'pods/status', { name: 'web' })],
  ['makes mirror pods', ask('create', 'pods')],
  ['evicts', ask('create', 'pods/eviction', { name: 'web' })],
  ['reads a secret of its pod', ask('get', 'secrets', { name: 'tls' })],
  ['watches a pull secret of its pod', ask('watch', 'secrets', { name: 'pull' })],
  ['reads a config map of its pod', ask('get', 'configmaps', { name: 'env' })],
  ['reads a claim of its pod', ask('get', 'persistentvolumeclaims', { name: 'data' })],
  ['reads the claim of an ephemeral volume', ask('get', 'persistentvolumeclaims', { name: 'web-e' })],
  ['takes a token of its pod', ask('create', 'serviceaccounts/token', { name: 'bot' })],
  ['renews its lease', ask('update', 'leases', { ...lease, name: 'a' })],
  ['writes its CSINode', ask('update', 'csinodes', { ...storage, name: 'a' })],
  ['asks who somebody is', ask('create', 'tokenreviews', { group: 'authentication.k8s.io', namespace: '' })],
  ['tells of events', ask('create', 'events')],
  [
    'asks for a certificate',
    ask('create', 'certificatesigningrequests', { group: 'certificates.k8s.io', namespace: '' }),
  ],
  [
    'lists its resource slices',
    ask('list', 'resourceslices', { group: 'resource.k8s.io', namespace: '', ...ofNode('a') }),
  ],
])('a node %s', (_, request) => {
  expect(allowed(node, request)).toBe(true);
  expect(allowed(falseNode, request)).toBe(false);
});

const unrelated = "no relationship found between node 'a' and this object";
test.each<[string, AuthorizationRequest, string]>([
  ['lists all nodes', ask('list', 'nodes', cluster), "node 'a' cannot read all nodes, only its own Node object"],
  [
    'reads another node',
    ask('get', 'nodes', { ...cluster, name: 'b' }),
    "node 'a' cannot read 'b', only its own Node object",
  ],
  ['deletes a node', ask('delete', 'nodes', { ...cluster, name: 'a' }), ''],
  ['reaches through a node', ask('get', 'nodes/proxy', { ...cluster, name: 'a' }), ''],
  ['lists all pods', ask('list', 'pods'), 'can only list/watch pods with spec.nodeName field selector'],
  [
    "watches another node's pods",
    ask('watch', 'pods', { ...cluster, ...ofNode('b') }),
    'can only list/watch pods with spec.nodeName field selector',
  ],
  ['reads a pod that it does not run', ask('get', 'pods', { name: 'db' }), unrelated],
  ['reads a pod of that name elsewhere', ask('get', 'pods', { name: 'web', namespace: 'other' }), unrelated],
  ['changes a pod', ask('patch', 'pods', { name: 'web' }), ''],
  ['executes', ask('create', 'pods/exec', { name: 'web' }), ''],
  ['reads a log', ask('get', 'pods/log', { name: 'web' }), ''],
  ['binds', ask('create', 'pods/binding', { name: 'web' }), ''],
  ['reads a secret of nobody', ask('get', 'secrets', { name: 'root' }), unrelated],
  ['lists secrets', ask('list', 'secrets'), 'No Object name found'],
  [
    'lists secrets everywhere',
    ask('list', 'secrets', { namespace: '', name: 'tls' }),
    'can only read namespaced object of this type',
  ],
  ['writes a secret', ask('update', 'secrets', { name: 'tls' }), 'can only read resources of this type'],
  ['lists claims', ask('list', 'persistentvolumeclaims'), 'can only get individual resources of this type'],
  ['takes a token of nobody', ask('create', 'serviceaccounts/token', { name: 'admin' }), unrelated],
  [
    'deletes a service account',
    ask('delete', 'serviceaccounts', { name: 'bot' }),
    'can only create tokens for individual service accounts',
  ],
  [
    "takes another node's lease",
    ask('update', 'leases', { ...lease, name: 'b' }),
    'can only access node lease with the same name as the requesting node',
  ],
  ['lists leases', ask('list', 'leases', lease), 'can only get, create, update, patch, or delete a node lease'],
  [
    'writes a lease elsewhere',
    ask('create', 'leases', { ...lease, namespace: 'kube-system' }),
    'can only access leases in the "kube-node-lease" system namespace',
  ],
  [
    "writes another node's CSINode",
    ask('patch', 'csinodes', { ...storage, name: 'b' }),
    'can only access CSINode with the same name as the requesting node',
  ],
  ['reads any path', ask('get', '', { path: '/metrics', namespace: '' }), ''],
  ['makes a role', ask('create', 'clusterroles', { group: 'rbac.authorization.k8s.io', namespace: '' }), ''],
  [
    'approves a certificate',
    ask('update', 'certificatesigningrequests/approval', { group: 'certificates.k8s.io', namespace: '' }),
    '',
  ],
])('never: a node %s', (_, request, why) => {
  expect(allowed(node, request)).toBe(false);
  expect(whyNot?.(node, request)).toBe(why);
});

test('its rules cannot be listed', () => {
  expect(cannotList?.(node)).toBe('node authorizer does not support user rule resolution');
  expect(cannotList?.(falseNode)).toBe('');
});

test('a mirror pod gives its node nothing but itself', () => {
  const mirror = { ...web, metadata: { ...web.metadata, annotations: { 'kubernetes.io/config.mirror': 'x' } } };
  expect([...podNeeds(mirror)]).toEqual(['pods/web']);
});
