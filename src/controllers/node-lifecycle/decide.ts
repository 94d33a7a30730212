// What a node's heartbeats and conditions mean: conditions turned Unknown, and taints. Pure.

import type { Lease, Node, NodeCondition, Taint } from '../../api/generated/types.ts';
import { formatTime } from '../../api/meta/time.ts';

/** The last sign of life that was seen of a node, and when (ms, our own clock: the node's may be wrong). */
export interface Heartbeat {
  renewTime: string;
  statusTime: string;
  seenAt: number;
}

export interface NodeVerdict {
  /** Conditions to be written to the node's status; empty when none change. */
  conditions: NodeCondition[];
  /** All taints that the node should have, or undefined when it has them. */
  taints: Taint[] | undefined;
  /** The status of Ready that results: True, False or Unknown. */
  ready: string;
  /** When the verdict changes by itself (ms). */
  recheckAt: number | undefined;
}

/** Default of --node-monitor-grace-period. */
export const gracePeriodMs = 50_000;

const readyTime = (node: Node): string =>
  node.status?.conditions?.find(({ type }) => type === 'Ready')?.lastHeartbeatTime ?? '';

/** Takes note of a node's lease and status: a change of either is a sign of life. */
export function heard(before: Heartbeat | undefined, node: Node, lease: Lease | undefined, now: number): Heartbeat {
  const renewTime = lease?.spec?.renewTime ?? '';
  const statusTime = readyTime(node);
  if (before && before.renewTime === renewTime && before.statusTime === statusTime) return before;
  return { renewTime, statusTime, seenAt: now };
}

const watched = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** The watched conditions as Unknown, for a node that has gone silent; only those that are not so already. */
function silenced(node: Node, now: number): NodeCondition[] {
  const time = formatTime(now);
  return watched.flatMap((type): NodeCondition[] => {
    const old = node.status?.conditions?.find((condition) => condition.type === type);
    if (!old) {
      const created = node.metadata?.creationTimestamp ?? time;
      return [
        {
          type,
          status: 'Unknown',
          reason: 'NodeStatusNeverUpdated',
          message: 'Kubelet never posted node status.',
          lastHeartbeatTime: created,
          lastTransitionTime: time,
        },
      ];
    }
    if (old.status === 'Unknown') return [];
    return [
      {
        ...old,
        status: 'Unknown',
        reason: 'NodeStatusUnknown',
        message: 'Kubelet stopped posting node status.',
        lastTransitionTime: time,
      },
    ];
  });
}

const taint = (name: string, effect: Taint['effect']): Taint => ({ key: `node.kubernetes.io/${name}`, effect });

/** Keys that this controller owns with NoSchedule, and with NoExecute. */
const ownNoSchedule = new Set(
  [
    'not-ready',
    'unreachable',
    'memory-pressure',
    'disk-pressure',
    'pid-pressure',
    'network-unavailable',
    'unschedulable',
  ].map((name) => `node.kubernetes.io/${name}`),
);
const ownNoExecute = new Set(['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']);

const isOwn = ({ key, effect }: Taint): boolean =>
  (effect === 'NoSchedule' && ownNoSchedule.has(key)) || (effect === 'NoExecute' && ownNoExecute.has(key));

/** What happens with NoExecute taints: they are set, left as they are, or taken away. */
export type Expulsion = 'set' | 'leave' | 'clear';

/** Whether the node's pods are being expelled for its readiness. */
export const isExpelling = (node: Node): boolean =>
  (node.spec?.taints ?? []).some(({ key, effect }) => effect === 'NoExecute' && ownNoExecute.has(key));

/** The taints that conditions ask for. Follows nodeConditionToTaintKeyStatusMap and processTaintBaseEviction. */
function wantedTaints(node: Node, conditions: readonly NodeCondition[], expulsion: Expulsion): Taint[] {
  const status = (type: string): string => conditions.find((condition) => condition.type === type)?.status ?? '';
  const wanted: Taint[] = [];
  const ready = status('Ready');
  const unready = ready === 'False' ? 'not-ready' : ready === 'Unknown' ? 'unreachable' : undefined;
  if (unready !== undefined) {
    wanted.push(taint(unready, 'NoSchedule'));
    if (expulsion === 'set' || (expulsion === 'leave' && isExpelling(node))) wanted.push(taint(unready, 'NoExecute'));
  }
  if (status('MemoryPressure') === 'True') wanted.push(taint('memory-pressure', 'NoSchedule'));
  if (status('DiskPressure') === 'True') wanted.push(taint('disk-pressure', 'NoSchedule'));
  if (status('PIDPressure') === 'True') wanted.push(taint('pid-pressure', 'NoSchedule'));
  if (status('NetworkUnavailable') === 'True') wanted.push(taint('network-unavailable', 'NoSchedule'));
  if (node.spec?.unschedulable === true) wanted.push(taint('unschedulable', 'NoSchedule'));
  return wanted;
}

const sameTaint = (a: Taint, b: Taint): boolean => a.key === b.key && a.effect === b.effect;

/** Follows pkg/controller/nodelifecycle/node_lifecycle_controller.go. */
export function decideNode(node: Node, heartbeat: Heartbeat, now: number, expulsion: Expulsion = 'set'): NodeVerdict {
  const silentAt = heartbeat.seenAt + gracePeriodMs;
  const silent = now >= silentAt;
  const changes = silent ? silenced(node, now) : [];
  const conditions = [
    ...(node.status?.conditions ?? []).filter(({ type }) => !changes.some((change) => change.type === type)),
    ...changes,
  ];
  const ready = conditions.find(({ type }) => type === 'Ready')?.status ?? 'Unknown';
  const current = node.spec?.taints ?? [];
  const wanted = wantedTaints(node, conditions, expulsion);
  // A node that has not reported at all keeps the taint that it was created with.
  const known = conditions.some(({ type }) => type === 'Ready');
  const missing = wanted.filter((each) => !current.some((other) => sameTaint(each, other)));
  const superfluous = current.filter(
    (each) =>
      isOwn(each) &&
      !wanted.some((other) => sameTaint(each, other)) &&
      (known || each.key !== 'node.kubernetes.io/not-ready'),
  );
  const timed = missing.map((each) => (each.effect === 'NoExecute' ? { ...each, timeAdded: formatTime(now) } : each));
  const taints =
    missing.length === 0 && superfluous.length === 0
      ? undefined
      : [...current.filter((each) => !superfluous.includes(each)), ...timed];
  return { conditions: changes, taints, ready, recheckAt: silent ? undefined : silentAt };
}
