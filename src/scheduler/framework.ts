// The plugin contract of the scheduler: plain objects with optional hooks, run per profile around one pod's decision.

import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
  Taint,
} from '../api/generated/types.ts';
import type { HostPort } from '../api/placement/host-ports.ts';

/** A pod with what scheduling needs of it worked out once. */
export interface PodInfo {
  readonly pod: Pod;
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** "namespace/name". */
  readonly key: string;
  readonly schedulerName: string;
  /** '' while unassigned. */
  readonly nodeName: string;
  readonly priority: number;
  /** By resource: cpu in millicores, everything else in its own unit (bytes, counts). Only what is above zero. */
  readonly requests: ReadonlyMap<string, number>;
  /** Requests with 100 millicores and 200 MiB put in for containers that ask for none, for scoring only. */
  readonly scoringCpu: number;
  readonly scoringMemory: number;
  readonly hostPorts: readonly HostPort[];
  /** Equal for pods that any node-local plugin must treat alike. */
  readonly shape: string;
}

/** A node as plugins see it during a cycle. Amounts are in the units of PodInfo.requests and include assumed pods. */
export interface NodeView {
  readonly name: string;
  readonly node: Node;
  /** Equal numbers mean equal taints. */
  readonly taintSet: number;
  readonly taints: readonly Taint[];
  readonly pods: ReadonlyMap<string, PodInfo>;
  allocatable(resource: string): number;
  requested(resource: string): number;
  readonly allocatablePods: number;
  readonly scoringCpu: number;
  readonly scoringMemory: number;
  portsConflict(wanted: readonly HostPort[]): boolean;
}

/** Why a plugin says no. Reasons are the texts counted in the pod's message. */
export interface Rejection {
  readonly reasons: readonly string[];
  /** Set where removing pods from the node would not help. */
  readonly unresolvable?: boolean;
}

export type PreFilterResult<F> =
  | { kind: 'proceed'; state: F; nodes?: ReadonlySet<string> }
  /** The plugin's filter has nothing to do for this pod. */
  | { kind: 'skip' }
  | { kind: 'reject'; rejection: Rejection };

export type PreScoreResult<S> = { kind: 'proceed'; state: S } | { kind: 'skip' };

/** What changed in the cluster; a rejected pod is tried again when a plugin that rejected it says that the change may help. */
export type ClusterEvent =
  | { type: 'node-added'; node: Node }
  | { type: 'node-updated'; node: Node; old: Node; changed: ReadonlySet<NodeAspect> }
  | { type: 'assigned-pod-added' | 'assigned-pod-updated' | 'assigned-pod-deleted'; pod: PodInfo }
  | { type: 'claim-changed'; claim: PersistentVolumeClaim }
  | { type: 'volume-changed'; volume: PersistentVolume }
  | { type: 'storage-class-changed'; storageClass: StorageClass; old?: StorageClass }
  /** The waiting pod itself. */
  | { type: 'pod-updated'; pod: PodInfo; old: PodInfo };

export type NodeAspect =
  | 'allocatable'
  | 'labels'
  | 'annotations'
  | 'taints'
  | 'unschedulable'
  | 'conditions'
  | 'images';

/** Why each node was refused, for postFilter. */
export interface Diagnosis {
  /** By node name; nodes left out failed with `absent`. */
  readonly rejections: ReadonlyMap<string, Rejection>;
  readonly absent: Rejection | undefined;
  /** Set when a preFilter rejected the pod as a whole. */
  readonly preFilterMessage: string;
  /** Names of the plugins that rejected. */
  readonly plugins: ReadonlySet<string>;
}

export interface PostFilterContext {
  readonly pod: PodInfo;
  readonly diagnosis: Diagnosis;
  readonly nodes: readonly NodeView[];
}

/**
 * A scheduler plugin. filter and score are synchronous and pure: they see the pod, one node and what their own preFilter or
 * preScore gave. F and S are the types of those states. Follows kube-scheduler's framework (v1.36) in its extension points.
 */
export interface Plugin<F = unknown, S = unknown> {
  readonly name: string;
  /**
   * True when filter and score depend on the pod's shape and that one node alone. Results are then kept until the node
   * changes, which makes a run of like pods cheap. A plugin without it turns that off for every pod for which it has something
   * to do: whether it skips a pod must follow from the pod's shape.
   */
  readonly nodeLocal?: boolean;
  /** A pod that is rejected here does not enter the queue before it changes. */
  preEnqueue?(pod: PodInfo): Rejection | undefined;
  /** Whether the event might make a pod that this plugin rejected schedulable. Without it every event might. */
  queueingHint?(pod: PodInfo, event: ClusterEvent): boolean;
  preFilter?(pod: PodInfo): PreFilterResult<F>;
  filter?(pod: PodInfo, node: NodeView, state: F): Rejection | undefined;
  /** Runs when no node fits; its text ends the pod's message. */
  postFilter?(context: PostFilterContext): string;
  preScore?(pod: PodInfo): PreScoreResult<S>;
  /** Any finite number of at least 0; at most 100 unless `normalize` brings it there. */
  score?(pod: PodInfo, node: NodeView, state: S): number;
  /** Brings the scores of the nodes in question to 0…100, given the highest of them. */
  normalize?(score: number, highest: number): number;
  /** Takes what the pod needs outside the node's columns; undone by unreserve when a later step fails. */
  reserve?(pod: PodInfo, nodeName: string): Rejection | undefined;
  unreserve?(pod: PodInfo, nodeName: string): void;
  /** May wait as long as it likes (until the signal aborts); the pod holds its place meanwhile. */
  permit?(pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Rejection | undefined>;
  preBind?(pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Rejection | undefined>;
  /** True when it has bound the pod; false leaves it to the next plugin. */
  bind?(pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<boolean>;
}

/** Any plugin, where the types of its states do not matter. */
export type AnyPlugin = Plugin;

/** The plugins that serve one spec.schedulerName, in order. */
export interface Profile {
  readonly schedulerName: string;
  readonly plugins: readonly { plugin: AnyPlugin; weight?: number }[];
  /** Share of the nodes after which the search stops, 1…100; by cluster size when absent. */
  readonly percentageOfNodesToScore?: number;
}

export const maxNodeScore = 100;
