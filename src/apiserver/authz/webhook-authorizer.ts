// Asks a webhook who may do what, and keeps its answers for a while.
// Follows apiserver plugin/pkg/authorizer/webhook/webhook.go and pkg/util/webhook of v1.36.

import type { SubjectAccessReviewSpec } from '../../api/generated/types.ts';
import type { Logger } from '../../lib/logger.ts';
import { LruMap } from '../../lib/lru-map.ts';
import type { UserInfo } from '../request.ts';
import { isReviewed, type PostReview, reviewExchange, type ReviewExchangeDeps } from '../review-exchange.ts';
import type { AuthorizationRequest } from './authorizer.ts';
import { readVerdict, reviewBody, reviewSpec, type Verdict } from './subject-access-review.ts';

/** A webhook as it is configured. */
export interface AuthorizationWebhook {
  readonly type: 'Webhook';
  name: string;
  /** How long answers are kept, in ms; 0 keeps none. */
  authorizedTtlMs: number;
  unauthorizedTtlMs: number;
  /** What an exchange may take. */
  timeoutMs: number;
  version: 'v1' | 'v1beta1';
  /** What is said of a request where the webhook cannot be asked. */
  failurePolicy: 'NoOpinion' | 'Deny';
  /** Whether the webhook has a say; always where absent. Throws an Error where that cannot be told. */
  concerns?: (spec: SubjectAccessReviewSpec) => boolean;
  post: PostReview;
}

export interface WebhookDeps extends ReviewExchangeDeps {
  logger: Logger;
}

export interface WebhookAuthorizer {
  /** What is known without asking; undefined where it must be asked. */
  known(user: UserInfo, request: AuthorizationRequest): Verdict | undefined;
  /** Never rejects. */
  ask(user: UserInfo, request: AuthorizationRequest): Promise<Verdict>;
}

const maxAnswers = 8192;
/** Characters of a request's own words; longer ones are not kept, lest they fill the memory. */
const maxKept = 10_000;

const noOpinion: Verdict = { allowed: false, denied: false, reason: '' };

const lengthOf = ({ namespace, verb, group, version = '', resource, subresource, name, path }: AuthorizationRequest) =>
  [namespace, verb, group, version, resource, subresource, name, path].join('').length;

const lengthOfSelectors = ({ fieldSelector = [], labelSelector = '' }: AuthorizationRequest): number =>
  labelSelector.length + fieldSelector.reduce((sum, { field, value }) => sum + field.length + value.length, 0);

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function createWebhookAuthorizer(hook: AuthorizationWebhook, deps: WebhookDeps): WebhookAuthorizer {
  const { clock, logger } = deps;
  const post = reviewExchange(hook, deps);
  const answers = new LruMap<string, { verdict: Verdict; until: number }>(maxAnswers);
  /** Questions that are being asked: the same one is not asked twice at a time. */
  const asking = new Map<string, Promise<Verdict>>();
  const failed = (why: string): Verdict => {
    logger.error('an authorization webhook could not be asked', { webhook: hook.name, error: why });
    return { allowed: false, denied: hook.failurePolicy === 'Deny', reason: '', error: why };
  };
  const exchange = async (spec: SubjectAccessReviewSpec): Promise<Verdict> => {
    const answer = await post(reviewBody(hook.version, spec));
    if (isReviewed(answer)) return readVerdict(hook.version, answer.body);
    throw new Error(`the webhook ${JSON.stringify(hook.name)} answered with the status code ${answer.status}`);
  };
  const keep = (key: string, request: AuthorizationRequest, verdict: Verdict): void => {
    const ttl = verdict.allowed ? hook.authorizedTtlMs : hook.unauthorizedTtlMs;
    const isShort = lengthOf(request) + lengthOfSelectors(request) < maxKept;
    if (ttl > 0 && isShort) answers.set(key, { verdict, until: clock.monotonic() + ttl });
  };
  const kept = (key: string): Verdict | undefined => {
    const found = answers.get(key);
    return found !== undefined && found.until > clock.monotonic() ? found.verdict : undefined;
  };
  /** Undefined where it has a say, and else what counts instead. */
  const withoutSay = (spec: SubjectAccessReviewSpec): Verdict | undefined => {
    try {
      return hook.concerns === undefined || hook.concerns(spec) ? undefined : noOpinion;
    } catch (error) {
      return failed(text(error));
    }
  };
  const askAnew = async (key: string, spec: SubjectAccessReviewSpec, request: AuthorizationRequest) => {
    try {
      const verdict = await exchange(spec);
      keep(key, request, verdict);
      return verdict;
    } catch (error) {
      return failed(text(error));
    }
  };
  return {
    known(user, request) {
      const spec = reviewSpec(user, request);
      return withoutSay(spec) ?? kept(JSON.stringify(spec));
    },
    async ask(user, request) {
      const spec = reviewSpec(user, request);
      const key = JSON.stringify(spec);
      const verdict = withoutSay(spec) ?? kept(key);
      if (verdict !== undefined) return verdict;
      const running = asking.get(key) ?? askAnew(key, spec, request).finally(() => asking.delete(key));
      asking.set(key, running);
      return running;
    },
  };
}
