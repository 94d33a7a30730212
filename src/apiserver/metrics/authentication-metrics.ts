// Counts who sends requests, and how long it takes to find that out.
// Follows apiserver pkg/endpoints/filters/metrics.go of v1.36.

import { ApiError } from '../../api/meta/errors.ts';
import { exponentialBuckets, type Registry } from '../../lib/metrics-registry.ts';
import { bearerToken, type Sender } from '../authn/identify.ts';
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

/** The same, with each answer counted. `monotonic` in ms. */
export function meteredIdentify(
  registry: Registry,
  monotonic: () => number,
  identify: (sender: Sender) => Promise<UserInfo>,
): (sender: Sender) => Promise<UserInfo> {
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
  const result = (name: string) => ({ attempts: attempts.series(name), duration: durations.series(name) });
  const [success, failure, error] = [result('success'), result('failure'), result('error')];
  const others = users.series('other');
  const end = (how: typeof success, started: number): void => {
    how.attempts.value++;
    how.duration.observe((monotonic() - started) / 1000);
  };
  return async (sender) => {
    const started = monotonic();
    try {
      const user = await identify(sender);
      end(success, started);
      const name = shortName(user.name);
      (name === 'other' ? others : users.series(name)).value++;
      return user;
    } catch (thrown) {
      // Nobody tried to say who it is, or what was said does not hold.
      const isNobody = thrown instanceof ApiError && thrown.code === 401 && bearerToken(sender.headers) === undefined;
      end(isNobody ? failure : error, started);
      throw thrown;
    }
  };
}
