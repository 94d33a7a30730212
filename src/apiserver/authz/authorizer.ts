// Decides whether a user may do something, by role rules evaluated as RBAC does.
// Follows apiserver plugin/pkg/authorizer/rbac and the bootstrap policy of v1.36 for the components that Peapod runs.

import type { FieldTerm } from '../../api/meta/field-selector.ts';
import type { UserInfo } from '../request.ts';

/** What someone wants to do. */
export interface AuthorizationRequest {
  verb: string;
  /** Empty for a path that is no resource. */
  resource: string;
  /** Where it is known: a path of the API that leaves the resource's name out asks for no other path. */
  isResource?: boolean;
  group: string;
  subresource: string;
  namespace: string;
  name: string;
  path: string;
  /** What a list, watch or deletecollection is narrowed to; a term that no authorizer understands narrows nothing. */
  fieldSelector?: readonly FieldTerm[];
  /** As written; what cannot be read narrows nothing. */
  labelSelector?: string;
  /** Of the group, where it is known. */
  version?: string;
}

/** What came of asking everyone who has a say. */
export interface Decided {
  allowed: boolean;
  /** Somebody is against it, so that nobody after him was asked. */
  denied?: boolean;
  /** What was said of it; empty for nothing. */
  reason: string;
  /** Who could not be asked, and why. */
  error?: string;
}

/** As rbac/v1 has it. */
export interface PolicyRule {
  verbs: readonly string[];
  apiGroups?: readonly string[];
  /** `pods`, `pods/status`, `*`, or `*` with a subresource. */
  resources?: readonly string[];
  resourceNames?: readonly string[];
  nonResourceURLs?: readonly string[];
  /** Only in this namespace; everywhere when absent. */
  namespace?: string;
  /** Which binding gives it: `ClusterRoleBinding "a" of ClusterRole "b" to Group "c"`. */
  source?: string;
}

export interface Authorizer {
  /** What is known at once: with `decide`, no is also said where somebody must be asked first. */
  allowed(user: UserInfo, request: AuthorizationRequest): boolean;
  /** Asks whoever has to be asked. Absent where `allowed` tells all. Never rejects. */
  decide?: ((user: UserInfo, request: AuthorizationRequest) => Promise<Decided>) | undefined;
  /** With `decide`: what is known without asking; undefined where it is not. */
  known?: ((user: UserInfo, request: AuthorizationRequest) => Decided | undefined) | undefined;
  /** What there is to say of a request that is allowed, and of one that is not; empty for nothing. */
  why?(user: UserInfo, request: AuthorizationRequest): string;
  whyNot?(user: UserInfo, request: AuthorizationRequest): string;
  /** Why `rules` does not tell all; empty where it does. */
  cannotList?(user: UserInfo): string;
  /** Every rule that holds for the user in that namespace. */
  rules(user: UserInfo, namespace: string): readonly PolicyRule[];
}

/** Gives the rules that a user has; called once per user name and groups. */
export type RuleSource = (user: UserInfo) => readonly PolicyRule[];

const has = (list: readonly string[] | undefined, item: string): boolean =>
  list !== undefined && (list.includes(item) || list.includes('*'));

function pathMatches(patterns: readonly string[] | undefined, path: string): boolean {
  return (patterns ?? []).some((p) => p === '*' || p === path || (p.endsWith('*') && path.startsWith(p.slice(0, -1))));
}

/** Whether a path is asked for, and no resource. */
export const isPath = ({ isResource, resource }: AuthorizationRequest): boolean =>
  isResource === undefined ? resource === '' : !isResource;

/** True when the rule covers the request. */
export function ruleAllows(rule: PolicyRule, request: AuthorizationRequest): boolean {
  if (!has(rule.verbs, request.verb)) return false;
  if (isPath(request)) return pathMatches(rule.nonResourceURLs, request.path);
  if (rule.namespace !== undefined && rule.namespace !== request.namespace) return false;
  if (!has(rule.apiGroups, request.group)) return false;
  const { resources = [] } = rule;
  const full = request.subresource === '' ? request.resource : `${request.resource}/${request.subresource}`;
  const named =
    resources.includes(full) ||
    resources.includes('*') ||
    (request.subresource !== '' && resources.includes(`*/${request.subresource}`));
  if (!named) return false;
  return (
    rule.resourceNames === undefined || rule.resourceNames.length === 0 || rule.resourceNames.includes(request.name)
  );
}

/** How many users' rules are kept. */
const cacheLimit = 4096;

/** A user's rules by where they hold. */
interface UserRules {
  everywhere: readonly PolicyRule[];
  byNamespace: ReadonlyMap<string, readonly PolicyRule[]>;
}

function byNamespace(rules: readonly PolicyRule[]): UserRules {
  const everywhere: PolicyRule[] = [];
  const namespaced = new Map<string, PolicyRule[]>();
  for (const rule of rules) {
    if (rule.namespace === undefined) {
      everywhere.push(rule);
      continue;
    }
    const known = namespaced.get(rule.namespace);
    if (known === undefined) namespaced.set(rule.namespace, [rule]);
    else known.push(rule);
  }
  return { everywhere, byNamespace: namespaced };
}

/** An authorizer over a source of rules, whose answer is kept per user for as long as `generation` gives the same number. */
export function createAuthorizer(source: RuleSource, generation: () => number = () => 0): Authorizer {
  let byUser = new WeakMap<UserInfo, UserRules>();
  const byName = new Map<string, UserRules>();
  let current = generation();
  const rulesOf = (user: UserInfo): UserRules => {
    const now = generation();
    if (now !== current) {
      current = now;
      byUser = new WeakMap();
      byName.clear();
    }
    const known = byUser.get(user);
    if (known !== undefined) return known;
    const id = JSON.stringify([user.name, user.groups]);
    let rules = byName.get(id);
    if (rules === undefined) {
      rules = byNamespace(source(user));
      if (byName.size >= cacheLimit) byName.clear();
      byName.set(id, rules);
    }
    byUser.set(user, rules);
    return rules;
  };
  const inNamespace = (user: UserInfo, namespace: string): readonly PolicyRule[] =>
    rulesOf(user).byNamespace.get(namespace) ?? [];
  return {
    allowed: (user, request) =>
      rulesOf(user).everywhere.some((rule) => ruleAllows(rule, request)) ||
      (request.namespace !== '' && inNamespace(user, request.namespace).some((rule) => ruleAllows(rule, request))),
    rules: (user, namespace) => [...rulesOf(user).everywhere, ...inNamespace(user, namespace)],
    why(user, request) {
      const rules = [...rulesOf(user).everywhere, ...inNamespace(user, request.namespace)];
      const source = rules.find((rule) => ruleAllows(rule, request))?.source;
      return source === undefined ? '' : `RBAC: allowed by ${source}`;
    },
  };
}

/** Why not, in upstream's words: `User "x" cannot list resource "pods" in API group "" in the namespace "default"`, with a reason after it where there is one. */
export function deniedText(user: UserInfo, request: AuthorizationRequest, why = ''): string {
  return why === '' ? cannotText(user, request) : `${cannotText(user, request)}: ${why}`;
}

function cannotText(user: UserInfo, request: AuthorizationRequest): string {
  const who = `User ${JSON.stringify(user.name)}`;
  if (isPath(request)) return `${who} cannot ${request.verb} path ${JSON.stringify(request.path)}`;
  const resource = request.subresource === '' ? request.resource : `${request.resource}/${request.subresource}`;
  const where =
    request.namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(request.namespace)}`;
  return `${who} cannot ${request.verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(request.group)} ${where}`;
}
