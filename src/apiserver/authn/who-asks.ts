// In whose name a request is carried out: its sender, or whom the sender acts as.

import { impersonator, type WantedUser, wantedUser } from '../authz/impersonate.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import { withDecisions } from '../authz/decided.ts';
import { requestInfo } from '../request-info.ts';
import type { UserInfo } from '../request.ts';
import type { Identify, Sender } from './identify.ts';

/** A request before it is known who sends it. */
export interface Caller extends Sender {
  method: string;
  query: URLSearchParams;
}

/** Whom a request comes from, or whom its sender acts as: at once where nobody has to be asked. Throws or rejects with 400, 401, 403. */
export type WhoAsks = (caller: Caller) => UserInfo | Promise<UserInfo>;

/** `caughtUp` resolves once the authorizer knows every acknowledged write: a refusal is given on the newest roles only. */
export function createWhoAsks(identify: Identify, authorizer: Authorizer, caughtUp: () => Promise<void>): WhoAsks {
  const impersonate = impersonator();
  const actingAs = async (user: UserInfo, wanted: WantedUser, caller: Caller): Promise<UserInfo> => {
    const info = requestInfo(caller.method, caller.path, caller.query);
    const act = (by: Authorizer): UserInfo => impersonate(by, user, wanted, info);
    try {
      return act(authorizer);
    } catch {
      await caughtUp();
      return withDecisions(authorizer, act);
    }
  };
  const asWanted = (user: UserInfo, caller: Caller): UserInfo | Promise<UserInfo> => {
    const wanted = wantedUser(caller.headers);
    return wanted === undefined ? user : actingAs(user, wanted, caller);
  };
  return (caller) => {
    const user = identify(caller);
    return user instanceof Promise ? user.then((known) => asWanted(known, caller)) : asWanted(user, caller);
  };
}
