// Counts requests, how long they take, and those that go on and on.
// Follows apiserver pkg/endpoints/metrics/metrics.go of v1.36 in names, labels and buckets.

import type { RequestInfo } from '../request-info.ts';
import { exponentialBuckets, type Histogram, type Registry, type Value } from '../../lib/metrics-registry.ts';

/** Upper bounds in seconds. */
const seconds = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

/** Upper bounds in seconds of the time without webhooks. */
const sliSeconds = seconds.slice(2);

const labels = ['verb', 'group', 'version', 'resource', 'subresource', 'scope', 'component'];
const component = 'apiserver';

/** A finished request. */
export interface Finished {
  info: RequestInfo | undefined;
  isDryRun: boolean;
  isApply: boolean;
  code: number;
  /** How long it took; watches and the like until they ended. */
  ms: number;
  /** How long of that webhooks took. */
  webhooksMs: number;
  /** Bytes of the answer's body; undefined where it was not sent as bytes. */
  sentBytes: number | undefined;
  /** Whether the API server itself sent it. */
  isOwn: boolean;
}

export interface RequestMetrics {
  finished(request: Finished): void;
  /** A request that goes on until somebody ends it; the result is called when that was done. */
  longRunning(info: RequestInfo): () => void;
  /** A request that was refused because there were too many, or that took too long. */
  terminated(info: RequestInfo | undefined, code: number): void;
  /** Events that watches of the kind were sent. */
  watchEvents(kind: { group: string; version: string; resource: string }): Value;
  /** A connection whose TLS did not come about. */
  handshakeFailed(): void;
}

/** Subresources by which a client is connected with something else. */
const connects: ReadonlySet<string> = new Set(['exec', 'attach', 'portforward', 'proxy']);

const methods: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
  post: 'POST',
  put: 'PUT',
};

/** Paths of no resource that have series of their own: clients cannot make up more. */
const known: ReadonlySet<string> = new Set([
  '/api',
  '/apis',
  '/healthz',
  '/livez',
  '/readyz',
  '/metrics',
  '/metrics/slis',
  '/openapi/v2',
  '/openapi/v3',
  '/version',
]);

/** All counters of requests of one shape, found without making anything once they are there. */
interface Shape {
  below: Map<string, Shape>;
  duration?: Histogram;
  sli?: Histogram;
  sizes?: Histogram;
  own?: Value;
  codes: Map<number, Value>;
}

const newShape = (): Shape => ({ below: new Map(), codes: new Map() });

function down(shape: Shape, key: string): Shape {
  let next = shape.below.get(key);
  if (next === undefined) {
    next = newShape();
    shape.below.set(key, next);
  }
  return next;
}

function scopeOf(info: RequestInfo): string {
  if (info.name !== '' || info.verb === 'create') return 'resource';
  return info.namespace === '' ? 'cluster' : 'namespace';
}

/** Label values come from a closed set (verbs and what is served), so that a client cannot make up series. */
export function requestMetrics(
  registry: Registry,
  isServed: (group: string, version: string, resource: string, subresource: string) => boolean,
  isDeprecated: (group: string, version: string, resource: string) => boolean = () => false,
): RequestMetrics {
  const total = registry.family('counter', 'apiserver_request_total', '[STABLE] Requests answered.', [
    'verb',
    'dry_run',
    ...labels.slice(1),
    'code',
  ]);
  const duration = registry.histogram(
    'apiserver_request_duration_seconds',
    '[STABLE] Time until the answer was sent, in seconds.',
    ['verb', 'dry_run', ...labels.slice(1)],
    seconds,
  );
  const sli = registry.histogram(
    'apiserver_request_sli_duration_seconds',
    '[ALPHA] Time until the answer was sent without the time of webhooks, in seconds.',
    labels,
    sliSeconds,
  );
  const sizes = registry.histogram(
    'apiserver_response_sizes',
    '[STABLE] Bytes of the answers to reads.',
    labels,
    exponentialBuckets(1000, 10, 7),
  );
  const own = registry.family(
    'counter',
    'apiserver_selfrequest_total',
    '[ALPHA] Requests of the API server to itself.',
    ['verb', 'group', 'resource', 'subresource'],
  );
  const going = registry.family(
    'gauge',
    'apiserver_longrunning_requests',
    '[STABLE] Requests that go on until somebody ends them.',
    labels,
  );
  const ended = registry.family('counter', 'apiserver_request_terminations_total', '[ALPHA] Requests given up.', [
    'code',
    'component',
    ...labels.slice(1, -1),
    'verb',
  ]);
  const events = registry.family('counter', 'apiserver_watch_events_total', '[ALPHA] Events that watches were sent.', [
    'group',
    'version',
    'resource',
  ]);
  const deprecated = registry.family(
    'gauge',
    'apiserver_requested_deprecated_apis',
    '[STABLE] Which deprecated versions of an API somebody has asked for.',
    ['group', 'version', 'resource', 'subresource', 'removed_release'],
  );
  const handshakes = registry.family(
    'counter',
    'apiserver_tls_handshake_errors_total',
    '[ALPHA] Connections that came to nothing, for TLS was not agreed on.',
    [],
  );
  const failedHandshakes = handshakes.series();
  const root = newShape();

  /** Labels of group, version, resource, subresource and scope. */
  const place = (info: RequestInfo | undefined): readonly [string, string, string, string, string] => {
    if (info === undefined) return ['', '', '', '', ''];
    if (!info.isResource) return ['', '', '', known.has(info.path) ? info.path : '', ''];
    if (!isServed(info.group, info.version, info.resource, info.subresource)) return ['', '', '', '', ''];
    return [info.group, info.version, info.resource, info.subresource, scopeOf(info)];
  };
  const verbOf = (info: RequestInfo | undefined, isApply: boolean): string => {
    if (info === undefined) return 'OTHER';
    if (info.verb === 'patch' && isApply) return 'APPLY';
    if (info.isResource && connects.has(info.subresource)) return 'CONNECT';
    return methods[info.verb] ?? 'OTHER';
  };
  return {
    watchEvents: ({ group, version, resource }) => events.series(group, version, resource),
    handshakeFailed: () => void failedHandshakes.value++,
    finished({ info, isDryRun, isApply, code, ms, webhooksMs, sentBytes, isOwn }) {
      const verb = verbOf(info, isApply);
      const dryRun = isDryRun ? 'All' : '';
      const [group, version, resource, subresource, scope] = place(info);
      let shape = down(down(down(root, verb), resource), group);
      shape = down(down(down(down(shape, version), subresource), scope), dryRun);
      let counter = shape.codes.get(code);
      if (counter === undefined) {
        const at = [group, version, resource, subresource, scope, component];
        counter = total.series(verb, dryRun, ...at, String(code));
        shape.codes.set(code, counter);
        if (isDeprecated(group, version, resource))
          deprecated.series(group, version, resource, subresource, '').value = 1;
        shape.duration ??= duration.series(verb, dryRun, ...at);
        shape.sli ??= sli.series(verb, ...at);
      }
      counter.value++;
      shape.duration?.observe(ms / 1000);
      shape.sli?.observe((ms - webhooksMs) / 1000);
      if (sentBytes !== undefined && (verb === 'GET' || verb === 'LIST')) {
        shape.sizes ??= sizes.series(verb, group, version, resource, subresource, scope, component);
        shape.sizes.observe(sentBytes);
      }
      if (isOwn) (shape.own ??= own.series(verb, group, resource, subresource)).value++;
    },
    longRunning(info) {
      const gauge = going.series(verbOf(info, false), ...place(info), component);
      gauge.value++;
      return () => void gauge.value--;
    },
    terminated(info, code) {
      ended.series(String(code), component, ...place(info), verbOf(info, false)).value++;
    },
  };
}
