// Counts the pods of disruption budgets and says in their status how many of them may be evicted.

import { budgetsOfPod } from '../../api/disruption/budgets.ts';
import type {
  ObjectReference,
  Pod,
  PodDisruptionBudget,
  PodDisruptionBudgetStatus,
} from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import { withCondition } from '../../api/pod/conditions.ts';
import { objectKey } from '../../client/indexed-store.ts';
import { podDisruptionBudgets, pods } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import { type Controller, type ControllerContext, defaultWorkers } from '../controller.ts';
import { controllersToAsk, decideBudget, failedStatus, type FoundScale, staleIn } from './decide.ts';
import { createScaleFinder } from './find-scale.ts';

const account = 'disruption-controller';

function referenceOf({ apiVersion, kind, metadata }: PodDisruptionBudget | Pod): ObjectReference {
  const { name = '', namespace = '', uid = '', resourceVersion = '' } = metadata ?? {};
  return { apiVersion: apiVersion ?? '', kind: kind ?? '', name, namespace, uid, resourceVersion };
}

const namespaceOf = ({ metadata }: PodDisruptionBudget | Pod): string => metadata?.namespace ?? '';

export const disruptionController: Controller = (context) => {
  const { clock, logger, metrics, informers } = context;
  const { pods: podInformer, podDisruptionBudgets: budgets } = informers;
  const client = context.clientFor(account);
  const events = context.events('controllermanager');
  const queue = createWorkqueue({ clock, logger, metrics, name: 'disruption' });
  const finder = createScaleFinder({ client, transport: context.transport, clock });
  const clearStale = staleConditions(context);
  const enqueue = (budget: PodDisruptionBudget): void => queue.add(objectKey(budget));
  const podChanged = (pod: Pod): void => {
    const [chosen, ...more] = budgetsOfPod(pod, budgets.byIndex('namespace', namespaceOf(pod)));
    if (chosen === undefined) return;
    if (more.length > 0) {
      const [namespace, name, budget] = [namespaceOf(pod), pod.metadata?.name ?? '', chosen.metadata?.name ?? ''].map(
        goQuote,
      );
      const text = `Pod ${namespace}/${name} matches multiple PodDisruptionBudgets.  Chose ${budget} arbitrarily.`;
      events.event(referenceOf(pod), 'Warning', 'MultiplePodDisruptionBudgets', text);
    }
    enqueue(chosen);
  };
  podInformer.addHandler({ onAdd: podChanged, onUpdate: (_, pod) => podChanged(pod), onDelete: podChanged });
  budgets.addHandler({ onAdd: enqueue, onUpdate: (_, budget) => enqueue(budget) });

  const scalesFor = async (
    budget: PodDisruptionBudget,
    inNamespace: readonly Pod[],
    signal: AbortSignal,
  ): Promise<Map<string, FoundScale>> => {
    const found = new Map<string, FoundScale>();
    for (const reference of controllersToAsk(budget, inNamespace))
      found.set(reference.uid, await finder.find(reference, namespaceOf(budget), signal));
    return found;
  };
  const write = async (
    budget: PodDisruptionBudget,
    status: PodDisruptionBudgetStatus,
    signal: AbortSignal,
  ): Promise<void> => {
    const put = (one: PodDisruptionBudgetStatus): Promise<unknown> =>
      client.update(podDisruptionBudgets, { ...budget, status: one }, { subresource: 'status', signal });
    try {
      await put(status);
    } catch (error) {
      if (signal.aborted || isApiError(error, 'Conflict')) throw error;
      logger.error('a disruption budget could not be counted', { budget: objectKey(budget), error });
      await put(failedStatus(budget, error instanceof Error ? error.message : String(error), clock.now()));
    }
  };
  const sync = async (key: string, signal: AbortSignal): Promise<void> => {
    const budget = budgets.get(key);
    if (budget === undefined) return;
    const inNamespace = podInformer.byIndex('namespace', namespaceOf(budget));
    const scales = await scalesFor(budget, inNamespace, signal);
    for (const action of decideBudget({ budget, pods: inNamespace, scales }, clock.now())) {
      switch (action.do) {
        case 'tell':
          events.event(referenceOf(action.about), action.type, action.reason, action.message);
          break;
        case 'write':
          await write(budget, action.status, signal);
          break;
        case 'recheck':
          // What is due exactly now is not over yet.
          queue.addAfter(key, Math.max(1, action.afterMs));
          break;
        default:
          action satisfies never;
      }
    }
  };
  return async (signal) => {
    await Promise.all([queue.run(defaultWorkers, signal, sync), clearStale(signal)]);
  };
};

/** Takes back that pods are about to go that did not. */
function staleConditions(context: ControllerContext): (signal: AbortSignal) => Promise<void> {
  const { clock, logger, metrics, informers } = context;
  const client = context.clientFor(account);
  const queue = createWorkqueue({ clock, logger, metrics, name: 'stale_pod_disruption' });
  const look = (pod: Pod): void => {
    const afterMs = staleIn(pod, clock.now());
    if (afterMs !== undefined) queue.addAfter(objectKey(pod), afterMs);
  };
  informers.pods.addHandler({ onAdd: look, onUpdate: (_, pod) => look(pod) });
  return (signal) =>
    queue.run(defaultWorkers, signal, async (key) => {
      const pod = informers.pods.get(key);
      const afterMs = pod && staleIn(pod, clock.now());
      if (pod === undefined || afterMs === undefined) return;
      if (afterMs > 0) return queue.addAfter(key, afterMs);
      const { generation } = pod.metadata ?? {};
      const over = {
        type: 'DisruptionTarget',
        status: 'False',
        ...(generation === undefined ? {} : { observedGeneration: generation }),
      } as const;
      const conditions = [...withCondition(pod.status?.conditions, over, clock.now())];
      await client.update(pods, { ...pod, status: { ...pod.status, conditions } }, { subresource: 'status', signal });
    });
}
