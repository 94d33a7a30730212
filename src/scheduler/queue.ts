// The scheduling queue: pods ready to be tried, pods backing off, pods waiting for something to change, pods held by a gate.

import { Heap } from '../lib/heap.ts';
import type { ClusterEvent, PodInfo } from './framework.ts';

/** Where a pod is. 'in-flight' is out of the queue, being decided or bound. */
export type Place = 'active' | 'backoff' | 'unschedulable' | 'gated' | 'in-flight';

/** A pod in the queue. Only the queue changes it. */
export interface QueuedPod {
  info: PodInfo;
  place: Place;
  /** Times it was taken out to be tried. */
  attempts: number;
  /** ms; when it came to its place, for order and for the flush. */
  since: number;
  /** Breaks ties of `since`. */
  sequence: number;
  /** ms; not to be tried before. */
  backoffUntil: number;
  /** Plugins that turned it down last time, or hold it now. */
  rejectedBy: ReadonlySet<string>;
}

export interface QueueOptions {
  /** The plugins that hold the pod back from the queue; none lets it in. */
  gate(info: PodInfo): ReadonlySet<string>;
  /** Whether one of these plugins thinks that the event may help the pod. */
  mayHelp(info: PodInfo, plugins: ReadonlySet<string>, event: ClusterEvent): boolean;
}

// Defaults of the kube-scheduler configuration (podInitialBackoffSeconds, podMaxBackoffSeconds, podMaxInUnschedulablePodsDuration).
export const initialBackoffMs = 1_000;
export const maxBackoffMs = 10_000;
export const flushAfterMs = 5 * 60_000;

/** Highest priority first, then first come. Follows the PrioritySort plugin. */
function sortsBefore(a: QueuedPod, b: QueuedPod): boolean {
  if (a.info.priority !== b.info.priority) return a.info.priority > b.info.priority;
  return a.since === b.since ? a.sequence < b.sequence : a.since < b.since;
}

/** How long a pod rests after that many attempts: 1 s, 2 s, 4 s … 10 s. */
export function backoffMs(attempts: number): number {
  return attempts <= 0 ? 0 : Math.min(maxBackoffMs, initialBackoffMs * 2 ** (attempts - 1));
}

/** Every pod is in exactly one place. Times are passed in; the owner calls `advance` when `nextDue` comes. */
export class SchedulingQueue {
  readonly #options: QueueOptions;
  readonly #pods = new Map<string, QueuedPod>();
  readonly #active = new Heap<QueuedPod>(sortsBefore);
  readonly #backoff = new Heap<QueuedPod>((a, b) => a.backoffUntil < b.backoffUntil);
  readonly #unschedulable = new Set<QueuedPod>();
  #sequence = 0;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#pods.size;
  }

  get readyCount(): number {
    return this.#active.size;
  }

  get(uid: string): Readonly<QueuedPod> | undefined {
    return this.#pods.get(uid);
  }

  /** Takes in an unassigned pod; one that is known already is updated. */
  add(info: PodInfo, now: number): void {
    const known = this.#pods.get(info.uid);
    if (known) return this.update(info, now);
    const held = this.#options.gate(info);
    const queued: QueuedPod = {
      info,
      place: 'in-flight',
      attempts: 0,
      since: now,
      sequence: 0,
      backoffUntil: 0,
      rejectedBy: held,
    };
    this.#pods.set(info.uid, queued);
    this.#put(queued, held.size > 0 ? 'gated' : 'active', now);
  }

  /** The pod has changed. It may leave its gate, or be worth a new try. */
  update(info: PodInfo, now: number): void {
    const queued = this.#pods.get(info.uid);
    if (!queued) return this.add(info, now);
    const old = queued.info;
    queued.info = info;
    switch (queued.place) {
      case 'in-flight':
      case 'backoff':
        return;
      case 'active':
        return this.#active.update(queued);
      case 'gated': {
        queued.rejectedBy = this.#options.gate(info);
        if (queued.rejectedBy.size === 0) this.#put(queued, 'active', now);
        return;
      }
      case 'unschedulable':
        if (this.#options.mayHelp(info, queued.rejectedBy, { type: 'pod-updated', pod: info, old })) {
          this.#retry(queued, now);
        }
        return;
      default:
        queued.place satisfies never;
    }
  }

  /** A newer version of the pod that changes nothing for scheduling. */
  refresh(info: PodInfo): void {
    const queued = this.#pods.get(info.uid);
    if (queued) queued.info = info;
  }

  /** Forgets the pod: it is gone, or bound, or another scheduler's. */
  remove(uid: string): void {
    const queued = this.#pods.get(uid);
    if (!queued) return;
    this.#takeOut(queued);
    this.#pods.delete(uid);
  }

  /** The next pod to try, now in flight; `fail` or `remove` ends that. */
  pop(now: number): QueuedPod | undefined {
    const queued = this.#active.pop();
    if (!queued) return undefined;
    queued.place = 'in-flight';
    queued.since = now;
    queued.attempts++;
    return queued;
  }

  /** A pod in flight that no node took, turned down by these plugins: it waits for an event. Unknown pods are left out. */
  failUnschedulable(uid: string, rejectedBy: ReadonlySet<string>, now: number): void {
    const queued = this.#inFlight(uid);
    if (!queued) return;
    queued.rejectedBy = rejectedBy;
    queued.backoffUntil = now + backoffMs(queued.attempts);
    this.#put(queued, 'unschedulable', now);
  }

  /** A pod in flight whose attempt broke (an API error): it is tried again after its back-off. */
  failError(uid: string, now: number): void {
    const queued = this.#inFlight(uid);
    if (!queued) return;
    queued.rejectedBy = new Set();
    queued.backoffUntil = now + backoffMs(queued.attempts);
    this.#put(queued, 'backoff', now);
  }

  /** Moves the waiting pods that the event may help. */
  event(event: ClusterEvent, now: number): void {
    for (const queued of this.#unschedulable) {
      if (this.#options.mayHelp(queued.info, queued.rejectedBy, event)) this.#retry(queued, now);
    }
  }

  /** Moves what has rested or waited long enough. */
  advance(now: number): void {
    for (;;) {
      const first = this.#backoff.peek();
      if (!first || first.backoffUntil > now) break;
      this.#put(first, 'active', now);
    }
    for (const queued of this.#unschedulable) {
      // In order of arrival, so the first that is young enough ends the search.
      if (queued.since + flushAfterMs > now) break;
      this.#retry(queued, now);
    }
  }

  /** When `advance` has something to do next, in ms. */
  nextDue(): number | undefined {
    const backoff = this.#backoff.peek()?.backoffUntil;
    const [oldest] = this.#unschedulable;
    const flush = oldest && oldest.since + flushAfterMs;
    if (backoff === undefined) return flush;
    return flush === undefined ? backoff : Math.min(backoff, flush);
  }

  /** Every pod with its place, for tests and debugging. */
  entries(): IterableIterator<[string, QueuedPod]> {
    return this.#pods.entries();
  }

  /** How many pods each structure really holds, for tests. */
  counts(): { active: number; backoff: number; unschedulable: number } {
    return { active: this.#active.size, backoff: this.#backoff.size, unschedulable: this.#unschedulable.size };
  }

  #inFlight(uid: string): QueuedPod | undefined {
    const queued = this.#pods.get(uid);
    return queued?.place === 'in-flight' ? queued : undefined;
  }

  #retry(queued: QueuedPod, now: number): void {
    this.#put(queued, queued.backoffUntil > now ? 'backoff' : 'active', now);
  }

  #put(queued: QueuedPod, place: Place, now: number): void {
    this.#takeOut(queued);
    queued.place = place;
    queued.since = now;
    queued.sequence = ++this.#sequence;
    if (place === 'active') this.#active.push(queued);
    if (place === 'backoff') this.#backoff.push(queued);
    if (place === 'unschedulable') this.#unschedulable.add(queued);
  }

  #takeOut(queued: QueuedPod): void {
    this.#active.remove(queued);
    this.#backoff.remove(queued);
    this.#unschedulable.delete(queued);
  }
}
