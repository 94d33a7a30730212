// Acting as someone else: the user that Impersonate-* headers name, where the client may.
// Follows apiserver pkg/endpoints/filters/impersonation and pkg/authentication/serviceaccount/util.go of v1.36.

import { forbidden, internalError } from '../../api/meta/errors.ts';
import type { RequestHeaders, UserInfo } from '../request.ts';
import { type AuthorizationRequest, type Authorizer, deniedText } from './authorizer.ts';

const extraPrefix = 'impersonate-extra-';
const serviceAccountPrefix = 'system:serviceaccount:';

function valuesOf(headers: RequestHeaders, name: string): string[] {
  const value = headers[name] ?? [];
  return (typeof value === 'string' ? value.split(',') : value).map((v) => v.trim()).filter((v) => v !== '');
}

function single(headers: RequestHeaders, name: string): string {
  const value = headers[name];
  return (typeof value === 'string' ? value : value?.[0]) ?? '';
}

/** Key to values of Impersonate-Extra-KEY, whose key is percent-encoded. */
function extraOf(headers: RequestHeaders): Record<string, string[]> {
  const extra: Record<string, string[]> = {};
  for (const name of Object.keys(headers)) {
    if (!name.startsWith(extraPrefix)) continue;
    const key = name.slice(extraPrefix.length);
    extra[decoded(key)] = valuesOf(headers, name);
  }
  return extra;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The user that a request acts as: `user` itself without Impersonate headers. Throws 403 when the user may not impersonate the named
 * user or one of the groups, the uid or the extra values, and 500 (as upstream) when those come without a user to be.
 */
export function actingUser(authorizer: Authorizer, user: UserInfo, headers: RequestHeaders): UserInfo {
  const name = single(headers, 'impersonate-user');
  const asked = name !== '' || Object.keys(headers).some((header) => header.startsWith('impersonate-'));
  if (!asked) return user;
  const groups = valuesOf(headers, 'impersonate-group');
  const uid = single(headers, 'impersonate-uid');
  const extra = extraOf(headers);
  if (name === '') {
    if (groups.length === 0 && uid === '' && Object.keys(extra).length === 0) return user;
    throw internalError('requested groups, uid or extra values without impersonating a user');
  }
  const [namespace, account] = serviceAccountOf(name);
  check(
    authorizer,
    user,
    account === undefined ? { resource: 'users', name } : { resource: 'serviceaccounts', namespace, name: account },
  );
  for (const group of groups) check(authorizer, user, { resource: 'groups', name: group });
  const group = 'authentication.k8s.io';
  for (const [key, values] of Object.entries(extra))
    for (const value of values)
      check(authorizer, user, { group, resource: 'userextras', subresource: key, name: value });
  if (uid !== '') check(authorizer, user, { group, resource: 'uids', name: uid });
  return {
    name,
    groups: groupsOf(name, groups, account === undefined ? undefined : namespace),
    ...(uid === '' ? {} : { uid }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

/** Namespace and name of system:serviceaccount:NAMESPACE:NAME. */
function serviceAccountOf(user: string): [string, string | undefined] {
  const parts = user.startsWith(serviceAccountPrefix) ? user.slice(serviceAccountPrefix.length).split(':') : [];
  const [namespace = '', name = ''] = parts;
  return parts.length === 2 && namespace !== '' && name !== '' ? [namespace, name] : ['', undefined];
}

/** The given groups, or those of a service account, and whether one is known at all, as authentication would have added. */
function groupsOf(name: string, given: readonly string[], accountNamespace: string | undefined): string[] {
  const groups =
    given.length === 0 && accountNamespace !== undefined
      ? ['system:serviceaccounts', `system:serviceaccounts:${accountNamespace}`]
      : [...given];
  if (groups.includes('system:authenticated') || groups.includes('system:unauthenticated')) return groups;
  return [...groups, name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated'];
}

function check(
  authorizer: Authorizer,
  user: UserInfo,
  what: Partial<AuthorizationRequest> & { resource: string },
): void {
  const request = { verb: 'impersonate', group: '', subresource: '', namespace: '', name: '', path: '', ...what };
  if (authorizer.allowed(user, request)) return;
  throw forbidden({ group: request.group, resource: request.resource }, request.name, deniedText(user, request));
}
