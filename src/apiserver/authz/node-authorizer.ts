// What a node may do: what every kubelet may, narrowed to its own objects and those that its pods need.
// Follows plugin/pkg/auth/authorizer/node/node_authorizer.go of v1.36.

import { requiredValue } from '../../api/meta/field-selector.ts';
import type { UserInfo } from '../request.ts';
import { type AuthorizationRequest, type Authorizer, isPath, type PolicyRule, ruleAllows } from './authorizer.ts';
import { type NodeGraph, nodeOf } from './node-graph.ts';

/** Allowed, or what there is to say about it: often nothing. */
type Verdict = { allowed: true } | { allowed: false; why: string };

const yes: Verdict = { allowed: true };
const no = (why = ''): Verdict => ({ allowed: false, why });

interface Question {
  graph: NodeGraph;
  node: string;
  request: AuthorizationRequest;
}

const oneOf = (verb: string, ...verbs: string[]): boolean => verbs.includes(verb);
const ownVerbs = ['get', 'create', 'update', 'patch', 'delete'];

/** To an object that one of the node's pods names. */
function related({ graph, node, request }: Question): Verdict {
  const { resource, namespace, name } = request;
  if (name === '') return no('No Object name found');
  if (graph.needs(node, resource, namespace, name)) return yes;
  return no(`no relationship found between node '${node}' and this object`);
}

/** Secrets and config maps: lists and watches name the one object that they are about. */
function readNamespaced(question: Question): Verdict {
  const { verb, subresource, namespace } = question.request;
  if (!oneOf(verb, 'get', 'list', 'watch')) return no('can only read resources of this type');
  if (subresource !== '') return no('cannot read subresource');
  if (namespace === '') return no('can only read namespaced object of this type');
  return related(question);
}

function getOne(question: Question): Verdict {
  const { verb, subresource } = question.request;
  if (verb !== 'get') return no('can only get individual resources of this type');
  return subresource === '' ? related(question) : no('cannot get subresource');
}

function claims(question: Question): Verdict {
  const { verb, subresource } = question.request;
  if (subresource !== 'status') return getOne(question);
  return oneOf(verb, 'update', 'patch') ? related(question) : no('can only get/update/patch this type');
}

function serviceAccounts(question: Question): Verdict {
  const { verb, subresource, name } = question.request;
  if (verb === 'get' && subresource === '') return related(question);
  if (verb !== 'create' || name === '') return no('can only create tokens for individual service accounts');
  return subresource === 'token' ? related(question) : no('can only create token subresource of serviceaccount');
}

function leases({ node, request: { verb, namespace, name } }: Question): Verdict {
  if (!oneOf(verb, ...ownVerbs)) return no('can only get, create, update, patch, or delete a node lease');
  if (namespace !== 'kube-node-lease') return no('can only access leases in the "kube-node-lease" system namespace');
  // On create nobody knows the name yet: NodeRestriction looks at it.
  if (verb !== 'create' && name !== node)
    return no('can only access node lease with the same name as the requesting node');
  return yes;
}

function csiNodes({ node, request: { verb, subresource, name } }: Question): Verdict {
  if (!oneOf(verb, ...ownVerbs)) return no('can only get, create, update, patch, or delete a CSINode');
  if (subresource !== '') return no('cannot authorize CSINode subresources');
  if (verb !== 'create' && name !== node)
    return no('can only access CSINode with the same name as the requesting node');
  return yes;
}

function nodes({ node, request: { verb, subresource, name } }: Question): Verdict {
  if (subresource === 'status') return oneOf(verb, 'update', 'patch') ? yes : no();
  if (subresource !== '') return no();
  // Whose object a write is about is NodeRestriction's to see.
  if (oneOf(verb, 'create', 'update', 'patch')) return yes;
  if (!oneOf(verb, 'get', 'list', 'watch')) return no();
  if (name === node) return yes;
  const what = name === '' ? 'all nodes' : `'${name}'`;
  return no(`node '${node}' cannot read ${what}, only its own Node object`);
}

/** Whether a list or watch is narrowed to the node's own. */
const ofOwnNode = ({ node, request: { fieldSelector = [] } }: Question): boolean =>
  requiredValue(fieldSelector, 'spec.nodeName') === node;

function pods(question: Question): Verdict {
  const { verb, subresource } = question.request;
  switch (subresource) {
    case '':
      if (verb === 'get') return getOne(question);
      if (oneOf(verb, 'list', 'watch'))
        return ofOwnNode(question) ? yes : no('can only list/watch pods with spec.nodeName field selector');
      // Only mirror pods, and only of its own: NodeRestriction looks.
      return oneOf(verb, 'create', 'delete') ? yes : no();
    case 'status':
      return oneOf(verb, 'update', 'patch') ? yes : no();
    case 'eviction':
      return verb === 'create' ? yes : no();
    default:
      return no();
  }
}

function resourceSlices(question: Question): Verdict {
  const { verb, subresource } = question.request;
  if (subresource !== '') return no('cannot authorize ResourceSlice subresources');
  if (verb === 'create') return yes;
  if (oneOf(verb, 'list', 'watch', 'deletecollection'))
    return ofOwnNode(question)
      ? yes
      : no('can only list/watch/deletecollection resourceslices with nodeName field selector');
  return no('only the following verbs are allowed for a ResourceSlice: create, list, watch, deletecollection');
}

/** Resources of which a node gets a part only, by group/resource. */
const parts: Readonly<Record<string, (question: Question) => Verdict>> = {
  '/secrets': readNamespaced,
  '/configmaps': readNamespaced,
  '/persistentvolumeclaims': claims,
  '/persistentvolumes': getOne,
  '/serviceaccounts': serviceAccounts,
  '/nodes': nodes,
  '/pods': pods,
  'storage.k8s.io/volumeattachments': getOne,
  'storage.k8s.io/csinodes': csiNodes,
  'coordination.k8s.io/leases': leases,
  'resource.k8s.io/resourceslices': resourceSlices,
};

/** Lets nodes do what they need. `rules` is what every node may do with resources that are not divided. */
export function createNodeAuthorizer(graph: NodeGraph, rules: readonly PolicyRule[]): Authorizer {
  const judge = (user: UserInfo, request: AuthorizationRequest): Verdict => {
    const node = nodeOf(user);
    if (node === undefined) return no();
    const part = isPath(request) ? undefined : parts[`${request.group}/${request.resource}`];
    if (part !== undefined) return part({ graph, node, request });
    return rules.some((rule) => ruleAllows(rule, request)) ? yes : no();
  };
  return {
    allowed: (user, request) => judge(user, request).allowed,
    whyNot(user, request) {
      const verdict = judge(user, request);
      return verdict.allowed ? '' : verdict.why;
    },
    rules: () => [],
    cannotList: (user) => (nodeOf(user) === undefined ? '' : 'node authorizer does not support user rule resolution'),
  };
}
