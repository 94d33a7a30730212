// Who decides what may be done: the rules that were given, or the modes that are configured, over roles and nodes as they are stored.

import { type Authorizer, createAuthorizer } from '../authz/authorizer.ts';
import { authorizerOf, defaultModes } from '../authz/modes.ts';
import { createNodeGraph } from '../authz/node-graph.ts';
import { createRoleIndex, type RoleIndex } from '../authz/role-index.ts';
import { authorizationMetrics } from '../metrics/authorization-metrics.ts';
import type { Foundation } from './foundation.ts';

export interface Authorization {
  authorizer: Authorizer;
  /** Absent where the group of roles is turned off. */
  roles: RoleIndex | undefined;
}

export function createAuthorization(foundation: Foundation): Authorization {
  const { options, resources, feed, gates, clock, random, logger, closing, measured } = foundation;
  const roles = createRoleIndex(resources, feed);
  const pods = resources.find('', 'v1', 'pods');
  const graph = pods && createNodeGraph(feed, pods, resources.find('', 'v1', 'persistentvolumes'));
  if (options.rules !== undefined) return { authorizer: createAuthorizer(options.rules), roles };
  const authorizer = authorizerOf(options.authorization ?? (() => defaultModes), {
    graph,
    roles,
    gates,
    webhooks: { clock, random, logger, signal: closing.signal },
    decisions: authorizationMetrics(measured),
  });
  return { authorizer, roles };
}
