// Decides whether a write keeps within the quotas of its namespace, and what they are used up to then. Pure.
// Follows apiserver pkg/admission/plugin/resourcequota/controller.go (CheckRequest) of v1.36.

import type { ResourceQuota } from '../../../api/generated/types.ts';
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
import { type CountedWrite, isCovered, type QuotaEvaluator } from '../../../api/quota/evaluator.ts';

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

/** What a write is charged to each quota, by the quota's name; or why it is refused. */
export type QuotaVerdict = { allowed: true; charges: ReadonlyMap<string, Amounts> } | { allowed: false; why: string };

const refused = (why: string): QuotaVerdict => ({ allowed: false, why });
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

/** `now` in ms. */
export function checkRequest(
  quotas: readonly QuotaState[],
  write: CountedWrite,
  evaluator: QuotaEvaluator,
  now: number,
): QuotaVerdict {
  const charges = new Map<string, Amounts>();
  const { object } = write;
  if (object === undefined || !evaluator.handles(write)) return { allowed: true, charges };
  const concerned = quotas.filter((state) => covers(state, evaluator, object));
  for (const state of concerned) {
    const why = notReady(state, evaluator, object);
    if (why !== undefined) return refused(why);
  }
  const negative = [...evaluator.usage(object, now)].filter(([, { nanos }]) => nanos < 0n).map(([name]) => name);
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
