// The plugin ResourceQuota: lets nothing in that would exceed a quota, however much comes at once.
// Follows apiserver pkg/admission/plugin/resourcequota/{admission,controller,resource_access}.go of v1.36.

import type { ResourceQuota } from '../../../api/generated/types.ts';
import { conflict, isApiError } from '../../../api/meta/errors.ts';
import type { Transport } from '../../../api/transport.ts';
import {
  addAmounts,
  type Amounts,
  formatAmounts,
  parseAmounts,
  subtractAmounts,
  zero,
} from '../../../api/quota/amounts.ts';
import { type CountedWrite, type QuotaEvaluator, usageOf } from '../../../api/quota/evaluator.ts';
import { type CountedResource, countedResources, evaluatorOf, isIgnored } from '../../../api/quota/evaluators.ts';
import type { Logger } from '../../../lib/logger.ts';
import { plainError } from '../../registry/commit.ts';
import { staleMessage } from '../../registry/update.ts';
import { type AdmissionAttributes, type AdmissionPlugin, isResource, refuse } from '../admission.ts';
import type { LookupKind, ObjectLookup } from '../object-lookup.ts';
import type { LimitedResource } from '../plugin-configuration.ts';
import { checkRequest, quotaState, type QuotaState } from './check-request.ts';

export interface QuotaDeps {
  objects: ObjectLookup;
  /** Writes the quotas' status as the server itself. */
  transport(): Transport;
  /** ms since the epoch. */
  now(): number;
  logger: Logger;
}

const quotas: LookupKind<ResourceQuota> = { group: '', resource: 'resourcequotas' };
const qualified = { group: '', resource: 'resourcequotas' };
/** How often a quota that others changed meanwhile is read again. Upstream: 3. */
const maxAttempts = 8;

/** One write that waits for its quotas, and what it was charged so far, by the quota's name. */
interface Charge {
  readonly at: AdmissionAttributes;
  readonly write: CountedWrite;
  readonly evaluator: QuotaEvaluator;
  readonly charged: Map<string, Amounts>;
  done(error?: unknown): void;
}

/** What was charged for writes that came to nothing. */
interface Refund {
  readonly name: string;
  readonly amounts: Amounts;
}

/** The work on one namespace's quotas, done in turns. */
interface Turns {
  charges: Charge[];
  refunds: Refund[];
  running: boolean;
}

const nameOf = (quota: ResourceQuota): string => quota.metadata?.name ?? '';

/** `limited` is what only quotas let in. */
export function resourceQuota(deps: QuotaDeps, limited: readonly LimitedResource[] = []): AdmissionPlugin {
  const limitedOf = ({ group, resource }: CountedResource): LimitedResource[] =>
    limited.filter((one) => one.apiGroup === group && one.resource === resource);

  const turnsByNamespace = new Map<string, Turns>();
  /** Charged, and not yet known whether it is stored: these objects may not show in the caches. */
  const unsettled = new Set<Charge>();

  /** Writes what is used now. False where another write came between; a quota that is gone needs nothing. */
  const writeStatus = async ({ quota, used }: QuotaState): Promise<boolean> => {
    const { namespace = '' } = quota.metadata ?? {};
    const path = `/api/v1/namespaces/${namespace}/resourcequotas/${nameOf(quota)}/status`;
    const body = { ...quota, status: { ...quota.status, used: formatAmounts(used) } };
    try {
      await deps.transport().request({ method: 'PUT', path, body });
      return true;
    } catch (error) {
      if (isApiError(error, 'NotFound')) return true;
      if (isApiError(error, 'Conflict')) return false;
      throw error;
    }
  };

  /** Decides all that wait on one state of the quotas, and writes that. Gives those whose quotas are still to be written. */
  const attempt = async (namespace: string, charges: readonly Charge[]): Promise<Charge[]> => {
    const states = (await deps.objects.list(quotas, namespace)).map(quotaState);
    const waiting = new Map<QuotaState, Charge[]>();
    const open: Charge[] = [];
    for (const charge of charges) {
      const missing = states.filter(({ quota }) => !charge.charged.has(nameOf(quota)));
      const verdict = checkRequest(
        missing,
        charge.write,
        charge.evaluator,
        deps.now(),
        charge.charged.size > 0 ? [] : limitedOf(charge.at.resource.kind),
      );
      if (!verdict.allowed) {
        giveBack(namespace, charge);
        charge.done(verdict.forbidden ? refuse(charge.at, verdict.why) : plainError(verdict.why));
        continue;
      }
      if (charge.at.dryRun) continue;
      unsettled.add(charge);
      for (const state of missing) {
        const amounts = verdict.charges.get(nameOf(state.quota));
        if (amounts === undefined) continue;
        state.used = addAmounts(state.used, amounts);
        charge.charged.set(nameOf(state.quota), amounts);
        waiting.set(state, [...(waiting.get(state) ?? []), charge]);
      }
      open.push(charge);
    }
    const again = new Set<Charge>();
    for (const [state, concerned] of waiting) {
      if (await writeStatus(state)) continue;
      for (const charge of concerned) {
        charge.charged.delete(nameOf(state.quota));
        again.add(charge);
      }
    }
    for (const charge of charges) if (!again.has(charge)) charge.done();
    return open.filter((charge) => again.has(charge));
  };

  const letIn = async (namespace: string, charges: readonly Charge[]): Promise<void> => {
    let left = [...charges];
    try {
      for (let tries = 0; left.length > 0 && tries < maxAttempts; tries++) left = await attempt(namespace, left);
    } catch (error) {
      for (const charge of charges) {
        giveBack(namespace, charge);
        charge.done(error);
      }
      return;
    }
    for (const charge of left) {
      giveBack(namespace, charge);
      charge.done(conflict(qualified, namespace, staleMessage));
    }
  };

  /** Takes back what was charged for nothing; where that fails the controller's next count puts it right. */
  const refund = async (namespace: string, refunds: readonly Refund[]): Promise<void> => {
    for (let tries = 0; tries < maxAttempts; tries++) {
      let written = true;
      for (const quota of await deps.objects.list(quotas, namespace)) {
        const state = quotaState(quota);
        const due = refunds.filter(({ name }) => name === nameOf(quota));
        if (due.length === 0) continue;
        const known = new Set(state.used.keys());
        for (const { amounts } of due) state.used = subtractAmounts(state.used, amounts);
        state.used = new Map([...state.used].filter(([name]) => known.has(name)));
        written = (await writeStatus(state)) && written;
      }
      if (written) return;
    }
  };

  const giveBack = (namespace: string, charge: Charge): void => {
    unsettled.delete(charge);
    if (charge.charged.size === 0) return;
    const turns = turnsOf(namespace);
    for (const [name, amounts] of charge.charged) turns.refunds.push({ name, amounts });
    charge.charged.clear();
    run(namespace, turns);
  };

  const turnsOf = (namespace: string): Turns => {
    const turns = turnsByNamespace.get(namespace) ?? { charges: [], refunds: [], running: false };
    turnsByNamespace.set(namespace, turns);
    return turns;
  };

  const run = (namespace: string, turns: Turns): void => {
    if (turns.running) return;
    turns.running = true;
    const work = async (): Promise<void> => {
      while (turns.charges.length > 0 || turns.refunds.length > 0) {
        const { charges, refunds } = turns;
        turns.charges = [];
        turns.refunds = [];
        if (refunds.length > 0) await refund(namespace, refunds);
        await letIn(namespace, charges);
      }
    };
    work()
      .catch((error: unknown) => deps.logger.warn('a quota could not be written', { namespace, error: String(error) }))
      .finally(() => {
        turns.running = false;
        if (turns.charges.length > 0 || turns.refunds.length > 0) run(namespace, turns);
        else turnsByNamespace.delete(namespace);
      });
  };

  const admit = async (at: AdmissionAttributes, write: CountedWrite, evaluator: QuotaEvaluator): Promise<void> => {
    const { namespace } = at;
    const turns = turnsOf(namespace);
    const decided = Promise.withResolvers<void>();
    const charge: Charge = {
      at,
      write,
      evaluator,
      charged: new Map(),
      done: (error) => (error === undefined ? decided.resolve() : decided.reject(error as Error)),
    };
    turns.charges.push(charge);
    run(namespace, turns);
    await decided.promise;
    at.settled.push((stored) => {
      if (stored) unsettled.delete(charge);
      else giveBack(namespace, charge);
    });
  };

  /** What is used of the names that the quota limits, by what is stored and what may just be on its way there. */
  const counted = async (quota: ResourceQuota, names: readonly string[]): Promise<Amounts> => {
    const { namespace = '' } = quota.metadata ?? {};
    const spec = { ...quota.spec, hard: Object.fromEntries(names.map((name) => [name, '0'])) };
    let sum: Amounts = new Map();
    for (const charge of unsettled)
      if (charge.at.namespace === namespace) sum = addAmounts(sum, charge.charged.get(nameOf(quota)) ?? new Map());
    for (const resource of countedResources(names)) {
      const objects = await deps.objects.list({ ...resource, version: '*' }, namespace);
      sum = addAmounts(sum, usageOf(spec, evaluatorOf(resource), objects, deps.now()));
    }
    return sum;
  };

  /**
   * Nobody may say that less is used than there is: whoever counted on an older state is told to count again. Without this a count
   * made while pods are being created would let in more of them than the quota allows.
   */
  const guardStatus = async (at: AdmissionAttributes): Promise<void> => {
    const quota = at.object as ResourceQuota;
    const before = parseAmounts((at.old as ResourceQuota | undefined)?.status?.used);
    const said = parseAmounts(quota.status?.used);
    const lowered = [...said].filter(([name, { nanos }]) => nanos < (before.get(name) ?? zero).nanos);
    if (lowered.length === 0) return;
    const is = await counted(
      quota,
      lowered.map(([name]) => name),
    );
    if (lowered.some(([name, { nanos }]) => nanos < (is.get(name) ?? zero).nanos))
      throw conflict(qualified, at.name, staleMessage);
  };

  return {
    name: 'ResourceQuota',
    concerns: ({ resource }) => limitedOf(resource.kind).length > 0 || !deps.objects.hasNone(quotas),
    async validate(at) {
      const { operation, subresource, namespace, object, old } = at;
      if (isResource(at, '', 'resourcequotas') && subresource === 'status' && operation === 'UPDATE')
        return guardStatus(at);
      const { kind } = at.resource;
      if (namespace === '' || !kind.namespaced || isIgnored(kind)) return;
      const evaluator = evaluatorOf(kind);
      const write: CountedWrite = { operation, subresource, object, old };
      if (!evaluator.handles(write)) return;
      if (limitedOf(kind).length === 0 && (await deps.objects.list(quotas, namespace)).length === 0) return;
      await admit(at, write, evaluator);
    },
  };
}
