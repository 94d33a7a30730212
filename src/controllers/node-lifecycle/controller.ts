// Watches over nodes: one that falls silent is marked Unknown and tainted, and its pods are marked not ready.
// The pods of a dead node are ended by the taint eviction controller, as its NoExecute taints ask for.

import type { Node, Pod } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { formatTime } from '../../api/meta/time.ts';
import { nodes, pods } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';
import { type Controller, type ControllerContext, type ControllerEvents, defaultWorkers } from '../controller.ts';
import { decideNode, type Expulsion, type Heartbeat, heard, isExpelling, type NodeVerdict } from './decide.ts';
import { evictionPace } from './eviction-pace.ts';

export const nodeLifecycleController: Controller = (context) => {
  const { clock, logger, metrics, informers } = context;
  const queue = createWorkqueue({ clock, logger, metrics, name: 'node_lifecycle_controller' });
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
    onUpdate(old, node) {
      queue.add(node.metadata?.name ?? '');
      // How many are dead decides on what happens with each.
      if (readyOf(old) === readyOf(node)) return;
      for (const other of informers.nodes.list()) if (readyOf(other) !== 'True') queue.add(other.metadata?.name ?? '');
    },
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
  const pacers = new Map<string, { perSecond: number; bucket: TokenBucket }>();
  /** Whether one more node of the zone may expel its pods now. */
  const mayExpel = (zone: string, perSecond: number): boolean => {
    if (perSecond === 0) return false;
    const known = pacers.get(zone);
    const pacer = known?.perSecond === perSecond ? known : { perSecond, bucket: new TokenBucket(clock, perSecond, 1) };
    pacers.set(zone, pacer);
    return pacer.bucket.tryTake();
  };
  const expulsionOf = (name: string, node: Node): Expulsion => {
    const ready = readyOf(node);
    if (ready === undefined || ready === 'True') return 'leave';
    const pace = evictionPace(informers.nodes.list(), node);
    if (pace.type === 'never') return 'clear';
    if (isExpelling(node) || mayExpel(pace.zone, pace.perSecond)) return 'set';
    if (pace.perSecond > 0) queue.addAfter(name, 1000 / pace.perSecond);
    return 'leave';
  };
  return (signal) =>
    queue.run(defaultWorkers, signal, async (name) => {
      const node = informers.nodes.get(name);
      if (!node) return;
      const heartbeat = heardOf(name, node);
      heartbeats.set(name, heartbeat);
      const verdict = decideNode(node, heartbeat, clock.now(), expulsionOf(name, node));
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

/** True, False, Unknown, or nothing where it was never reported. */
const readyOf = ({ status }: Node): string | undefined =>
  status?.conditions?.find(({ type }) => type === 'Ready')?.status;

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
