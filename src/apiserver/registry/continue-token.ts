// Continue tokens of chunked lists: where the next page starts and at which revision.
// Follows apiserver pkg/storage/continue.go of v1.36.

import { badRequest } from '../../api/meta/errors.ts';

/** `revision` is -1 for a page that takes the newest state (an inconsistent continuation). */
export interface ContinueToken {
  revision: number;
  /** First key wanted. */
  startKey: string;
}

/** `prefix` is the list's; the token carries the rest of the key. */
export function encodeContinue(token: ContinueToken, prefix: string): string {
  const json = JSON.stringify({ v: 'meta.k8s.io/v1', rv: token.revision, start: token.startKey.slice(prefix.length) });
  return Buffer.from(json).toString('base64url');
}

/** Throws 400 when it is no token of ours. */
export function decodeContinue(text: string, prefix: string): ContinueToken {
  let token: unknown;
  try {
    token = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch (error) {
    throw badRequest(`continue key is not valid: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof token !== 'object' || token === null || !('v' in token) || token.v !== 'meta.k8s.io/v1')
    throw badRequest('continue key is not valid: server does not recognize this encoded version');
  if (!('rv' in token) || typeof token.rv !== 'number' || !Number.isInteger(token.rv) || token.rv === 0)
    throw badRequest('continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (!('start' in token) || typeof token.start !== 'string' || token.start === '')
    throw badRequest('continue key is not valid: encoded start key empty (version meta.k8s.io/v1)');
  return { revision: token.rv, startKey: prefix + token.start };
}
