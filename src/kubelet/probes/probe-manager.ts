// Probes every container of the node that asks for it, off one timer, and knows what the probes have found.
// Follows pkg/kubelet/prober/prober_manager.go and worker.go of v1.36; an instance's first probe is due when its initial delay is over.

import type { Container, ContainerStatus, Pod, PodStatus } from '../../api/generated/types.ts';
import { isSidecar } from '../../api/pod/containers.ts';
import type { RuntimeService } from '../../cri/runtime.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Dialer } from '../../lib/dialer.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Random } from '../../lib/random.ts';
import { Schedule, type Scheduled } from '../../lib/schedule.ts';
import { containerFieldPath, type PodEvents } from '../pod-events.ts';
import type { ProbeCount } from '../stats/kubelet-metrics.ts';
import { type ContainerRecord, latestOf, podIdentity, type RuntimePod } from '../runtime-pod.ts';
import {
  decideProbe,
  initialProbeState,
  periodMs,
  type ProbeKind,
  probeOf,
  type ProbeOutcome,
  type ProbeResult,
  type ProbeState,
  type ProbeTarget,
  type ProbeVerdict,
  takeProbeResult,
} from './decide-probe.ts';
import { runProbe } from './run-probe.ts';

/** What the probes of a container's instance have found; undefined where there is no such probe. */
export type ProbeVerdicts = (containerId: string, kind: ProbeKind) => ProbeVerdict | undefined;

export interface ProbeManager {
  /**
   * Brings the probes in step with the pod's instances: new ones begin, others end. `known` is the pod's status as last
   * reported, from which instances older than the kubelet take over what was known of them.
   */
  observe(pod: Pod, runtime: RuntimePod, terminating: boolean, known: PodStatus): void;
  readonly verdict: ProbeVerdicts;
  /** Ends all probes of a pod. */
  remove(podUid: string): void;
}

export interface ProbeManagerOptions {
  runtime: RuntimeService;
  dialer: Dialer;
  events: PodEvents;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** A verdict is another than before. */
  onChange: (podUid: string, kind: ProbeKind, verdict: ProbeVerdict) => void;
  /** Told of each probe's result. */
  countProbe?: ((probe: ProbeCount) => void) | undefined;
  /** Ends everything. */
  signal: AbortSignal;
}

const kinds: readonly ProbeKind[] = ['startup', 'readiness', 'liveness'];
/** A probe that cannot be run is tried again at once, this often in all. */
const maxTries = 3;

interface Prober {
  readonly kind: ProbeKind;
  readonly uid: string;
  pod: Pod;
  container: Container;
  podIP: string;
  target: ProbeTarget;
  state: ProbeState;
  /** When the present round began, monotonic ms. */
  roundAt: number;
  timer: Scheduled | undefined;
  busy: boolean;
  readonly ending: AbortController;
}

export function createProbeManager(options: ProbeManagerOptions): ProbeManager {
  return new Manager(options);
}

/** What was known of an instance before this kubelet started. */
function carriedVerdict(kind: ProbeKind, known: ContainerStatus | undefined, id: string): ProbeVerdict | undefined {
  if (known?.containerID?.endsWith(`//${id}`) !== true) return undefined;
  if (kind === 'startup') return known.started === true ? 'success' : undefined;
  return kind === 'readiness' && known.ready ? 'success' : undefined;
}

const word = { liveness: 'Liveness', readiness: 'Readiness', startup: 'Startup' } as const;

class Manager implements ProbeManager {
  readonly #options: ProbeManagerOptions;
  readonly #schedule: Schedule;
  /** By pod UID, then `<kind> <container>`. */
  readonly #pods = new Map<string, Map<string, Prober>>();
  /** By `<kind> <container id>`. */
  readonly #byId = new Map<string, Prober>();
  /** When the kubelet started, ms since the epoch. */
  readonly #startedAt: number;

  constructor(options: ProbeManagerOptions) {
    this.#options = options;
    this.#schedule = new Schedule(options.clock);
    this.#startedAt = options.clock.now();
    const end = (): void => {
      for (const uid of this.#pods.keys()) this.remove(uid);
    };
    options.signal.addEventListener('abort', end, { once: true });
  }

  readonly verdict = (containerId: string, kind: ProbeKind): ProbeVerdict | undefined =>
    this.#byId.get(`${kind} ${containerId}`)?.state.verdict;

  observe(pod: Pod, runtime: RuntimePod, terminating: boolean, known: PodStatus): void {
    if (this.#options.signal.aborted) return;
    const { uid } = podIdentity(pod);
    const { containers = [], initContainers = [] } = pod.spec ?? {};
    for (const container of [...initContainers.filter(isSidecar), ...containers]) {
      const record = latestOf(runtime, container.name);
      for (const kind of kinds) {
        if (probeOf(container, kind) === undefined) continue;
        this.#observeOne(kind, uid, pod, container, record, { runtime, terminating, known });
      }
    }
  }

  remove(podUid: string): void {
    for (const prober of this.#pods.get(podUid)?.values() ?? []) this.#forget(prober);
    this.#pods.delete(podUid);
  }

  #observeOne(
    kind: ProbeKind,
    uid: string,
    pod: Pod,
    container: Container,
    record: ContainerRecord | undefined,
    view: { runtime: RuntimePod; terminating: boolean; known: PodStatus },
  ): void {
    const key = `${kind} ${container.name}`;
    let prober = this.#pods.get(uid)?.get(key);
    const isBack = record?.state === 'running' && prober?.target.state !== 'running';
    if (prober !== undefined && (isBack || prober.state.containerId !== record?.id)) {
      this.#forget(prober);
      this.#pods.get(uid)?.delete(key);
      prober = undefined;
    }
    if (record === undefined) return;
    const target: ProbeTarget = {
      state: record.state === 'running' ? 'running' : record.state === 'exited' ? 'ended' : 'absent',
      startedAt: record.startedAt ?? record.createdAt,
      started: this.#isStarted(container, record.id),
      terminating: view.terminating,
    };
    const podIP = this.#podIP(pod, view.runtime, view.known);
    if (prober === undefined) {
      if (target.state !== 'running') return;
      this.#begin(kind, uid, { pod, container, podIP, target, containerId: record.id }, view.known);
      return;
    }
    const wasStarted = prober.target.started;
    Object.assign(prober, { pod, container, podIP, target });
    if (target.state !== 'running' || (target.terminating && kind !== 'readiness')) this.#quiet(prober);
    else if (!wasStarted && target.started && kind !== 'startup') this.#begun(prober);
  }

  #podIP(pod: Pod, runtime: RuntimePod, known: PodStatus): string {
    const host = known.hostIP ?? '';
    return pod.spec?.hostNetwork === true ? host : (runtime.ips[0] ?? known.podIP ?? '');
  }

  /** Startup is observed before the others, so that its verdict is there. */
  #isStarted(container: Container, id: string): boolean {
    return container.startupProbe === undefined || this.verdict(id, 'startup') === 'success';
  }

  #begin(
    kind: ProbeKind,
    uid: string,
    subject: { pod: Pod; container: Container; podIP: string; target: ProbeTarget; containerId: string },
    known: PodStatus,
  ): void {
    const { containerId, ...rest } = subject;
    const { clock, random } = this.#options;
    const statuses = [...(known.containerStatuses ?? []), ...(known.initContainerStatuses ?? [])];
    const isOld = subject.target.startedAt < this.#startedAt;
    const before = statuses.find((s) => s.name === subject.container.name);
    const carried = isOld ? carriedVerdict(kind, before, containerId) : undefined;
    const state = initialProbeState(kind, containerId, carried);
    const prober: Prober = {
      ...rest,
      kind,
      uid,
      state,
      target: kind === 'startup' ? { ...rest.target, started: state.verdict === 'success' } : rest.target,
      roundAt: clock.monotonic(),
      timer: undefined,
      busy: false,
      ending: new AbortController(),
    };
    let ofPod = this.#pods.get(uid);
    if (ofPod === undefined) this.#pods.set(uid, (ofPod = new Map()));
    ofPod.set(`${kind} ${subject.container.name}`, prober);
    this.#byId.set(`${kind} ${containerId}`, prober);
    // After a restart of the kubelet the probes of all pods would come at once.
    const probe = probeOf(subject.container, kind);
    const jitter = isOld && probe !== undefined ? random.float() * periodMs(probe) : 0;
    this.#wait(prober, jitter);
  }

  /** The container has passed its startup probe: readiness is asked for at once, liveness after its period. */
  #begun(prober: Prober): void {
    if (prober.busy) return;
    const probe = probeOf(prober.container, prober.kind);
    if (probe === undefined) return;
    prober.roundAt = this.#options.clock.monotonic();
    this.#wait(prober, prober.kind === 'readiness' ? 0 : periodMs(probe));
  }

  #wait(prober: Prober, ms: number): void {
    this.#schedule.cancel(prober.timer);
    prober.timer = this.#schedule.after(ms, () => this.#tick(prober));
  }

  #quiet(prober: Prober): void {
    this.#schedule.cancel(prober.timer);
    prober.timer = undefined;
    prober.ending.abort();
  }

  #forget(prober: Prober): void {
    this.#quiet(prober);
    this.#byId.delete(`${prober.kind} ${prober.state.containerId}`);
  }

  #tick(prober: Prober): void {
    prober.timer = undefined;
    const probe = probeOf(prober.container, prober.kind);
    if (probe === undefined || prober.busy || prober.ending.signal.aborted) return;
    const { clock } = this.#options;
    const now = clock.now();
    const action = decideProbe(prober.kind, probe, prober.state, prober.target, now);
    switch (action.type) {
      case 'probe':
        prober.roundAt = clock.monotonic();
        this.#round(prober).catch((error: unknown) => this.#broke(prober, error));
        return;
      case 'wait':
        if (action.at !== undefined) this.#wait(prober, action.at - now);
        return;
      case 'end':
        this.#quiet(prober);
        return;
      default:
        action satisfies never;
    }
  }

  /** One probe and what follows from it; then the next round is waited for. */
  async #round(prober: Prober): Promise<void> {
    const { kind } = prober;
    prober.busy = true;
    const probe = probeOf(prober.container, kind);
    let outcome: ProbeOutcome | undefined;
    try {
      if (probe !== undefined) outcome = await this.#try(prober);
    } catch (error) {
      if (!prober.ending.signal.aborted) this.#broke(prober, error);
    }
    prober.busy = false;
    if (prober.ending.signal.aborted || probe === undefined) return;
    const result = outcome === undefined ? undefined : this.#announce(prober, outcome);
    if (outcome !== undefined) this.#count(prober, outcome);
    // A probe that took longer than its period is followed by the next at once, as a ticker does.
    const next = (): void =>
      this.#wait(prober, Math.max(0, prober.roundAt + periodMs(probe) - this.#options.clock.monotonic()));
    const before = prober.state.verdict;
    if (result !== undefined) prober.state = takeProbeResult(kind, probe, prober.state, result);
    if (!prober.state.onHold && !(kind === 'startup' && prober.state.verdict === 'success')) next();
    if (prober.state.verdict !== before) this.#options.onChange(prober.uid, kind, prober.state.verdict);
  }

  #broke({ uid, kind }: Prober, error: unknown): void {
    this.#options.logger.error('a probe broke', { uid, kind, error: String(error) });
  }

  async #try(prober: Prober): Promise<ProbeOutcome> {
    const { runtime, dialer, clock } = this.#options;
    const runner = { runtime, dialer, monotonic: () => clock.monotonic() };
    for (let tries = 1; ; tries++) {
      const { container, podIP, state } = prober;
      const probe = probeOf(container, prober.kind) ?? {};
      const subject = { container, podIP, containerId: state.containerId };
      const outcome = await runProbe(runner, probe, subject, prober.ending.signal);
      if (outcome.type !== 'error' || tries >= maxTries || prober.ending.signal.aborted) return outcome;
    }
  }

  #count({ kind, pod, container }: Prober, outcome: ProbeOutcome): void {
    const failed = outcome.type === 'failure' || (outcome.type === 'error' && outcome.result === 'failure');
    const result = failed ? 'failed' : outcome.type === 'error' ? 'unknown' : 'successful';
    this.#options.countProbe?.({ kind, result, container: container.name, pod: podIdentity(pod) });
  }

  /** Records the event and gives the result; undefined when nothing was learned. */
  #announce({ pod, container, kind }: Prober, outcome: ProbeOutcome): ProbeResult | undefined {
    const event = (reason: string, message: string): void =>
      this.#options.events.event(
        pod,
        'Warning',
        reason,
        `${word[kind]} probe ${message}`,
        containerFieldPath(pod, container.name),
      );
    switch (outcome.type) {
      case 'success':
        return 'success';
      case 'warning':
        event('ProbeWarning', `warning: ${outcome.output}`);
        return 'success';
      case 'failure':
        event('Unhealthy', `failed: ${outcome.output}`);
        return 'failure';
      case 'error':
        event('Unhealthy', `errored and resulted in ${outcome.result} state: ${outcome.message}`);
        return undefined;
      default:
        return outcome satisfies never;
    }
  }
}
