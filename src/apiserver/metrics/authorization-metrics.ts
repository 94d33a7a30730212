// Counts who decided what may be done. Follows apiserver pkg/authorization/metrics of v1.36.

import { exponentialBuckets, type Registry, type Value } from '../../lib/metrics-registry.ts';

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

/** What came of asking whether a request may be done. */
export type AuthorizationResult = 'allowed' | 'denied' | 'no-opinion' | 'error';

/** Counts requests by what came of that, with the time it took. */
export interface AuthorizationAttempts {
  /** In ms, of no certain beginning. */
  begin(): number;
  end(result: AuthorizationResult, began: number): void;
}

/** `monotonic` in ms. */
export function authorizationAttempts(registry: Registry, monotonic: () => number): AuthorizationAttempts {
  const attempts = registry.family(
    'counter',
    'authorization_attempts_total',
    '[ALPHA] Requests, by whether they may be done.',
    ['result'],
  );
  const durations = registry.histogram(
    'authorization_duration_seconds',
    '[ALPHA] Time until it was known whether a request may be done, in seconds.',
    ['result'],
    exponentialBuckets(0.001, 2, 15),
  );
  const of = (result: AuthorizationResult) => {
    let made: { count: Value; duration: { observe(value: number): void } } | undefined;
    return () => (made ??= { count: attempts.series(result), duration: durations.series(result) });
  };
  const by = { allowed: of('allowed'), denied: of('denied'), 'no-opinion': of('no-opinion'), error: of('error') };
  return {
    begin: monotonic,
    end(result, began) {
      const { count, duration } = by[result]();
      count.value++;
      duration.observe((monotonic() - began) / 1000);
    },
  };
}
