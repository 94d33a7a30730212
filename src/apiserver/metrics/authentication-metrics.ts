// Counts who sends requests, and how long it takes to find that out.
// Follows apiserver pkg/endpoints/filters/metrics.go of v1.36.

import { ApiError } from '../../api/meta/errors.ts';
import { exponentialBuckets, type Registry } from '../../lib/metrics-registry.ts';
import { bearerToken, type Identify, type Sender } from '../authn/identify.ts';
import type { UserInfo } from '../request.ts';

const named: ReadonlySet<string> = new Set([
  'admin',
  'client',
  'kube_proxy',
  'kubelet',
  'system:serviceaccount:kube-system:default',
]);

/** One of few names, so that users can neither be told apart nor make up series. */
function shortName(name: string): string {
  if (named.has(name)) return name;
  return name.includes('@') ? 'email_id' : 'other';
}

/** Upper bounds of what is left of a certificate, in seconds: from 30 minutes to a year. */
const remaining = [
  0, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 345600, 604800, 2592000, 7776000, 15552000, 31104000,
];

/** The same, with each answer counted. `monotonic` and `now` in ms. */
export function meteredIdentify(
  registry: Registry,
  monotonic: () => number,
  now: () => number,
  identify: Identify,
): Identify {
  const users = registry.family('counter', 'authenticated_user_requests', '[ALPHA] Requests by kind of user.', [
    'username',
  ]);
  const attempts = registry.family(
    'counter',
    'authentication_attempts',
    '[ALPHA] Requests, by whether their sender is known.',
    ['result'],
  );
  const durations = registry.histogram(
    'authentication_duration_seconds',
    '[ALPHA] Time until it was known who sends a request, in seconds.',
    ['result'],
    exponentialBuckets(0.001, 2, 15),
  );
  const certificates = registry
    .histogram(
      'apiserver_client_certificate_expiration_seconds',
      '[ALPHA] How long the certificates that requests come with are good for, in seconds.',
      [],
      remaining,
    )
    .series();
  const result = (name: string) => ({ attempts: attempts.series(name), duration: durations.series(name) });
  const [success, failure, error] = [result('success'), result('failure'), result('error')];
  const byName = new Map([['other', users.series('other')]]);
  const countUser = (name: string): void => {
    let counter = byName.get(name);
    if (counter === undefined) {
      counter = users.series(name);
      byName.set(name, counter);
    }
    counter.value++;
  };
  const end = (how: typeof success, started: number): void => {
    how.attempts.value++;
    how.duration.observe((monotonic() - started) / 1000);
  };
  const succeeded = (user: UserInfo, started: number): UserInfo => {
    end(success, started);
    countUser(shortName(user.name));
    return user;
  };
  const failed = (thrown: unknown, sender: Sender, started: number): never => {
    // Nobody tried to say who it is, or what was said does not hold.
    const isNobody = thrown instanceof ApiError && thrown.code === 401 && bearerToken(sender.headers) === undefined;
    end(isNobody ? failure : error, started);
    throw thrown;
  };
  return (sender) => {
    const started = monotonic();
    const { expires } = sender.peer;
    if (expires !== undefined) certificates.observe((expires - now()) / 1000);
    let user: UserInfo | Promise<UserInfo>;
    try {
      user = identify(sender);
    } catch (thrown) {
      return failed(thrown, sender, started);
    }
    if (!(user instanceof Promise)) return succeeded(user, started);
    return user.then(
      (known) => succeeded(known, started),
      (thrown: unknown) => failed(thrown, sender, started),
    );
  };
}
