// Questions to authorizers that may have to ask somebody else, such as a webhook, before they know.

import { byFilter, forbidden } from '../../api/meta/errors.ts';
import type { AuthorizationResult } from '../metrics/authorization-metrics.ts';
import type { UserInfo } from '../request.ts';
import { type AuthorizationRequest, type Authorizer, type Decided, deniedText, isPath } from './authorizer.ts';

/** The last word on a question. `caughtUp` resolves once roles are as of every acknowledged write: a refusal is given on the newest only. */
export async function decided(
  authorizer: Authorizer,
  caughtUp: () => Promise<void>,
  user: UserInfo,
  request: AuthorizationRequest,
): Promise<Decided> {
  let allowed = authorizer.allowed(user, request);
  if (!allowed) {
    await caughtUp();
    if (authorizer.decide !== undefined) return authorizer.decide(user, request);
    allowed = authorizer.allowed(user, request);
  }
  return { allowed, reason: (allowed ? authorizer.why : authorizer.whyNot)?.(user, request) ?? '' };
}

/** Rejects with 403 in upstream's words, and with an Error where it could not be found out. `observe` is told what came of it first. */
export async function authorize(
  authorizer: Authorizer,
  caughtUp: () => Promise<void>,
  user: UserInfo,
  info: AuthorizationRequest,
  observe: (result: AuthorizationResult) => void = () => {},
): Promise<void> {
  const { allowed, denied, reason, error } = await decided(authorizer, caughtUp, user, info);
  observe(allowed ? 'allowed' : error !== undefined ? 'error' : denied === true ? 'denied' : 'no-opinion');
  if (allowed) return;
  if (error !== undefined) throw new Error(error);
  const why = deniedText(user, info, reason);
  throw byFilter(forbidden({ group: info.group, resource: info.resource }, isPath(info) ? '' : info.name, why));
}

/** More questions than any one decision has. */
const maxRounds = 100;

const keyOf = (user: UserInfo, request: AuthorizationRequest): string => JSON.stringify([user, request]);

/**
 * Runs what asks an authorizer at once, and runs it again with the answers where somebody had to be asked first. What `run` does
 * beside asking must bear repetition. Gives or throws what the last run did.
 */
export async function withDecisions<T>(authorizer: Authorizer, run: (authorizer: Authorizer) => T): Promise<T> {
  const { decide } = authorizer;
  if (decide === undefined) return run(authorizer);
  const known = new Map<string, Decided>();
  for (let round = 0; ; round++) {
    const open = new Map<string, () => Promise<Decided>>();
    const asking: Authorizer = {
      ...authorizer,
      allowed(user, request) {
        const key = keyOf(user, request);
        const answer = known.get(key);
        if (answer !== undefined) return answer.allowed;
        if (authorizer.allowed(user, request)) return true;
        open.set(key, () => decide(user, request));
        return false;
      },
      whyNot: (user, request) => known.get(keyOf(user, request))?.reason ?? authorizer.whyNot?.(user, request) ?? '',
    };
    const result = attempt(() => run(asking));
    if (open.size === 0 || round === maxRounds) return result();
    for (const [key, answer] of open) known.set(key, await answer());
  }
}

/** What a function gave or threw, to be given or thrown later. */
function attempt<T>(run: () => T): () => T {
  try {
    const value = run();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
