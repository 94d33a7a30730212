// Decides when a container is probed and what its probes' results mean: pure, by table tests on virtual time.
// Follows pkg/kubelet/prober/worker.go of v1.36.

import type { Container, Probe } from '../../api/generated/types.ts';

export type ProbeKind = 'liveness' | 'readiness' | 'startup';
export type ProbeResult = 'success' | 'failure';
/** What is believed of a container: 'unknown' is a startup probe's before it has an answer. */
export type ProbeVerdict = ProbeResult | 'unknown';

/** How one probe ended. */
export type ProbeOutcome =
  | { type: 'success' }
  /** A success with something to say. */
  | { type: 'warning'; output: string }
  | { type: 'failure'; output: string }
  /** The probe itself did not work: nothing is learned of the container. */
  | { type: 'error'; result: 'failure' | 'unknown'; message: string };

/** What is remembered of one probe of one instance of a container. */
export interface ProbeState {
  readonly containerId: string;
  readonly verdict: ProbeVerdict;
  readonly lastResult: ProbeResult | undefined;
  /** How often in a row it came. */
  readonly run: number;
  /** The container is about to be killed: nothing is asked of it any more. */
  readonly onHold: boolean;
}

/** The container as a probe sees it. */
export interface ProbeTarget {
  readonly state: 'running' | 'ended' | 'absent';
  /** ms since the epoch, of a running container. */
  readonly startedAt: number;
  /** Its startup probe has succeeded, or there is none. */
  readonly started: boolean;
  /** The pod is being ended. */
  readonly terminating: boolean;
}

export type ProbeAction =
  | { type: 'probe' }
  /** Look again at `at` (ms since the epoch), or when something changes where that is absent. */
  | { type: 'wait'; at?: number }
  /** Never again for this instance. */
  | { type: 'end' };

const initialVerdicts = { liveness: 'success', readiness: 'failure', startup: 'unknown' } as const;

/** The state of a probe for an instance just seen; `carried` is what was known of the same instance before the kubelet started. */
export function initialProbeState(kind: ProbeKind, containerId: string, carried?: ProbeVerdict): ProbeState {
  return { containerId, verdict: carried ?? initialVerdicts[kind], lastResult: undefined, run: 0, onHold: false };
}

const fields = { liveness: 'livenessProbe', readiness: 'readinessProbe', startup: 'startupProbe' } as const;

export const probeOf = (container: Container, kind: ProbeKind): Probe | undefined => container[fields[kind]];

/** Milliseconds between probes. */
export const periodMs = (probe: Probe): number => Math.max(1, probe.periodSeconds ?? 10) * 1000;

/** Whether the container is probed at `now` (ms since the epoch). */
export function decideProbe(
  kind: ProbeKind,
  probe: Probe,
  state: ProbeState,
  target: ProbeTarget,
  now: number,
): ProbeAction {
  if (target.state !== 'running') return target.state === 'ended' ? { type: 'end' } : { type: 'wait' };
  // A pod that ends is only asked whether it still serves.
  if (target.terminating && kind !== 'readiness') return { type: 'end' };
  if (state.onHold) return { type: 'wait' };
  const begin = target.startedAt + (probe.initialDelaySeconds ?? 0) * 1000;
  if (now < begin) return { type: 'wait', at: begin };
  // Startup asks until it has succeeded, the others from then on.
  return target.started === (kind === 'startup') ? { type: 'wait' } : { type: 'probe' };
}

/** The state after a result: the verdict changes when the threshold is reached. */
export function takeProbeResult(kind: ProbeKind, probe: Probe, state: ProbeState, result: ProbeResult): ProbeState {
  const run = state.lastResult === result ? state.run + 1 : 1;
  const threshold = result === 'failure' ? (probe.failureThreshold ?? 3) : (probe.successThreshold ?? 1);
  const counted = { ...state, lastResult: result, run };
  if (run < threshold) return counted;
  // What fails here is killed: until its successor is there, nothing disturbs the killing.
  const fatal = result === 'failure' && kind !== 'readiness';
  return { ...counted, verdict: result, onHold: fatal, run: fatal ? 0 : run };
}
