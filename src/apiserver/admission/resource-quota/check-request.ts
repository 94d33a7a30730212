// Decides whether a write keeps within the quotas of its namespace, and what they are used up to then. Pure.
// Follows apiserver pkg/admission/plugin/resourcequota/controller.go (CheckRequest) of v1.36.

import type { ResourceQuota, ScopedResourceSelectorRequirement } from '../../../api/generated/types.ts';
import type { KubeObject } from '../../../api/meta/types.ts';
import {
  addAmounts,
  type Amounts,
  amountsText,
  exceeded,
  maskAmounts,
  parseAmounts,
  subtractAmounts,
  withoutZeros,
} from '../../../api/quota/amounts.ts';
import { type CountedWrite, isCovered, type QuotaEvaluator, scopesOf } from '../../../api/quota/evaluator.ts';
import type { LimitedResource } from '../plugin-configuration.ts';

/** A quota as it stands, with what was let in since it was read. */
export interface QuotaState {
  quota: ResourceQuota;
  hard: Amounts;
  /** Of which resources it is known what is used, and how much. */
  used: Amounts;
}

export const quotaState = (quota: ResourceQuota): QuotaState => ({
  quota,
  hard: parseAmounts(quota.status?.hard),
  used: parseAmounts(quota.status?.used),
});

/** What a write is charged to each quota, by the quota's name; or why it is refused: with 403, or as a failure of the server's. */
export type QuotaVerdict =
  | { allowed: true; charges: ReadonlyMap<string, Amounts> }
  | { allowed: false; why: string; forbidden: boolean };

const refused = (why: string, forbidden = true): QuotaVerdict => ({ allowed: false, why, forbidden });
const sorted = (names: Iterable<string>): string => [...names].toSorted().join(',');

const covers = ({ quota, hard }: QuotaState, evaluator: QuotaEvaluator, object: KubeObject): boolean =>
  isCovered(quota.spec ?? {}, hard.keys(), evaluator, object);

/** Why a quota that covers the object cannot take it before any counting. */
function notReady(
  { quota, hard, used }: QuotaState,
  evaluator: QuotaEvaluator,
  object: KubeObject,
): string | undefined {
  const name = quota.metadata?.name ?? '';
  const limited = evaluator.matching(hard.keys());
  const unmet = evaluator.unmet(limited, object);
  if (unmet !== undefined) return `failed quota: ${name}: ${unmet}`;
  if (limited.every((resource) => used.has(resource))) return undefined;
  return `status unknown for quota: ${name}, resources: ${sorted(limited)}`;
}

/** What the write adds to the quota: an update is charged what is more than before, where that was charged already. */
function deltaFor(state: QuotaState, write: CountedWrite, evaluator: QuotaEvaluator, now: number): Amounts {
  const usage = write.object === undefined ? new Map() : evaluator.usage(write.object, now);
  const { old } = write;
  if (write.operation !== 'UPDATE' || old === undefined || !covers(state, evaluator, old)) return withoutZeros(usage);
  return withoutZeros(subtractAmounts(usage, evaluator.usage(old, now)));
}

/** Why the write must not come though no quota is exceeded: none covers what only quotas let in. */
function uncovered(
  quotas: readonly QuotaState[],
  concerned: readonly QuotaState[],
  usage: Amounts,
  object: KubeObject,
  evaluator: QuotaEvaluator,
  limited: readonly LimitedResource[],
): QuotaVerdict | undefined {
  const covered = new Set(concerned.flatMap(({ hard }) => evaluator.matching(hard.keys())));
  const names = limited.flatMap(({ matchContains }) =>
    [...usage]
      .filter(([name, { nanos }]) => nanos > 0n && matchContains.some((part) => name.includes(part)))
      .map(([name]) => name),
  );
  const missing = new Set(names.filter((name) => !covered.has(name)));
  if (missing.size > 0) return refused(`insufficient quota to consume: ${sorted(missing)}`);
  const inScope = (scopes: readonly ScopedResourceSelectorRequirement[]): ScopedResourceSelectorRequirement[] =>
    scopes.filter((scope) => evaluator.inScope(scope, object));
  const given = new Set(
    quotas.flatMap(({ quota }) => inScope(scopesOf(quota.spec ?? {})).map(({ scopeName }) => scopeName)),
  );
  const open = limited
    .flatMap(({ matchScopes }) => inScope(matchScopes))
    .filter(({ scopeName }) => !given.has(scopeName));
  if (open.length === 0) return undefined;
  const shown = open.map(({ scopeName, operator, values = [] }) => `{${scopeName} ${operator} [${values.join(' ')}]}`);
  return refused(`insufficient quota to match these scopes: [${shown.join(' ')}]`, false);
}

/** `now` in ms; `limited` is what only quotas let in, of the resource that is written. */
export function checkRequest(
  quotas: readonly QuotaState[],
  write: CountedWrite,
  evaluator: QuotaEvaluator,
  now: number,
  limited: readonly LimitedResource[] = [],
): QuotaVerdict {
  const charges = new Map<string, Amounts>();
  const { object } = write;
  if (object === undefined || !evaluator.handles(write)) return { allowed: true, charges };
  const concerned = quotas.filter((state) => covers(state, evaluator, object));
  for (const state of concerned) {
    const why = notReady(state, evaluator, object);
    if (why !== undefined) return refused(why);
  }
  const usage = evaluator.usage(object, now);
  // An update that uses nothing more needs no cover.
  const before = write.operation === 'UPDATE' && write.old !== undefined ? evaluator.usage(write.old, now) : new Map();
  const isMore = withoutZeros(subtractAmounts(usage, before)).size > 0;
  const lacking = isMore ? uncovered(quotas, concerned, usage, object, evaluator, limited) : undefined;
  if (lacking !== undefined) return lacking;
  const negative = [...usage].filter(([, { nanos }]) => nanos < 0n).map(([name]) => name);
  if (negative.length > 0) return refused(`quota usage is negative for resource(s): ${sorted(negative)}`);
  for (const state of concerned) {
    const name = state.quota.metadata?.name ?? '';
    const requested = maskAmounts(deltaFor(state, write, evaluator, now), state.hard.keys());
    if (requested.size === 0) continue;
    const over = exceeded(maskAmounts(addAmounts(state.used, requested), requested.keys()), state.hard);
    if (over.length > 0 && write.subresource !== 'status') return refused(overText(name, over, requested, state));
    charges.set(name, requested);
  }
  return { allowed: true, charges };
}

function overText(name: string, over: readonly string[], requested: Amounts, { used, hard }: QuotaState): string {
  const shown = (amounts: Amounts): string => amountsText(maskAmounts(amounts, over));
  return `exceeded quota: ${name}, requested: ${shown(requested)}, used: ${shown(used)}, limited: ${shown(hard)}`;
}
