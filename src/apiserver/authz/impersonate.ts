// Acting as someone else: the user that Impersonate-* headers name, where the client may.
// Follows apiserver pkg/endpoints/filters/impersonation and pkg/authentication/serviceaccount/util.go of v1.36.

import { badRequest, byFilter, forbidden } from '../../api/meta/errors.ts';
import { goQuote, goStringSlice } from '../../api/meta/go-format.ts';
import { dns1123Subdomain } from '../../api/meta/names.ts';
import type { HeaderValues } from '../authn/header-values.ts';
import type { UserInfo } from '../request.ts';
import { type AuthorizationRequest, type Authorizer, deniedText } from './authorizer.ts';

/** Whom the headers name, as they say it. */
export interface WantedUser {
  name: string;
  uid: string;
  groups: readonly string[];
  extra: Readonly<Record<string, readonly string[]>>;
}

const authentication = 'authentication.k8s.io';
const serviceAccountPrefix = 'system:serviceaccount:';
const nodePrefix = 'system:node:';

/** As Go's %#v shows it. */
function shown({ name, uid, groups, extra }: WantedUser): string {
  const entries = Object.entries(extra).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const map = entries.map(([key, values]) => `${goQuote(key)}:${goStringSlice(values)}`).join(', ');
  const list = groups.length === 0 ? '[]string(nil)' : goStringSlice(groups);
  const extras = entries.length === 0 ? 'map[string][]string(nil)' : `map[string][]string{${map}}`;
  return `&user.DefaultInfo{Name:${goQuote(name)}, UID:${goQuote(uid)}, Groups:${list}, Extra:${extras}}`;
}

/** The user that a request wants to act as; undefined without such headers. Throws 400 where they name no user. */
export function wantedUser(headers: HeaderValues): WantedUser | undefined {
  if (!headers.hasPrefix('impersonate-')) return undefined;
  const wanted: WantedUser = {
    name: headers.values('impersonate-user')[0] ?? '',
    uid: headers.values('impersonate-uid')[0] ?? '',
    groups: headers.values('impersonate-group'),
    extra: Object.fromEntries(headers.withPrefix('impersonate-extra-')),
  };
  if (wanted.name !== '') return wanted;
  if (wanted.uid === '' && wanted.groups.length === 0 && Object.keys(wanted.extra).length === 0) return undefined;
  throw byFilter(badRequest(`requested ${shown(wanted)} without impersonating a user name`));
}

/** Namespace and name of system:serviceaccount:NAMESPACE:NAME. */
function serviceAccountOf(user: string): { namespace: string; name: string } | undefined {
  if (!user.startsWith(serviceAccountPrefix)) return undefined;
  const [namespace = '', name = '', ...more] = user.slice(serviceAccountPrefix.length).split(':');
  return more.length > 0 || namespace === '' || name === '' ? undefined : { namespace, name };
}

/** The name in system:node:NAME. */
function nodeOf(user: string): string | undefined {
  const name = user.startsWith(nodePrefix) ? user.slice(nodePrefix.length) : '';
  return name !== '' && dns1123Subdomain(name).length === 0 ? name : undefined;
}

const onlyNamed = ({ uid, groups, extra }: WantedUser): boolean =>
  uid === '' && groups.length === 0 && Object.keys(extra).length === 0;

/** A way of acting as someone, with rights of its own. Each but the last is bound to what is done in the other's name. */
interface Mode {
  /** In verbs: impersonate:NAME and impersonate-on:NAME:VERB; undefined for the one of old, whose verb is plain. */
  name: string | undefined;
  applies(wanted: WantedUser, user: UserInfo): boolean;
}

const modes: readonly Mode[] = [
  {
    // A pod's service account as the node that the pod is on.
    name: 'associated-node',
    applies: (wanted, user) =>
      onlyNamed(wanted) &&
      nodeOf(wanted.name) !== undefined &&
      serviceAccountOf(user.name) !== undefined &&
      user.extra?.['authentication.kubernetes.io/node-name']?.length === 1 &&
      user.extra['authentication.kubernetes.io/node-name'][0] === nodeOf(wanted.name),
  },
  { name: 'arbitrary-node', applies: (wanted) => onlyNamed(wanted) && nodeOf(wanted.name) !== undefined },
  { name: 'serviceaccount', applies: (wanted) => onlyNamed(wanted) && serviceAccountOf(wanted.name) !== undefined },
  {
    name: 'user-info',
    applies: ({ name }) => nodeOf(name) === undefined && serviceAccountOf(name) === undefined,
  },
  { name: undefined, applies: () => true },
];

/** So many values are first asked for at once. */
const manyValues = 4;

type Question = Partial<AuthorizationRequest> & { resource: string };

/** What one mode asks the authorizer, in order. Throws 403 at the first thing that the user may not. */
function checks(authorizer: Authorizer, user: UserInfo, mode: Mode) {
  const constrained = mode.name !== undefined;
  const verb = constrained ? `impersonate:${mode.name}` : 'impersonate';
  const group = constrained ? authentication : '';
  const ask = (what: Question): AuthorizationRequest => ({
    verb,
    group,
    subresource: '',
    namespace: '',
    name: '',
    path: '',
    ...what,
  });
  const refuse = (question: AuthorizationRequest, why = ''): never => {
    throw forbidden(
      { group: question.group, resource: question.resource },
      question.name,
      deniedText(user, question, why || authorizer.whyNot?.(user, question)),
    );
  };
  const may = (what: Question): boolean => authorizer.allowed(user, ask(what));
  const check = (what: Question): void => {
    if (!may(what)) refuse(ask(what));
  };
  return {
    request(request: AuthorizationRequest): void {
      if (!constrained) return;
      const question = { ...request, verb: `impersonate-on:${mode.name}:${request.verb}` };
      if (!authorizer.allowed(user, question)) refuse(question);
    },
    name({ name }: WantedUser): void {
      const account = serviceAccountOf(name);
      const node = constrained ? nodeOf(name) : undefined;
      if (account !== undefined) check({ resource: 'serviceaccounts', ...account });
      else if (node === undefined) check({ resource: 'users', name });
      else check({ resource: 'nodes', name: mode.name === 'associated-node' ? '*' : node });
    },
    uid({ uid }: WantedUser): void {
      if (uid !== '') check({ group: authentication, resource: 'uids', name: uid });
    },
    groups({ groups }: WantedUser): void {
      const resource = 'groups';
      if (constrained && groups.includes(''))
        refuse(ask({ resource }), 'impersonating the empty string group is not allowed');
      if (constrained && groups.includes('system:masters'))
        refuse(ask({ resource, name: 'system:masters' }), 'impersonating the system:masters group is not allowed');
      if (constrained && groups.length >= manyValues && may({ resource, name: '*' })) return;
      for (const name of groups) check({ resource, name });
    },
    extra({ extra }: WantedUser): void {
      const about = { group: authentication, resource: 'userextras' };
      const problem = constrained ? extraProblem(extra) : undefined;
      if (problem !== undefined) refuse(ask(about), problem);
      const values = Object.values(extra).flat().length;
      const many = values >= manyValues || Object.keys(extra).length >= manyValues;
      if (constrained && many && may({ ...about, subresource: '*', name: '*' })) return;
      for (const [key, all] of Object.entries(extra))
        for (const name of all) check({ ...about, subresource: key, name });
    },
  };
}

/** What constrained impersonation does not let through, whoever asks. */
function extraProblem(extra: WantedUser['extra']): string | undefined {
  for (const [key, values] of Object.entries(extra)) {
    if (key === '') return 'impersonating the empty string key in extra is not allowed';
    const [domain = '', path = ''] = [key.slice(0, Math.max(0, key.indexOf('/'))), key.slice(key.indexOf('/') + 1)];
    if (dns1123Subdomain(domain).length > 0 || !/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(path))
      return `impersonating an invalid key in extra is not allowed: extra.key: Invalid value: ${goQuote(key)}: must be a domain-prefixed path (such as "acme.io/foo")`;
    if (values.includes('')) return 'impersonating the empty string value in extra is not allowed';
  }
  return undefined;
}

/** The wanted user with the groups that authentication would have given. */
function completed(wanted: WantedUser, { name: mode }: Mode): UserInfo {
  const { name, uid, extra } = wanted;
  const account = serviceAccountOf(name);
  let groups = [...wanted.groups];
  if (mode !== undefined && nodeOf(name) !== undefined) groups = ['system:nodes'];
  else if (account !== undefined && groups.length === 0)
    groups = ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`];
  const known = name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  if (!groups.includes(known) && (name === 'system:anonymous' || !groups.includes('system:unauthenticated')))
    groups.push(known);
  return {
    name,
    groups,
    ...(uid === '' ? {} : { uid }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

/** How many users' last ways are remembered. */
const rememberedLimit = 1024;

/**
 * Gives a function that tells whom `user` acts as in a request where it wants to be another. It throws 403 with the first thing that
 * `user` may not, of the way that it went last, or of the first one that fits.
 */
export function impersonator() {
  const lastModes = new Map<string, Mode>();
  const tryMode = (
    authorizer: Authorizer,
    mode: Mode,
    user: UserInfo,
    wanted: WantedUser,
    request: AuthorizationRequest,
  ): UserInfo => {
    const check = checks(authorizer, user, mode);
    check.request(request);
    check.name(wanted);
    check.uid(wanted);
    check.groups(wanted);
    check.extra(wanted);
    return completed(wanted, mode);
  };
  return (authorizer: Authorizer, user: UserInfo, wanted: WantedUser, request: AuthorizationRequest): UserInfo => {
    const id = JSON.stringify([user.name, user.groups]);
    const last = lastModes.get(id);
    const order = last === undefined ? modes : [last, ...modes.filter((mode) => mode !== last)];
    let first: unknown;
    for (const mode of order) {
      if (!mode.applies(wanted, user)) continue;
      try {
        const acting = tryMode(authorizer, mode, user, wanted, request);
        if (lastModes.size >= rememberedLimit) lastModes.clear();
        lastModes.set(id, mode);
        return acting;
      } catch (error) {
        first ??= error;
      }
    }
    throw first;
  };
}
