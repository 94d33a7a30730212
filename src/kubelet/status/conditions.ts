// The conditions that the kubelet owns on a pod.
// Follows pkg/kubelet/status/generate.go of v1.36.

import { goQuote } from '../../api/meta/go-format.ts';
import type { ContainerStatus, Pod, PodCondition } from '../../api/generated/types.ts';
import { isSidecar } from '../../api/pod/containers.ts';
import { allContainersCouldRestart } from '../../api/pod/restart-policy.ts';
import { restartingCondition } from '../decide/restart-all.ts';
import { resizeConditionTypes } from '../resize/resize-conditions.ts';
import type { PodPhase } from './phase.ts';

/** What a condition says, before its times. */
type Verdict = { status: 'True' | 'False'; reason?: string; message?: string };

const ownTypes: readonly string[] = [
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
  restartingCondition,
  ...resizeConditionTypes,
];

/** True for a condition that the kubelet writes; all others are left as they are. */
export const isOwnCondition = (type: string): boolean => ownTypes.includes(type);

/** The type and reason of the condition by which the kubelet tells that it ended a pod for the node's sake. */
export const endedByKubelet = { type: 'DisruptionTarget', reason: 'TerminationByKubelet' } as const;

export const isEndedByKubelet = ({ type, reason }: PodCondition): boolean =>
  type === endedByKubelet.type && reason === endedByKubelet.reason;

const yes: Verdict = { status: 'True' };

/** A list of names as Go prints a slice. */
const goList = (names: readonly string[]): string => `[${names.join(' ')}]`;

function unready(reason: string, unknown: string[], word: string, named: string[]): Verdict | undefined {
  const messages: string[] = [];
  if (unknown.length > 0) messages.push(`containers with unknown status: ${goList(unknown)}`);
  if (named.length > 0) messages.push(`containers with ${word} status: ${goList(named)}`);
  return messages.length === 0 ? undefined : { status: 'False', reason, message: messages.join(', ') };
}

function containersReady(pod: Pod, statuses: readonly ContainerStatus[], phase: PodPhase): Verdict {
  const names = [...(pod.spec?.initContainers ?? []).filter(isSidecar), ...(pod.spec?.containers ?? [])].map(
    (c) => c.name,
  );
  const unknown = names.filter((name) => !statuses.some((s) => s.name === name));
  if (phase === 'Succeeded' && unknown.length === 0) return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const notReady = names.filter((name) => statuses.some((s) => s.name === name && !s.ready));
  return unready('ContainersNotReady', unknown, 'unready', notReady) ?? yes;
}

function ready(pod: Pod, containers: Verdict, conditions: readonly PodCondition[]): Verdict {
  if (containers.status !== 'True') return containers;
  const messages = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = conditions.find((c) => c.type === conditionType);
    if (!condition) return [`corresponding condition of pod readiness gate ${goQuote(conditionType)} does not exist.`];
    if (condition.status === 'True') return [];
    return [`the status of pod readiness gate ${goQuote(conditionType)} is not "True", but ${condition.status}`];
  });
  if (messages.length === 0) return yes;
  return { status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') };
}

function initialized(
  pod: Pod,
  init: readonly ContainerStatus[],
  app: readonly ContainerStatus[],
  phase: PodPhase,
  before: readonly PodCondition[],
): Verdict {
  const containers = pod.spec?.initContainers ?? [];
  const unknown = containers.filter((c) => !init.some((s) => s.name === c.name)).map((c) => c.name);
  if (phase === 'Succeeded' && unknown.length === 0) return { status: 'True', reason: 'PodCompleted' };
  // Neither a restarting sidecar nor a restart of all containers undoes what was initialized.
  if (before.some(({ type, status }) => type === 'Initialized' && status === 'True')) return yes;
  if (app.some((s) => s.state?.running ?? s.state?.terminated ?? s.lastState?.terminated)) return yes;
  const incomplete = containers
    .filter((c) => init.some((s) => s.name === c.name && !(isSidecar(c) ? s.started === true : s.ready)))
    .map((c) => c.name);
  return unready('ContainersNotInitialized', unknown, 'incomplete', incomplete) ?? yes;
}

function allRestarting(phase: PodPhase, restarting: boolean): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  if (!restarting) return { status: 'False' };
  const message = 'container exited with restart policy rule';
  return { status: 'True', reason: 'RestartAllContainersStarted', message };
}

/**
 * Every condition of the pod: the kubelet's own in upstream's order, then those that others set, untouched. A condition
 * whose status stays keeps its transition time. `nowText` is an RFC 3339 time.
 */
export function conditionsOf(
  pod: Pod,
  input: {
    init: readonly ContainerStatus[];
    app: readonly ContainerStatus[];
    phase: PodPhase;
    sandboxReady: boolean;
    /** All containers are being removed, to be started anew. */
    restarting: boolean;
    previous: readonly PodCondition[];
    /** How a resize goes. */
    resizes?: readonly PodCondition[];
    nowText: string;
  },
): PodCondition[] {
  const containers = containersReady(pod, [...input.init, ...input.app], input.phase);
  const own: Record<string, Verdict> = {
    PodReadyToStartContainers: { status: input.sandboxReady ? 'True' : 'False' },
    Initialized: initialized(pod, input.init, input.app, input.phase, input.previous),
    Ready: ready(pod, containers, input.previous),
    ContainersReady: containers,
    PodScheduled: yes,
    ...(pod.spec && allContainersCouldRestart(pod.spec)
      ? { [restartingCondition]: allRestarting(input.phase, input.restarting) }
      : {}),
  };
  const generation = pod.metadata?.generation;
  const made = Object.entries(own).map(([type, verdict]): PodCondition => {
    const before = input.previous.find((c) => c.type === type);
    const kept = before?.status === verdict.status ? before.lastTransitionTime : undefined;
    return {
      type,
      ...verdict,
      lastTransitionTime: kept ?? input.nowText,
      ...(generation === undefined || type === restartingCondition ? {} : { observedGeneration: generation }),
    };
  });
  return [...(input.resizes ?? []), ...made, ...input.previous.filter((c) => !isOwnCondition(c.type))];
}
