// Ends pods that do not tolerate a NoExecute taint of their node, at once or when their time is over.

import type { Node, ObjectReference, Pod, Taint } from '../../api/generated/types.ts';
import { equalJson } from '../../api/meta/equal.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { withCondition } from '../../api/pod/conditions.ts';
import { pods } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import { type Controller, type ControllerContext, defaultWorkers } from '../controller.ts';
import { decideEviction, expellingTaints, type PlannedEviction } from './decide.ts';

const keyOf = ({ metadata }: Pod): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;

const referenceOf = ({ metadata }: Pod): ObjectReference => ({
  kind: 'Pod',
  apiVersion: 'v1',
  name: metadata?.name ?? '',
  namespace: metadata?.namespace ?? '',
  uid: metadata?.uid ?? '',
});

export const taintEvictionController: Controller = (context) => {
  const { clock, logger, metrics, informers } = context;
  const queue = createWorkqueue({ clock, logger, metrics, name: 'noexec_taint_pod' });
  const events = context.events('taint-eviction-controller');
  const { nodes, pods: podInformer } = informers;
  /** Evictions that are to come, by the pod's uid. */
  const planned = new Map<string, PlannedEviction>();
  const tell = (pod: Pod, message: string): void =>
    events.event(referenceOf(pod), 'Normal', 'TaintManagerEviction', message);
  const taintsOf = (pod: Pod): readonly Taint[] => expellingTaints(nodes.get(pod.spec?.nodeName ?? ''));
  const nodeChanged = (before: readonly Taint[], node: Node): void => {
    if (equalJson(before, expellingTaints(node))) return;
    for (const pod of podInformer.byIndex('node', node.metadata?.name ?? '')) queue.add(keyOf(pod));
  };
  // Most pods are on nodes that expel nobody, and change often.
  const podChanged = (pod: Pod): void => {
    if (planned.has(pod.metadata?.uid ?? '') || taintsOf(pod).length > 0) queue.add(keyOf(pod));
  };
  nodes.addHandler({
    onAdd: (node) => nodeChanged([], node),
    onUpdate: (old, node) => nodeChanged(expellingTaints(old), node),
  });
  podInformer.addHandler({
    onAdd: podChanged,
    onUpdate: (_old, pod) => podChanged(pod),
    onDelete: (pod) => void planned.delete(pod.metadata?.uid ?? ''),
  });
  return (signal) =>
    queue.run(defaultWorkers, signal, async (key) => {
      const pod = podInformer.get(key);
      if (!pod?.spec?.nodeName) return;
      const uid = pod.metadata?.uid ?? '';
      const decision = decideEviction(pod, taintsOf(pod), planned.get(uid), clock.now());
      switch (decision.type) {
        case 'stay':
          planned.delete(uid);
          if (decision.cancelled) tell(pod, `Cancelling deletion of Pod ${key}`);
          break;
        case 'wait':
          planned.set(uid, decision.planned);
          queue.addAfter(key, decision.planned.dueAt - clock.now());
          break;
        case 'evict':
          tell(pod, `Marking for deletion Pod ${key}`);
          await evict(context, pod, signal);
          planned.delete(uid);
          break;
        default:
          decision satisfies never;
      }
    });
};

/** Says in the pod's status why it goes, then deletes it gracefully. */
async function evict({ client, clock }: ControllerContext, pod: Pod, signal: AbortSignal): Promise<void> {
  const { name = '', namespace = '', uid, generation } = pod.metadata ?? {};
  const update = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  } as const;
  const before = pod.status?.conditions ?? [];
  const conditions = withCondition(before, update, clock.now());
  try {
    if (conditions !== before) {
      const body = { status: { conditions: conditions.filter(({ type }) => type === update.type) } };
      await client.patch(pods, { name, namespace }, { type: 'strategic', body }, { subresource: 'status', signal });
    }
    await client.delete(pods, { name, namespace }, { ...(uid ? { preconditions: { uid } } : {}), signal });
  } catch (error) {
    // Gone already, or a new pod of that name.
    if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
  }
}
