// Asks a webhook whose token it is, and keeps its answers for a while.
// Follows apiserver plugin/pkg/authenticator/token/webhook and pkg/authentication/token/cache of v1.36.

import { createHash } from 'node:crypto';
import type { Logger } from '../../lib/logger.ts';
import { LruMap } from '../../lib/lru-map.ts';
import { type PostReview, reviewExchange, type ReviewExchangeDeps, reviewStatus } from '../review-exchange.ts';
import type { UserInfo } from '../request.ts';
import { type KnownToken, type TokenAuthenticator, TokenError } from './authenticator.ts';

/** The webhook as it is configured. */
export interface TokenWebhook {
  post: PostReview;
  /** Of the TokenReview that it is sent, and has to answer with. */
  version: 'v1' | 'v1beta1';
  /** How long answers are kept, in ms; 0 keeps none. */
  cacheTtlMs: number;
}

export interface TokenWebhookDeps extends ReviewExchangeDeps {
  logger: Logger;
  /** The API server's own audiences: what a token is for where the webhook does not say. */
  audiences: readonly string[];
}

/** What one exchange may take. */
const timeoutMs = 30_000;
const maxAnswers = 4096;

const isText = (value: unknown): value is string => typeof value === 'string';
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);

/** A field of that type; `usual` where it is absent or null. Throws an Error for another type. */
function field<T>(from: Record<string, unknown>, name: string, is: (value: unknown) => value is T, usual: T): T {
  const value = from[name] ?? usual;
  if (is(value)) return value;
  throw new Error(`the webhook's answer has a field ${name} of a wrong type`);
}

const isFlag = (value: unknown): value is boolean => typeof value === 'boolean';
const isFields = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function userOf(status: Record<string, unknown>): UserInfo {
  const user = field(status, 'user', isFields, {});
  const [uid, extra] = [field(user, 'uid', isText, ''), field(user, 'extra', isFields, {})];
  const values = Object.fromEntries(Object.keys(extra).map((key) => [key, field(extra, key, isTexts, [])]));
  return {
    name: field(user, 'username', isText, ''),
    groups: field(user, 'groups', isTexts, []),
    ...(uid === '' ? {} : { uid }),
    ...(Object.keys(values).length === 0 ? {} : { extra: values }),
  };
}

/** What the answer comes to. Throws TokenError where the webhook says why the token does not hold, and an Error on another answer. */
function judge(
  status: Record<string, unknown>,
  wanted: readonly string[],
  own: readonly string[],
): KnownToken | undefined {
  const said = field(status, 'audiences', isTexts, []);
  const got = said.length > 0 ? said : own;
  const audiences = wanted.filter((audience) => got.includes(audience));
  if (audiences.length === 0) return undefined;
  if (field(status, 'authenticated', isFlag, false)) return { user: userOf(status), audiences };
  const why = field(status, 'error', isText, '');
  if (why !== '') throw new TokenError(why);
  return undefined;
}

/** The tokens that the webhook knows. Those of its answers that are no errors are kept, by a digest of the token. */
export function webhookTokens(hook: TokenWebhook, deps: TokenWebhookDeps): TokenAuthenticator {
  const { clock, logger } = deps;
  const apiVersion = `authentication.k8s.io/${hook.version}`;
  const exchange = reviewExchange({ post: hook.post, timeoutMs }, deps);
  const answers = new LruMap<string, { known: KnownToken | undefined; until: number }>(maxAnswers);
  /** Questions that are being asked: the same one is not asked twice at a time. */
  const asking = new Map<string, Promise<KnownToken | undefined>>();
  const ask = async (key: string, token: string, audiences: readonly string[]): Promise<KnownToken | undefined> => {
    const review = { kind: 'TokenReview', apiVersion, metadata: {}, spec: { token, audiences }, status: { user: {} } };
    try {
      const answer = await exchange(Buffer.from(JSON.stringify(review)));
      const known = judge(reviewStatus(answer, 'TokenReview', apiVersion), audiences, deps.audiences);
      if (hook.cacheTtlMs > 0) answers.set(key, { known, until: clock.monotonic() + hook.cacheTtlMs });
      return known;
    } catch (error) {
      if (error instanceof TokenError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      logger.error('the authentication webhook could not be asked', { error: why });
      throw new TokenError(why);
    }
  };
  return {
    authenticate(token, audiences) {
      const key = createHash('sha256')
        .update(JSON.stringify([token, audiences]))
        .digest('base64');
      const kept = answers.get(key);
      if (kept !== undefined && kept.until > clock.monotonic()) return Promise.resolve(kept.known);
      const running = asking.get(key) ?? ask(key, token, audiences).finally(() => asking.delete(key));
      asking.set(key, running);
      return running;
    },
  };
}
