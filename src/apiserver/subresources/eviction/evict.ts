// Evicts a pod: POST to pods/NAME/eviction deletes it, where its disruption budget has something left for that.
// Follows pkg/registry/core/pod/storage/eviction.go of v1.36.

import type { Pod, PodDisruptionBudget } from '../../../api/generated/types.ts';
import { podStatusStrategy } from '../../../api/kinds/pod/strategy.ts';
import { invalidObject, isApiError, notFound } from '../../../api/meta/errors.ts';
import { withCondition } from '../../../api/pod/conditions.ts';
import type { Transport } from '../../../api/transport.ts';
import { sleep } from '../../../lib/clock.ts';
import type { AdmissionChain } from '../../admission/admission.ts';
import type { LookupKind, ObjectLookup } from '../../admission/object-lookup.ts';
import { plainError } from '../../registry/commit.ts';
import { checkPreconditions, deleteObject } from '../../registry/delete.ts';
import { checkedDeleteOptions, type RawDeleteOptions } from '../../registry/delete-options.ts';
import { getObject } from '../../registry/list.ts';
import type { ObjectVersion, StoredObject } from '../../registry/object-version.ts';
import { guaranteedUpdate } from '../../registry/update.ts';
import { namedAs, strategyContext, type WriteContext } from '../../registry/write-context.ts';
import { budgetOf, letsUnhealthyGo, mayYetRun, needsNoBudget, stillProcessed, takeFromBudget } from './check-budget.ts';

/** How often something is tried that other writes come between, and how long is waited between two tries. */
const attempts = 20;
const retryMs = 500;
const jitter = 0.1;

const severalBudgets =
  'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';

const budgets: LookupKind<PodDisruptionBudget> = { group: 'policy', resource: 'poddisruptionbudgets' };

export interface EvictionDeps {
  readonly objects: ObjectLookup;
  /** Acts as the API server itself. */
  readonly transport: () => Transport;
}

/** Admission was asked about the eviction, not about the writes that it comes to. */
const admitted: AdmissionChain = { mutate: () => Promise.resolve(), validate: () => Promise.resolve() };

/**
 * Evicts the pod of that name, of the namespace of `context`, which is one of pods. Throws 403, 404, 409, 422, 429 where its budget
 * does not let it go, and 500 where it has several.
 */
export async function evictPod(
  deps: EvictionDeps,
  context: WriteContext,
  name: string,
  options: RawDeleteOptions,
): Promise<void> {
  const own = { ...context, deps: { ...context.deps, admission: admitted } };
  const isBound = options.resourceVersion !== undefined;
  const version = await retried(own, !isBound, async () => {
    const found = await getObject(own.deps, own.info, own.namespace, name);
    const pod: Pod = found.object();
    if (!needsNoBudget(pod)) return found;
    // A pod that is starting must not have become ready meanwhile.
    await remove(own, name, mayYetRun(pod) && !isBound ? at(options, found) : options);
    return undefined;
  });
  if (version === undefined) return;
  const pod: Pod = version.object();
  const budget = budgetOf(pod, await deps.objects.list(budgets, own.namespace));
  if (budget === 'several') throw plainError(severalBudgets);
  if (budget === undefined || !letsUnhealthyGo(pod, budget)) {
    if (budget !== undefined) await take(deps, own, budget, name);
    return remove(own, name, options);
  }
  try {
    // It is not counted, as long as it does not become ready.
    await remove(own, name, at(options, version));
  } catch (error) {
    if (isApiError(error, 'Conflict') && !isBound) throw stillProcessed(budget.metadata?.name ?? '');
    throw error;
  }
}

const at = (options: RawDeleteOptions, { revision }: ObjectVersion): RawDeleteOptions => ({
  ...options,
  resourceVersion: String(revision),
});

/** Does it again while it ends in a conflict, where that is wanted. */
async function retried<T>(context: WriteContext, again: boolean, work: () => Promise<T>): Promise<T> {
  const { clock, random } = context.deps;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!again || attempt >= attempts || !isApiError(error, 'Conflict')) throw error;
    }
    const signal = context.request.signal();
    await sleep(clock, retryMs * (1 + jitter * random.float()), signal);
    signal.throwIfAborted();
  }
}

/** Takes the pod from what its budget allows, and notes that it is about to go. */
async function take(deps: EvictionDeps, context: WriteContext, first: PodDisruptionBudget, pod: string): Promise<void> {
  const { namespace } = context;
  const { name = '' } = first.metadata ?? {};
  let budget: PodDisruptionBudget | undefined = first;
  await retried(context, true, async () => {
    budget ??= await deps.objects.get(budgets, namespace, name);
    if (budget === undefined) throw notFound(budgets, name);
    const known = budget;
    // Where it was changed meanwhile it is read anew.
    budget = undefined;
    const status = takeFromBudget(known, pod, context.deps.clock.now());
    if (context.options.dryRun) return;
    const path = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/${encodeURIComponent(name)}/status`;
    await deps.transport().request({ method: 'PUT', path, body: { ...known, status } });
  });
}

/** Says in the pod's status why it goes, and deletes it. */
async function remove(context: WriteContext, name: string, options: RawDeleteOptions): Promise<void> {
  let { resourceVersion } = options;
  if (!context.options.dryRun) {
    const marked = await mark(context, name, options);
    // It was this that changed the pod.
    if (resourceVersion !== undefined) resourceVersion = String(marked.revision);
  }
  const heeded = resourceVersion === undefined ? options : { ...options, resourceVersion };
  await deleteObject(context, name, checkedDeleteOptions(heeded));
}

async function mark(context: WriteContext, name: string, options: RawDeleteOptions): Promise<ObjectVersion> {
  const { version } = await guaranteedUpdate(context, name, (current) => {
    checkPreconditions(context, current, options);
    const old: Pod & StoredObject = current.object();
    const pod: Pod & StoredObject = current.mutable();
    const conditions = withCondition(pod.status?.conditions, disrupted, context.deps.clock.now());
    pod.status = { ...pod.status, conditions: [...conditions] };
    podStatusStrategy.prepareForUpdate?.(pod, old, strategyContext(context));
    const errors = podStatusStrategy.validateUpdate(pod, old, strategyContext(context));
    if (errors.length > 0) throw invalidObject(namedAs(context.info), name, errors);
    return { do: 'write', object: pod };
  });
  return version;
}

const disrupted = {
  type: 'DisruptionTarget',
  status: 'True',
  reason: 'EvictionByEvictionAPI',
  message: 'Eviction API: evicting',
} as const;
