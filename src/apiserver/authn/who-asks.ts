// In whose name a request is carried out: its sender, or whom the sender acts as.

import { impersonator, wantedUser } from '../authz/impersonate.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import { withDecisions } from '../authz/decided.ts';
import { requestInfo } from '../request-info.ts';
import type { UserInfo } from '../request.ts';
import type { Sender } from './identify.ts';

/** A request before it is known who sends it. */
export interface Caller extends Sender {
  method: string;
  query: URLSearchParams;
}

/** `caughtUp` resolves once the authorizer knows every acknowledged write: a refusal is given on the newest roles only. */
export function createWhoAsks(
  identify: (sender: Sender) => Promise<UserInfo>,
  authorizer: Authorizer,
  caughtUp: () => Promise<void>,
): (caller: Caller) => Promise<UserInfo> {
  const impersonate = impersonator();
  return async (caller) => {
    const user = await identify(caller);
    const wanted = wantedUser(caller.headers);
    if (wanted === undefined) return user;
    const info = requestInfo(caller.method, caller.path, caller.query);
    const act = (by: Authorizer): UserInfo => impersonate(by, user, wanted, info);
    try {
      return act(authorizer);
    } catch {
      await caughtUp();
      return withDecisions(authorizer, act);
    }
  };
}
