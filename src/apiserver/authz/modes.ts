// The ways of authorization that --authorization-mode names, and the authorizer that they make together.
// Follows pkg/kubeapiserver/authorizer of v1.36.

import { type Authorizer, createAuthorizer, type PolicyRule } from './authorizer.ts';
import { componentRules } from './bootstrap-rules.ts';
import { nodeRules } from './default-policy.ts';
import { anyOf, createNodeAuthorizer } from './node-authorizer.ts';
import type { NodeGraph } from './node-graph.ts';
import { createRbacAuthorizer } from './rbac-authorizer.ts';
import type { RoleIndex } from './role-index.ts';

export type AuthorizationMode = 'Node' | 'RBAC' | 'AlwaysAllow' | 'AlwaysDeny';

export const defaultModes: readonly AuthorizationMode[] = ['Node', 'RBAC'];
const built: readonly string[] = ['Node', 'RBAC', 'AlwaysAllow', 'AlwaysDeny'] satisfies AuthorizationMode[];

/** The modes of such a list; Node and RBAC of an empty one. Throws an Error on one that is unknown, twice there, or not built. */
export function parseAuthorizationModes(list: readonly string[]): readonly AuthorizationMode[] {
  if (list.length === 0) return defaultModes;
  for (const [i, name] of list.entries()) {
    if (name === 'Webhook' || name === 'ABAC') throw new Error(`mode ${JSON.stringify(name)} is not built into Peapod`);
    if (!built.includes(name)) throw new Error(`${JSON.stringify(name)} is not a valid mode`);
    if (list.indexOf(name) < i) throw new Error(`${JSON.stringify(name)} is specified more than once`);
  }
  return list as readonly AuthorizationMode[];
}

const everything: readonly PolicyRule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

/** One authorizer of all modes: what one of them allows is allowed, and what Peapod's own components need always is. */
export function authorizerOf(
  modes: readonly AuthorizationMode[],
  graph: NodeGraph | undefined,
  roles: RoleIndex,
): Authorizer {
  const each = modes.flatMap((mode): Authorizer[] => {
    switch (mode) {
      case 'Node':
        return graph === undefined ? [] : [createNodeAuthorizer(graph, nodeRules())];
      case 'RBAC':
        return [createRbacAuthorizer(roles)];
      case 'AlwaysAllow':
        return [createAuthorizer(() => everything)];
      case 'AlwaysDeny':
        return [];
      default:
        return mode satisfies never;
    }
  });
  return anyOf(modes.includes('RBAC') ? each : [createAuthorizer(componentRules), ...each]);
}
