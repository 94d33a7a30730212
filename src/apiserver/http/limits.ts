// How many requests are served at once, and how long each may take.
// Follows apiserver pkg/server/filters/maxinflight.go, pkg/server/filters/timeout.go, pkg/endpoints/filters/request_deadline.go
// and cmd/kube-apiserver's defaults of v1.36.

import { badRequest } from '../../api/meta/errors.ts';
import { goQuote, parseGoDuration } from '../../api/meta/go-format.ts';
import type { RequestInfo } from '../request-info.ts';
import type { UserInfo } from '../request.ts';

/** As the options of kube-apiserver have it; 0 is no limit. */
export interface RequestLimits {
  /** --max-requests-inflight: gets, lists and the like. */
  maxRequestsInFlight: number;
  /** --max-mutating-requests-inflight */
  maxMutatingRequestsInFlight: number;
  /** --request-timeout, in ms. */
  requestTimeoutMs: number;
  /** --min-request-timeout, in ms: watches that name no time last that long to twice as long. */
  minRequestTimeoutMs: number;
}

export const defaultLimits: RequestLimits = {
  maxRequestsInFlight: 400,
  maxMutatingRequestsInFlight: 200,
  requestTimeoutMs: 60_000,
  minRequestTimeoutMs: 1_800_000,
};

const longVerbs: ReadonlySet<string> = new Set(['watch', 'proxy']);
const longSubresources: ReadonlySet<string> = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);
const reads: ReadonlySet<string> = new Set(['get', 'list', 'watch']);

/** Whether a request goes on until somebody ends it: neither counted nor timed. */
export const isLongRunning = ({ isResource, verb, subresource, path }: RequestInfo): boolean =>
  isResource ? longVerbs.has(verb) || longSubresources.has(subresource) : path.startsWith('/debug/pprof/');

export interface InFlight {
  readonly mutating: number;
  readonly readOnly: number;
  /** Takes a place and gives what leaves it; undefined where there is none. */
  enter(info: RequestInfo, user: UserInfo): (() => void) | undefined;
}

const nothing = (): void => {};

/** Administrators are always let in: somebody must be able to mend what fills the server. */
export function inFlight({ maxRequestsInFlight, maxMutatingRequestsInFlight }: RequestLimits): InFlight {
  let mutating = 0;
  let readOnly = 0;
  const leaveMutating = (): void => void mutating--;
  const leaveReadOnly = (): void => void readOnly--;
  const isFull = (now: number, max: number): boolean => max > 0 && now >= max;
  return {
    get mutating() {
      return mutating;
    },
    get readOnly() {
      return readOnly;
    },
    enter(info, user) {
      if (isLongRunning(info)) return nothing;
      const isRead = reads.has(info.verb);
      const full = isRead ? isFull(readOnly, maxRequestsInFlight) : isFull(mutating, maxMutatingRequestsInFlight);
      if (full && !user.groups.includes('system:masters')) return undefined;
      if (isRead) readOnly++;
      else mutating++;
      return isRead ? leaveReadOnly : leaveMutating;
    },
  };
}

/** How long a request may take in ms: ?timeout= where it is shorter than the server's own. Throws 400. */
export function timeoutOf(query: URLSearchParams, { requestTimeoutMs }: RequestLimits): number {
  const wanted = query.get('timeout');
  if (wanted === null || wanted === '') return requestTimeoutMs;
  const ms = parseGoDuration(wanted);
  if (ms === undefined)
    throw badRequest(`invalid timeout specified in the request URL - time: invalid duration ${goQuote(wanted)}`);
  return ms > 0 && (requestTimeoutMs === 0 || ms < requestTimeoutMs) ? ms : requestTimeoutMs;
}
