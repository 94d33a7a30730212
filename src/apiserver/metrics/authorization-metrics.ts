// Counts who decided what may be done. Follows apiserver pkg/authorization/metrics of v1.36.

import type { Registry, Value } from '../../lib/metrics-registry.ts';

/** The last words of one authorizer; having no opinion is none. */
export interface Decisions {
  readonly allowed: Value;
  readonly denied: Value;
}

/** By an authorizer's type (RBAC) and name (rbac). */
export type DecisionMetrics = (type: string, name: string) => Decisions;

/** Names come from the server's configuration. */
export function authorizationMetrics(registry: Registry): DecisionMetrics {
  const total = registry.family(
    'counter',
    'apiserver_authorization_decisions_total',
    '[ALPHA] Last words of authorizers.',
    ['type', 'name', 'decision'],
  );
  return (type, name) => ({ allowed: total.series(type, name, 'allowed'), denied: total.series(type, name, 'denied') });
}
