// Watches over nodes: one that falls silent is marked Unknown and tainted, and its pods are marked not ready.
// The pods of a dead node are ended by the taint eviction controller. Not here yet: rate limits per zone.

import type { Node, Pod } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { formatTime } from '../../api/meta/time.ts';
import { nodes, pods } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import { type Controller, type ControllerContext, type ControllerEvents, defaultWorkers } from '../controller.ts';
import { decideNode, type Heartbeat, heard, type NodeVerdict } from './decide.ts';

export const nodeLifecycleController: Controller = (context) => {
  const { clock, logger, informers } = context;
  const queue = createWorkqueue({ clock, logger });
  const events = context.events('node-controller');
  const podInformer = informers.pods;
  const heartbeats = new Map<string, Heartbeat>();
  const lastReady = new Map<string, string>();
  const record = (node: Node, reason: string, message: string): void =>
    events.event(referenceOf(node), 'Normal', reason, message);
  informers.nodes.addHandler({
    onAdd: (node) => {
      const name = node.metadata?.name ?? '';
      record(node, 'RegisteredNode', `Node ${name} event: Registered Node ${name} in Controller`);
      queue.add(name);
    },
    onUpdate: (_old, node) => queue.add(node.metadata?.name ?? ''),
    onDelete: (node) => {
      const name = node.metadata?.name ?? '';
      record(node, 'RemovingNode', `Node ${name} event: Removing Node ${name} from Controller`);
      heartbeats.delete(name);
      lastReady.delete(name);
    },
  });
  // A renewal changes nothing but the time of the next look, which finds it here.
  const leaseSeen = (name = ''): void => {
    const node = informers.nodes.get(name);
    if (node) heartbeats.set(name, heardOf(name, node));
  };
  const heardOf = (name: string, node: Node): Heartbeat =>
    heard(heartbeats.get(name), node, informers.nodeLeases.get(`kube-node-lease/${name}`), clock.now());
  informers.nodeLeases.addHandler({
    onAdd: (lease) => leaseSeen(lease.metadata?.name),
    onUpdate: (_old, lease) => leaseSeen(lease.metadata?.name),
  });
  return (signal) =>
    queue.run(defaultWorkers, signal, async (name) => {
      const node = informers.nodes.get(name);
      if (!node) return;
      const heartbeat = heardOf(name, node);
      heartbeats.set(name, heartbeat);
      const verdict = decideNode(node, heartbeat, clock.now());
      if (verdict.recheckAt !== undefined) queue.addAfter(name, verdict.recheckAt - clock.now());
      try {
        // Once per loss of readiness: a kubelet that is alive may know better about its pods.
        if (verdict.ready !== 'True' && lastReady.get(name) !== verdict.ready)
          await markPodsNotReady(context, events, podInformer.byIndex('node', name), signal);
        lastReady.set(name, verdict.ready);
        await carryOut(context, events, node, verdict, signal);
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    });
};

const referenceOf = ({ metadata }: Node) => ({
  kind: 'Node',
  apiVersion: 'v1',
  name: metadata?.name ?? '',
  uid: metadata?.uid ?? '',
});

async function carryOut(
  { client }: ControllerContext,
  events: ControllerEvents,
  node: Node,
  { conditions, taints }: NodeVerdict,
  signal: AbortSignal,
): Promise<void> {
  const name = node.metadata?.name ?? '';
  if (conditions.length > 0) {
    const body = { status: { conditions } };
    await client.patch(nodes, { name }, { type: 'strategic', body }, { subresource: 'status', signal });
    if (conditions.some(({ type }) => type === 'Ready')) {
      events.event(referenceOf(node), 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
    }
    // The taints follow when the watch brings the node as it now is.
    return;
  }
  if (taints) {
    // The version makes the write fail where somebody else changed the node meanwhile; the retry sees their taints.
    const body = { metadata: { resourceVersion: node.metadata?.resourceVersion ?? '' }, spec: { taints } };
    await client.patch(nodes, { name }, { type: 'merge', body }, { signal });
  }
}

/** Pods of a node that is not ready are not ready either, so that nothing is sent to them. Follows controllerutil.MarkPodsNotReady. */
async function markPodsNotReady(
  { client, clock }: ControllerContext,
  events: ControllerEvents,
  nodePods: readonly Pod[],
  signal: AbortSignal,
): Promise<void> {
  for (const pod of nodePods) {
    if (!isReady(pod)) continue;
    const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
    const condition = { type: 'Ready', status: 'False', lastTransitionTime: formatTime(clock.now()) };
    const body = { status: { conditions: [condition] } };
    try {
      await client.patch(pods, { name, namespace }, { type: 'strategic', body }, { subresource: 'status', signal });
      events.event(
        { kind: 'Pod', apiVersion: 'v1', name, namespace, uid },
        'Warning',
        'NodeNotReady',
        'Node is not ready',
      );
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
}

const isReady = (pod: Pod): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
