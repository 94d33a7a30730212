// The plugin EventRateLimit: events come no faster than its configuration lets them, in all, by namespace, by user, or by source.
// Follows plugin/pkg/admission/eventratelimit of v1.36.

import type { Event } from '../../api/generated/types.ts';
import { tooManyRequests } from '../../api/meta/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { LruMap } from '../../lib/lru-map.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';
import { type AdmissionAttributes, type AdmissionPlugin, isResource } from './admission.ts';

/** One limit: `qps` a second after `burst` at once, for each of the `cacheSize` last keys of that type. */
export interface EventLimit {
  type: 'Server' | 'Namespace' | 'User' | 'SourceAndObject';
  qps: number;
  burst: number;
  cacheSize?: number;
}

const defaultCacheSize = 4096;

function keyOf(type: EventLimit['type'], at: AdmissionAttributes): string {
  switch (type) {
    case 'Server':
      return '';
    case 'Namespace':
      return at.namespace;
    case 'User':
      return at.user.name;
    case 'SourceAndObject': {
      const { source, involvedObject: about } = at.object as Event;
      return [source?.component, source?.host, about.kind, about.namespace, about.name, about.uid, about.apiVersion]
        .map((part) => part ?? '')
        .join('');
    }
    default:
      return type satisfies never;
  }
}

export function eventRateLimit(clock: Clock, limits: readonly EventLimit[]): AdmissionPlugin {
  const enforcers = limits.map((limit) => ({
    ...limit,
    buckets: new LruMap<string, TokenBucket>(limit.type === 'Server' ? 1 : (limit.cacheSize ?? defaultCacheSize)),
  }));
  return {
    name: 'EventRateLimit',
    validate(at) {
      if ((at.operation !== 'CREATE' && at.operation !== 'UPDATE') || at.dryRun || !isResource(at, '', 'events'))
        return;
      const refused = enforcers.flatMap(({ type, qps, burst, buckets }) => {
        const key = keyOf(type, at);
        const bucket = buckets.get(key) ?? new TokenBucket(clock, qps, burst);
        buckets.set(key, bucket);
        return bucket.tryTake() ? [] : [`limit reached on type ${type} for key ${key}`];
      });
      if (refused.length > 0)
        throw tooManyRequests(refused.length === 1 ? (refused[0] ?? '') : `[${refused.join(', ')}]`, 0);
    },
  };
}
