// The scheduler: watches pods and nodes, decides one pod at a time, and binds without waiting for the API.

import type { Node, ObjectReference, Pod } from '../api/generated/types.ts';
import { equalJson } from '../api/meta/equal.ts';
import { claimKeysOf } from '../api/pod/claim-names.ts';
import type { Client } from '../client/client.ts';
import { createInformer } from '../client/informer.ts';
import { nodes, pods } from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { nextTurn } from '../lib/next-turn.ts';
import type { Random } from '../lib/random.ts';
import { SchedulingCycle } from './cycle.ts';
import { fitErrorMessage } from './fit-error.ts';
import type { AnyPlugin, ClusterEvent, NodeView, PodInfo, Profile, Rejection } from './framework.ts';
import { changedAspects, NodeCache } from './node-cache.ts';
import { defaultBinder } from './plugins/default-binder.ts';
import { defaultProfile } from './plugins/default-profile.ts';
import { podInfoOf } from './pod-info.ts';
import { conditionPatch, type PodScheduledCondition } from './pod-scheduled-condition.ts';
import { type QueuedPod, SchedulingQueue } from './queue.ts';
import { createSchedulerStorage, type SchedulerStorage } from './storage/storage-plugins.ts';

/** What the scheduler needs of an event recorder; client/event-recorder.ts has it. */
export interface SchedulerEvents {
  event(object: ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string, action?: string): void;
}

export interface SchedulerOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  recorder: SchedulerEvents;
  /** One per spec.schedulerName served, given the plugin that binds and those that know of claims; default-scheduler alone when absent. */
  profiles?: (binder: AnyPlugin, storage: readonly AnyPlugin[]) => readonly Profile[];
}

export interface Scheduler {
  /** Resolves once the cluster is known and pods are being placed; that goes on in the background until the signal aborts. */
  start(signal: AbortSignal): Promise<void>;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  return new PodScheduler(options);
}

// One turn of the event loop places pods for at most this long, or this many where the clock stands still.
const sliceMs = 5;
const slicePods = 200;
/** How long a bound pod may take to show up in the watch before its place is given up. */
const assumedForMs = 15 * 60_000;
const lookUpMs = 60_000;
const maxEventMessage = 1024;
/** Stands for "there was no node at all" among the plugins that rejected. */
const noNodes = '(no nodes)';

class PodScheduler implements Scheduler {
  readonly #options: SchedulerOptions;
  readonly #clock: Clock;
  readonly #cache = new NodeCache();
  readonly #queue: SchedulingQueue;
  readonly #storage: SchedulerStorage;
  readonly #profiles = new Map<string, { profile: Profile; cycle: SchedulingCycle }>();
  #wake: (() => void) | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#clock = options.clock;
    const binder = defaultBinder(options.client, pods);
    this.#storage = createSchedulerStorage({
      ...options,
      announce: (event) => this.#announce(event),
      isUsed: (key) => this.#cache.nodes().some((node) => usesClaim(node, key)),
    });
    const { plugins: storage } = this.#storage;
    for (const profile of options.profiles?.(binder, storage) ?? [defaultProfile(binder, storage)]) {
      this.#profiles.set(profile.schedulerName, {
        profile,
        cycle: new SchedulingCycle(profile, this.#cache, options.random),
      });
    }
    this.#queue = new SchedulingQueue({
      gate: (info) => this.#gate(info),
      mayHelp: (info, plugins, event) => this.#mayHelp(info, plugins, event),
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    const { client, clock, random, logger } = this.#options;
    const shared = { client, clock, random, logger };
    const nodeInformer = createInformer<Node>({
      ...shared,
      resource: nodes,
      onAdd: (node) => this.#nodeAdded(node),
      onUpdate: (old, node) => this.#nodeUpdated(old, node),
      onDelete: (node) => this.#cache.removeNode(node.metadata?.name ?? ''),
    });
    const podInformer = createInformer<Pod>({
      ...shared,
      resource: pods,
      fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed',
      onAdd: (pod) => this.#podSet(undefined, pod),
      onUpdate: (old, pod) => this.#podSet(old, pod),
      onDelete: (pod) => this.#podGone(podInfoOf(pod)),
    });
    nodeInformer.start(signal);
    podInformer.start(signal);
    await Promise.all([nodeInformer.synced(), podInformer.synced(), this.#storage.start(signal)]);
    void this.#loop(signal);
  }

  #nodeAdded(node: Node): void {
    this.#cache.setNode(node);
    this.#announce({ type: 'node-added', node });
  }

  #nodeUpdated(old: Node, node: Node): void {
    const changed = changedAspects(old, node);
    // Most updates are heartbeats.
    if (changed.size === 0) return;
    this.#cache.setNode(node);
    this.#announce({ type: 'node-updated', node, old, changed });
  }

  #podSet(old: Pod | undefined, pod: Pod): void {
    const info = podInfoOf(pod);
    const before = old && podInfoOf(old);
    if (info.nodeName !== '') {
      this.#queue.remove(info.uid);
      if (before && before.nodeName !== '' && sameForOthers(before, info)) return;
      this.#cache.setPod(info);
      this.#announce({
        type: before && before.nodeName !== '' ? 'assigned-pod-updated' : 'assigned-pod-added',
        pod: info,
      });
      return;
    }
    if (!this.#profiles.has(info.schedulerName) || pod.metadata?.deletionTimestamp !== undefined) {
      this.#queue.remove(info.uid);
      return;
    }
    // A status update, most often our own, is no reason to try again.
    if (before && sameForItself(before, info)) this.#queue.refresh(info);
    else if (this.#queue.get(info.uid)) this.#queue.update(info, this.#clock.monotonic());
    else if (!this.#cache.isAssumed(info.uid)) this.#queue.add(info, this.#clock.monotonic());
    if (this.#queue.get(info.uid)?.place === 'gated') void this.#noteGates(info);
    this.#wakeUp();
  }

  #podGone(info: PodInfo): void {
    this.#queue.remove(info.uid);
    if (!this.#cache.has(info.uid)) return;
    this.#cache.removePod(info.uid);
    this.#announce({ type: 'assigned-pod-deleted', pod: info });
  }

  #announce(event: ClusterEvent): void {
    this.#queue.event(event, this.#clock.monotonic());
    this.#wakeUp();
  }

  #wakeUp(): void {
    this.#wake?.();
  }

  #plugins(info: PodInfo): readonly AnyPlugin[] {
    return this.#profiles.get(info.schedulerName)?.profile.plugins.map(({ plugin }) => plugin) ?? [];
  }

  #gate(info: PodInfo): ReadonlySet<string> {
    const held = this.#plugins(info).filter((plugin) => plugin.preEnqueue?.(info) !== undefined);
    return new Set(held.map(({ name }) => name));
  }

  #mayHelp(info: PodInfo, rejectedBy: ReadonlySet<string>, event: ClusterEvent): boolean {
    if (rejectedBy.size === 0) return true;
    if (rejectedBy.has(noNodes)) return event.type === 'node-added';
    return this.#plugins(info).some(
      (plugin) => rejectedBy.has(plugin.name) && (plugin.queueingHint?.(info, event) ?? true),
    );
  }

  async #loop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const now = this.#clock.monotonic();
      this.#queue.advance(now);
      for (const info of this.#cache.expire(now)) {
        this.#options.logger.warn('scheduler: a bound pod never showed up as such', { pod: info.key });
      }
      const until = this.#clock.monotonic() + sliceMs;
      for (let placed = 0; placed < slicePods && this.#clock.monotonic() < until; placed++) {
        const queued = this.#queue.pop(now);
        if (!queued) break;
        this.#tryOne(queued, signal);
      }
      if (this.#queue.readyCount > 0) await nextTurn();
      else await this.#idle(signal);
    }
  }

  /** Until something changes or a back-off ends; with nothing due it still looks up now and then, for assumed pods that expire. */
  #idle(signal: AbortSignal): Promise<void> {
    const due = this.#queue.nextDue();
    const ms = due === undefined ? lookUpMs : Math.max(0, due - this.#clock.monotonic());
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel();
        signal.removeEventListener('abort', wake);
        this.#wake = undefined;
        resolve();
      };
      const timer = this.#clock.after(ms, wake);
      signal.addEventListener('abort', wake, { once: true });
      this.#wake = wake;
    });
  }

  /** A plugin that throws costs its pod an attempt, and nobody else anything. */
  #tryOne(queued: QueuedPod, signal: AbortSignal): void {
    try {
      this.#scheduleOne(queued, signal);
    } catch (error) {
      const { info } = queued;
      this.#options.logger.error('scheduler: an attempt failed', { pod: info.key, error });
      this.#failed(info, error instanceof Error ? error.message : String(error), undefined);
    }
  }

  #scheduleOne(queued: QueuedPod, signal: AbortSignal): void {
    const { info } = queued;
    const scheduling = this.#profiles.get(info.schedulerName);
    if (!scheduling) return this.#queue.remove(info.uid);
    const decision = scheduling.cycle.decide(info);
    switch (decision.kind) {
      case 'no-nodes':
        return this.#failed(info, 'no nodes available to schedule pods', new Set([noNodes]));
      case 'unschedulable': {
        const { diagnosis, nodeCount } = decision;
        const context = { pod: info, diagnosis, nodes: this.#cache.nodes() };
        const after = this.#plugins(info).map((plugin) => plugin.postFilter?.(context) ?? '');
        const message = fitErrorMessage(nodeCount, diagnosis, after.filter((text) => text !== '').join(', '));
        return this.#failed(info, message, diagnosis.plugins);
      }
      case 'fits':
        this.#cache.assume(info, decision.nodeName);
        void this.#place(info, decision.nodeName, signal);
        return;
      default:
        decision satisfies never;
    }
  }

  /** Reserve, permit, preBind, bind; whatever fails gives the place back. */
  async #place(info: PodInfo, nodeName: string, signal: AbortSignal): Promise<void> {
    const plugins = this.#plugins(info);
    const giveBack = (): void => {
      for (const plugin of plugins.toReversed()) plugin.unreserve?.(info, nodeName);
      this.#cache.forget(info.uid);
    };
    try {
      const rejected = await runUntilRejected(plugins, info, nodeName, signal);
      if (rejected) {
        giveBack();
        const diagnosis = {
          rejections: new Map([[nodeName, rejected.rejection]]),
          absent: undefined,
          preFilterMessage: '',
          plugins: new Set([rejected.plugin]),
        };
        this.#failed(info, fitErrorMessage(1, diagnosis), diagnosis.plugins);
      } else {
        await bind(plugins, info, nodeName, signal);
        this.#cache.bound(info.uid, this.#clock.monotonic() + assumedForMs);
        this.#queue.remove(info.uid);
        this.#options.recorder.event(
          referenceOf(info),
          'Normal',
          'Scheduled',
          `Successfully assigned ${info.namespace}/${info.name} to ${nodeName}`,
          'Binding',
        );
        return;
      }
    } catch (error) {
      giveBack();
      if (signal.aborted) return;
      const message = error instanceof Error ? error.message : String(error);
      this.#options.logger.warn('scheduler: binding failed', { pod: info.key, node: nodeName, error });
      this.#failed(info, message, undefined);
    }
    // Its place is free again, which may help others.
    this.#announce({ type: 'assigned-pod-deleted', pod: { ...info, nodeName } });
  }

  /** Back to the queue, with a condition and an event; `rejectedBy` is undefined for an error rather than a verdict. */
  #failed(info: PodInfo, message: string, rejectedBy: ReadonlySet<string> | undefined): void {
    const queued = this.#queue.get(info.uid);
    // Deleted, or bound by someone else, meanwhile.
    if (!queued) return;
    if (rejectedBy) this.#queue.failUnschedulable(info.uid, rejectedBy, this.#clock.monotonic());
    else this.#queue.failError(info.uid, this.#clock.monotonic());
    this.#options.recorder.event(referenceOf(info), 'Warning', 'FailedScheduling', truncated(message), 'Scheduling');
    void this.#setCondition(queued.info.pod, { reason: rejectedBy ? 'Unschedulable' : 'SchedulerError', message });
  }

  /** The API server sets this condition on creation; this covers gated pods that came another way. */
  async #noteGates(info: PodInfo): Promise<void> {
    const gates = info.pod.spec?.schedulingGates ?? [];
    const known = info.pod.status?.conditions?.some(({ type }) => type === 'PodScheduled');
    if (gates.length === 0 || known === true) return;
    const message = 'Scheduling is blocked due to non-empty scheduling gates';
    await this.#setCondition(info.pod, { reason: 'SchedulingGated', message });
  }

  async #setCondition(pod: Pod, condition: PodScheduledCondition): Promise<void> {
    const body = conditionPatch(pod, condition, this.#clock.now());
    const { name = '', namespace = '' } = pod.metadata ?? {};
    if (!body) return;
    try {
      await this.#options.client.patch(
        pods,
        { name, namespace },
        { type: 'strategic', body },
        { subresource: 'status' },
      );
    } catch (error) {
      this.#options.logger.warn('scheduler: the PodScheduled condition could not be set', {
        pod: `${namespace}/${name}`,
        error,
      });
    }
  }
}

const usesClaim = ({ pods: onNode }: NodeView, key: string): boolean =>
  [...onNode.values()].some(({ pod }) => claimKeysOf(pod).includes(key));

const referenceOf = ({ pod, name, namespace, uid }: PodInfo): ObjectReference => ({
  kind: 'Pod',
  apiVersion: 'v1',
  name,
  namespace,
  uid,
  resourceVersion: pod.metadata?.resourceVersion ?? '',
});

/** Whether an assigned pod counts the same as before for every other pod. */
const sameForOthers = (old: PodInfo, info: PodInfo): boolean =>
  old.uid === info.uid &&
  old.nodeName === info.nodeName &&
  old.shape === info.shape &&
  old.priority === info.priority &&
  old.pod.metadata?.deletionTimestamp === info.pod.metadata?.deletionTimestamp &&
  sameJson(old.pod.metadata?.labels, info.pod.metadata?.labels);

/** Whether nothing changed that could make a waiting pod schedulable. */
const sameForItself = (old: PodInfo, info: PodInfo): boolean =>
  sameForOthers(old, info) &&
  sameJson(old.pod.spec?.schedulingGates, info.pod.spec?.schedulingGates) &&
  sameJson(old.pod.metadata?.annotations, info.pod.metadata?.annotations);

const sameJson = (a: unknown, b: unknown): boolean => a === b || equalJson(a ?? {}, b ?? {});

const truncated = (message: string): string =>
  message.length <= maxEventMessage ? message : `${message.slice(0, maxEventMessage - 4)} ...`;

async function runUntilRejected(
  plugins: readonly AnyPlugin[],
  info: PodInfo,
  nodeName: string,
  signal: AbortSignal,
): Promise<{ plugin: string; rejection: Rejection } | undefined> {
  for (const plugin of plugins) {
    const rejection = plugin.reserve?.(info, nodeName);
    if (rejection) return { plugin: plugin.name, rejection };
  }
  for (const plugin of plugins) {
    const rejection = await plugin.permit?.(info, nodeName, signal);
    if (rejection) return { plugin: plugin.name, rejection };
  }
  for (const plugin of plugins) {
    const rejection = await plugin.preBind?.(info, nodeName, signal);
    if (rejection) return { plugin: plugin.name, rejection };
  }
  return undefined;
}

async function bind(
  plugins: readonly AnyPlugin[],
  info: PodInfo,
  nodeName: string,
  signal: AbortSignal,
): Promise<void> {
  for (const plugin of plugins) {
    try {
      if (await plugin.bind?.(info, nodeName, signal)) return;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`binding rejected: running Bind plugin "${plugin.name}": ${why}`, { cause: error });
    }
  }
  throw new Error('binding rejected: no plugin bound the pod');
}
