// One worker per pod UID: passes over the pod one after another, forward through syncing → terminating → terminated.
// Follows pkg/kubelet/pod_workers.go of v1.36.

import type { Pod } from '../api/generated/types.ts';
import { equalJson } from '../api/meta/equal.ts';
import { sleep, type Timer } from '../lib/clock.ts';
import { graceSecondsOf } from './decide/decide-termination.ts';
import { releasePod, removePod, stopPod, type Termination, untilDone } from './end-pod.ts';
import { errorText, type KubeletParts, newMemory, type PodMemory, report } from './pod-context.ts';
import type { ProbeKind } from './probes/decide-probe.ts';
import type { PodFailure } from './status/generate-pod-status.ts';
import { isTerminalPhase } from './status/phase.ts';
import { syncPod } from './sync-pod.ts';

export type WorkerState = 'syncing' | 'terminating' | 'terminated' | 'removed';

export interface PodWorker {
  readonly uid: string;
  readonly identity: PodMemory['identity'];
  state(): WorkerState;
  pod(): Pod | undefined;
  /** The object is gone from the API. */
  isGone(): boolean;
  /** A pass is under way. */
  isBusy(): boolean;
  /** The object as the API has it now; of several the newest counts. */
  update(pod: Pod): void;
  /** The object is gone from the API; with its last form where that is known. */
  gone(last?: Pod): void;
  /** Something of the pod may have changed in the runtime. */
  changed(): void;
  /** A probe has changed its mind about one of the containers. */
  probed(kind: ProbeKind): void;
  /** Look again soon, without a new look at the runtime. */
  wake(): void;
  /** Ends the pod as failed, in at most that many seconds. False when nothing of it is left to end. */
  evict(failure: PodFailure, graceSeconds: number): boolean;
  /** It runs no more and what it had is given back. */
  isReleased(): boolean;
  /** Resolves when nothing of the pod runs any more, or the signal that the worker was made with aborts. */
  readonly ended: Promise<void>;
  /** Resolves when the pod has left the node, or the signal that the worker was made with aborts. */
  readonly done: Promise<void>;
}

export interface PodWorkerOptions {
  parts: KubeletParts;
  identity: PodMemory['identity'];
  /** Undefined for a pod that only the runtime knows: it is ended. */
  pod: Pod | undefined;
  /** False when the runtime is known to hold nothing of the pod, which saves the first look. */
  inRuntime: boolean;
  /** Ends the worker and leaves the pod as it is (the kubelet stops). */
  signal: AbortSignal;
}

const firstErrorRetryMs = 500;
const maxErrorRetryMs = 10_000;

/** Makes and starts a worker. */
export function createPodWorker(options: PodWorkerOptions): PodWorker {
  return new Worker(options);
}

/** Whether the change of an object asks for anything: the kubelet's own status coming back does not. */
function asksForPass(before: Pod, after: Pod): boolean {
  const asked = ({ metadata = {} }: Pod): unknown => [
    metadata.deletionTimestamp,
    metadata.deletionGracePeriodSeconds,
    metadata.annotations,
    metadata.labels,
  ];
  if (!equalJson(asked(before), asked(after)) || !equalJson(before.spec, after.spec)) return true;
  if (before.metadata?.generation !== after.metadata?.generation) return true;
  // Readiness gates are conditions that others set.
  return (
    (after.spec?.readinessGates?.length ?? 0) > 0 && !equalJson(before.status?.conditions, after.status?.conditions)
  );
}

class Worker implements PodWorker {
  readonly uid: string;
  readonly identity: PodMemory['identity'];
  readonly ended: Promise<void>;
  readonly done: Promise<void>;
  readonly #parts: KubeletParts;
  readonly #memory: PodMemory;
  readonly #signal: AbortSignal;
  readonly #end: () => void;
  readonly #finish: () => void;
  #state: WorkerState = 'syncing';
  #running = false;
  #wanted = false;
  #timer: Timer | undefined;
  #errorRetryMs = firstErrorRetryMs;
  #sync = new AbortController();
  #termination: Termination | undefined;
  #released = false;
  /** Seconds, where the pod was evicted. */
  #evictionGrace: number | undefined;

  constructor({ parts, identity, pod, inRuntime, signal }: PodWorkerOptions) {
    this.uid = identity.uid;
    this.identity = identity;
    this.#parts = parts;
    this.#memory = newMemory(identity, pod);
    this.#memory.dirty = inRuntime;
    this.#signal = signal;
    ({ promise: this.ended, resolve: this.#end } = Promise.withResolvers<void>());
    ({ promise: this.done, resolve: this.#finish } = Promise.withResolvers<void>());
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#considerEnd();
    this.wake();
  }

  state(): WorkerState {
    return this.#state;
  }

  pod(): Pod | undefined {
    return this.#memory.pod;
  }

  isGone(): boolean {
    return this.#memory.gone;
  }

  isBusy(): boolean {
    return this.#running;
  }

  update(pod: Pod): void {
    if (this.#memory.gone) return;
    const before = this.#memory.pod;
    this.#memory.pod = pod;
    this.#considerEnd();
    if (before === undefined || asksForPass(before, pod)) this.wake();
  }

  gone(last?: Pod): void {
    if (last !== undefined) this.#memory.pod = last;
    this.#memory.gone = true;
    this.#considerEnd();
    this.wake();
  }

  changed(): void {
    this.#memory.dirty = true;
    this.wake();
  }

  probed(kind: ProbeKind): void {
    const runtime = this.#parts.watcher.get(this.uid);
    // Told at once, though a pass may be under way: a hook or a stopping container can hold it for long.
    if (runtime !== undefined && this.#state === 'syncing') report(this.#parts, this.#memory, runtime, 'running');
    if (runtime !== undefined && this.#state === 'terminating') report(this.#parts, this.#memory, runtime, 'stopping');
    if (kind !== 'readiness' && this.#state === 'syncing') this.wake();
  }

  wake(): void {
    this.#wanted = true;
    this.#timer?.cancel();
    if (this.#running || this.#state === 'removed') return;
    this.#running = true;
    void this.#loop();
  }

  evict(failure: PodFailure, graceSeconds: number): boolean {
    if (this.#state !== 'syncing' && this.#state !== 'terminating') return false;
    this.#memory.failure ??= failure;
    this.#evictionGrace = graceSeconds;
    if (this.#state === 'syncing') this.#terminate();
    else this.#shorten();
    this.wake();
    return true;
  }

  isReleased(): boolean {
    return this.#released;
  }

  readonly #onAbort = (): void => {
    this.#timer?.cancel();
    this.#sync.abort();
    this.#termination?.abort.abort();
    this.#end();
    if (!this.#running) this.#finish();
  };

  /** Moves to terminating when the pod shall end, and brings the deadline nearer when the grace period shrank. */
  #considerEnd(): void {
    const { pod, gone } = this.#memory;
    const end =
      gone || pod === undefined || pod.metadata?.deletionTimestamp !== undefined || isTerminalPhase(pod.status?.phase);
    if (end && this.#state === 'syncing') this.#terminate();
    else if (this.#state === 'terminating') this.#shorten();
  }

  #deadline(): number {
    const { pod, gone } = this.#memory;
    const orphaned = (): number => {
      const containers = this.#parts.watcher.get(this.uid)?.containers ?? [];
      return Math.max(1, ...containers.map((c) => c.graceSeconds ?? 1));
    };
    const seconds = pod === undefined ? orphaned() : graceSecondsOf(pod, { gone });
    // An eviction may leave less time than the pod has by itself, never more, and at least a second.
    const least = Math.max(1, Math.min(seconds, this.#evictionGrace ?? seconds));
    return this.#parts.clock.now() + (this.#evictionGrace === undefined ? seconds : least) * 1000;
  }

  #terminate(): void {
    this.#state = 'terminating';
    this.#termination = { deadline: this.#deadline(), abort: new AbortController() };
    this.#sync.abort();
  }

  #shorten(): void {
    const termination = this.#termination;
    if (termination === undefined) return;
    // A deadline counts from the request; only a smaller grace period can end earlier than the one under way.
    const deadline = this.#deadline();
    if (deadline >= termination.deadline) return;
    termination.deadline = deadline;
    const { abort } = termination;
    termination.abort = new AbortController();
    abort.abort();
  }

  async #loop(): Promise<void> {
    while (this.#wanted && !this.#signal.aborted && this.#state !== 'removed') {
      this.#wanted = false;
      try {
        await this.#pass();
        this.#errorRetryMs = firstErrorRetryMs;
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#running = false;
    if (this.#signal.aborted || this.#state === 'removed') {
      this.#signal.removeEventListener('abort', this.#onAbort);
      this.#finish();
    }
  }

  #failed(error: unknown): void {
    this.#memory.dirty = true;
    if (this.#signal.aborted) return;
    if (this.#state !== 'syncing' && this.#sync.signal.aborted && this.#wanted) return;
    this.#parts.logger.warn('a pass over a pod failed', {
      pod: this.#memory.identity.name,
      uid: this.uid,
      error: errorText(error),
    });
    this.#wakeIn(this.#errorRetryMs);
    this.#errorRetryMs = Math.min(this.#errorRetryMs * 2, maxErrorRetryMs);
  }

  #wakeIn(ms: number): void {
    if (ms <= 0) this.#wanted = true;
    if (this.#wanted) return;
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(ms, () => this.wake());
  }

  async #pass(): Promise<void> {
    switch (this.#state) {
      case 'syncing':
        return this.#passSyncing();
      case 'terminating':
        return this.#passTerminating();
      case 'terminated':
        return this.#passTerminated();
      case 'removed':
        return;
      default:
        this.#state satisfies never;
    }
  }

  async #passSyncing(): Promise<void> {
    this.#sync = new AbortController();
    let finished: boolean;
    try {
      const result = await syncPod(this.#parts, this.#memory, this.#sync.signal);
      finished = result.finished;
      if (!result.finished) this.#wakeIn(result.wakeAt - this.#parts.clock.now());
    } catch (error) {
      // Ended in the middle of the pass: the termination goes on from what is there.
      if (this.#state === 'syncing' || !this.#sync.signal.aborted) throw error;
      finished = true;
      this.#memory.dirty = true;
    }
    if (this.#state === 'syncing' && finished) this.#terminate();
    if (this.#state !== 'syncing') this.#wanted = true;
  }

  async #passTerminating(): Promise<void> {
    const termination = this.#termination;
    if (termination === undefined) throw new Error('terminating without a deadline');
    await stopPod(this.#parts, this.#memory, termination);
    this.#state = 'terminated';
    this.#end();
    this.#parts.probes.remove(this.uid);
    await this.#until('release a pod', () => releasePod(this.#parts, this.#memory));
    this.#released = !this.#signal.aborted;
    this.#wanted = true;
  }

  /** Leaves the node once the object is deleted or gone; a finished pod stays, with its logs, until then. */
  async #passTerminated(): Promise<void> {
    const { pod, gone } = this.#memory;
    if (!gone && pod !== undefined && pod.metadata?.deletionTimestamp === undefined) return;
    // Nothing of it runs and what it used is given back, so the object goes; what is left in the runtime is nobody's
    // concern, and is found there by the next kubelet should this one end before.
    const results = await Promise.allSettled([
      this.#until('remove a pod', () => removePod(this.#parts, this.#memory)),
      gone || pod === undefined ? undefined : this.#parts.statuses.delete(pod, this.#signal),
    ]);
    if (this.#signal.aborted) return;
    const failure = results.find((r) => r.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
    // A finalizer may hold the object; the kubelet has done its part when the API has taken the deletion.
    this.#state = 'removed';
    this.#parts.statuses.forget(this.uid);
  }

  #until(what: string, step: () => Promise<void>): Promise<void> {
    const pause = (ms: number): Promise<void> => sleep(this.#parts.clock, ms, this.#signal);
    return untilDone(this.#parts, this.#memory, what, step, pause, this.#signal);
  }
}
