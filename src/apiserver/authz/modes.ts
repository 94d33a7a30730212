// The authorizers that --authorization-mode or --authorization-config name, and the one that they make together.
// Follows pkg/kubeapiserver/authorizer and apiserver pkg/authorization/union of v1.36.

import type { EnabledGates } from '../../api/feature-gates.ts';
import type { DecisionMetrics, Decisions } from '../metrics/authorization-metrics.ts';
import type { UserInfo } from '../request.ts';
import {
  type AuthorizationRequest,
  type Authorizer,
  createAuthorizer,
  type Decided,
  type PolicyRule,
} from './authorizer.ts';
import { bootstrapRules, componentRules } from './bootstrap-rules.ts';
import { nodeRules } from './default-policy.ts';
import { createNodeAuthorizer } from './node-authorizer.ts';
import type { NodeGraph } from './node-graph.ts';
import { createRbacAuthorizer } from './rbac-authorizer.ts';
import type { RoleIndex } from './role-index.ts';
import type { Verdict } from './subject-access-review.ts';
import {
  type AuthorizationWebhook,
  createWebhookAuthorizer,
  type WebhookAuthorizer,
  type WebhookDeps,
} from './webhook-authorizer.ts';

export type AuthorizationMode = 'Node' | 'RBAC' | 'AlwaysAllow' | 'AlwaysDeny';

/** A mode that needs no more words, or a webhook. */
export type ConfiguredAuthorizer = AuthorizationMode | AuthorizationWebhook;

export const defaultModes: readonly AuthorizationMode[] = ['Node', 'RBAC'];
export const builtModes: readonly string[] = [
  'Node',
  'RBAC',
  'AlwaysAllow',
  'AlwaysDeny',
] satisfies AuthorizationMode[];

const everything: readonly PolicyRule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

/** Whom nobody can lock out. */
const administrators = (user: UserInfo): readonly PolicyRule[] =>
  user.groups.includes('system:masters') ? everything : [];

/** One step of the chain: it knows by itself, or has to ask. What it decides is counted, where that is of interest. */
type Step = { decisions?: Decisions } & (
  | { local: Authorizer; hook?: undefined }
  | { hook: WebhookAuthorizer; local?: undefined }
);

/** Which last words are counted: one question may be put to the chain more than once. */
type Counted = 'all' | 'allowed' | 'none';

/** What is let in without asking anybody, as upstream does with administrators, is nobody's decision. */
function count({ decisions }: Step, user: UserInfo, isAllowed: boolean, counted: Counted): void {
  if (decisions === undefined || counted === 'none' || user.groups.includes('system:masters')) return;
  if (isAllowed) decisions.allowed.value++;
  else if (counted === 'all') decisions.denied.value++;
}

/** What webhooks said of one request. */
type Answers = Map<WebhookAuthorizer, Verdict>;

const joined = (texts: readonly (string | undefined)[]): string => texts.filter(Boolean).join(', ');

/** Asks one after another: the first who is for it, or against it, decides. */
function chainOf(steps: readonly Step[]): Authorizer {
  const locals = steps.flatMap(({ local }) => (local === undefined ? [] : [local]));
  const asksNobody = locals.length === steps.length;
  /** Goes on where the answer of a webhook is not there yet. */
  const walk = (
    user: UserInfo,
    request: AuthorizationRequest,
    answers: Answers,
    counted: Counted,
  ): Decided | WebhookAuthorizer => {
    const reasons: (string | undefined)[] = [];
    const errors: string[] = [];
    for (const step of steps) {
      const { local, hook } = step;
      if (local !== undefined) {
        if (local.allowed(user, request)) {
          count(step, user, true, counted);
          return { allowed: true, reason: local.why?.(user, request) ?? '' };
        }
        reasons.push(local.whyNot?.(user, request));
        continue;
      }
      const verdict = answers.get(hook) ?? hook.known(user, request);
      if (verdict === undefined) return hook;
      if (verdict.allowed || verdict.denied) {
        count(step, user, verdict.allowed, counted);
        return verdict;
      }
      reasons.push(verdict.reason);
      if (verdict.error !== undefined) errors.push(verdict.error);
    }
    return { allowed: false, reason: joined(reasons), ...errorOf(errors) };
  };
  const known = (user: UserInfo, request: AuthorizationRequest): Decided | undefined => {
    const found = walk(user, request, new Map(), 'none');
    return 'ask' in found ? undefined : found;
  };
  const decide = async (user: UserInfo, request: AuthorizationRequest): Promise<Decided> => {
    const answers: Answers = new Map();
    for (;;) {
      const found = walk(user, request, answers, 'all');
      if (!('ask' in found)) return found;
      answers.set(found, await found.ask(user, request));
    }
  };
  const allowedAtOnce = (user: UserInfo, request: AuthorizationRequest): boolean => {
    for (const step of steps) {
      if (step.local?.allowed(user, request) !== true) continue;
      count(step, user, true, 'allowed');
      return true;
    }
    return false;
  };
  const allowedByNow = (user: UserInfo, request: AuthorizationRequest): boolean => {
    const found = walk(user, request, new Map(), 'allowed');
    return !('ask' in found) && found.allowed;
  };
  return {
    allowed: asksNobody ? allowedAtOnce : allowedByNow,
    ...(asksNobody ? {} : { decide, known }),
    rules: (user, namespace) => locals.flatMap((each) => each.rules(user, namespace)),
    why: (user, request) => locals.find((each) => each.allowed(user, request))?.why?.(user, request) ?? '',
    whyNot: (user, request) => joined(locals.map((each) => each.whyNot?.(user, request))),
    cannotList: (user) =>
      joined([
        ...locals.map((each) => each.cannotList?.(user)),
        ...(asksNobody ? [] : ['webhook authorizer does not support user rule resolution']),
      ]),
  };
}

const errorOf = (errors: readonly string[]): Pick<Decided, 'error'> =>
  errors.length === 0 ? {} : { error: errors.length === 1 ? (errors[0] ?? '') : `[${errors.join(', ')}]` };

export interface ModesDeps {
  /** With some, nodes may do more. */
  gates: EnabledGates;
  graph: NodeGraph | undefined;
  /** Undefined where roles and bindings are not served: fixed rules stand in for them. */
  roles: RoleIndex | undefined;
  webhooks: WebhookDeps;
  /** Where the decisions of each authorizer are counted. */
  decisions: DecisionMetrics;
}

function chainFor(
  configured: readonly ConfiguredAuthorizer[],
  { graph, roles, webhooks, gates, decisions: counters }: ModesDeps,
): Authorizer {
  const each = configured.flatMap((mode): Step[] => {
    if (typeof mode === 'object')
      return [{ hook: createWebhookAuthorizer(mode, webhooks), decisions: counters('Webhook', mode.name) }];
    const decisions = counters(mode, mode.toLowerCase());
    switch (mode) {
      case 'Node':
        return graph === undefined ? [] : [{ local: createNodeAuthorizer(graph, nodeRules(gates)), decisions }];
      case 'RBAC':
        return [{ local: roles ? createRbacAuthorizer(roles) : createAuthorizer(bootstrapRules), decisions }];
      case 'AlwaysAllow':
        return [{ local: createAuthorizer(() => everything), decisions }];
      case 'AlwaysDeny':
        return [];
      default:
        return mode satisfies never;
    }
  });
  // Roles have what Peapod's own components need; without them it goes first.
  const first = createAuthorizer(configured.includes('RBAC') ? administrators : componentRules);
  return chainOf(configured.includes('RBAC') && each.every(({ local }) => local) ? each : [{ local: first }, ...each]);
}

/** One authorizer of those that are configured; what the configuration is, may change. */
export function authorizerOf(configured: () => readonly ConfiguredAuthorizer[], deps: ModesDeps): Authorizer {
  let known = configured();
  let chain = chainFor(known, deps);
  const current = (): Authorizer => {
    const now = configured();
    if (now !== known) {
      known = now;
      chain = chainFor(now, deps);
    }
    return chain;
  };
  return {
    get decide() {
      return current().decide;
    },
    get known() {
      return current().known;
    },
    allowed: (user, request) => current().allowed(user, request),
    rules: (user, namespace) => current().rules(user, namespace),
    why: (user, request) => current().why?.(user, request) ?? '',
    whyNot: (user, request) => current().whyNot?.(user, request) ?? '',
    cannotList: (user) => current().cannotList?.(user) ?? '',
  };
}
