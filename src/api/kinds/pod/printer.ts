// Table columns of Pods. Follows printPod in pkg/printers/internalversion/printers.go of v1.36.

import type { ContainerStatus, Pod } from '../../generated/types.ts';
import { age, parseTime } from '../../meta/time.ts';
import { isConditionTrue, isPodReady, isTerminal } from '../../pod/conditions.ts';
import { isSidecar } from '../../pod/containers.ts';
import type { TableColumn } from '../../scheme.ts';
import { ageColumn, nameColumn, textColumn } from '../common.ts';

interface Summary {
  ready: string;
  reason: string;
  restarts: number;
  /** When a container last ended before a restart, in ms. */
  lastRestart: string | undefined;
}

/** Restarts of containers, with the latest time that one ended. */
class Restarts {
  count = 0;
  last: string | undefined;

  add(status: ContainerStatus): void {
    this.count += status.restartCount;
    const finished = status.lastState?.terminated?.finishedAt;
    if (finished && (parseTime(finished) ?? 0) > (parseTime(this.last) ?? Number.NEGATIVE_INFINITY))
      this.last = finished;
  }
}

const exitText = (exitCode: number, signal: number | undefined): string =>
  signal ? `Signal:${signal}` : `ExitCode:${exitCode}`;

interface InitSummary {
  all: Restarts;
  sidecars: Restarts;
  ready: number;
  /** Set while initialization is under way or has failed. */
  reason: string | undefined;
}

function summarizeInit(pod: Pod): InitSummary {
  const specs = pod.spec?.initContainers ?? [];
  const result: InitSummary = { all: new Restarts(), sidecars: new Restarts(), ready: 0, reason: undefined };
  for (const [i, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const spec = specs.find((container) => container.name === status.name);
    const sidecar = spec !== undefined && isSidecar(spec);
    result.all.add(status);
    if (sidecar) result.sidecars.add(status);
    const { terminated, waiting } = status.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (sidecar && status.started) {
      if (status.ready) result.ready++;
      continue;
    }
    if (terminated) result.reason = `Init:${terminated.reason || exitText(terminated.exitCode, terminated.signal)}`;
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') result.reason = `Init:${waiting.reason}`;
    else result.reason = `Init:${i}/${specs.length}`;
    break;
  }
  return result;
}

function startingReason(pod: Pod): string {
  const gated = pod.status?.conditions?.some(
    ({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated',
  );
  return gated ? 'SchedulingGated' : pod.status?.reason || (pod.status?.phase ?? '');
}

function summarize(pod: Pod): Summary {
  const init = summarizeInit(pod);
  const total = (pod.spec?.containers.length ?? 0) + (pod.spec?.initContainers ?? []).filter(isSidecar).length;
  let reason = init.reason ?? startingReason(pod);
  let restarts = init.all;
  let ready = init.ready;
  if (init.reason === undefined || isConditionTrue(pod, 'Initialized')) {
    restarts = init.sidecars;
    let running = false;
    for (const status of (pod.status?.containerStatuses ?? []).toReversed()) {
      restarts.add(status);
      const { waiting, terminated, running: isRunning } = status.state ?? {};
      if (waiting?.reason) reason = waiting.reason;
      else if (terminated) reason = terminated.reason || exitText(terminated.exitCode, terminated.signal);
      else if (status.ready && isRunning) {
        running = true;
        ready++;
      }
    }
    if (reason === 'Completed' && running) reason = isPodReady(pod) ? 'Running' : 'NotReady';
  }
  if (pod.metadata?.deletionTimestamp) {
    if (pod.status?.reason === 'NodeLost') reason = 'Unknown';
    else if (!isTerminal(pod)) reason = 'Terminating';
  }
  return { ready: `${ready}/${total}`, reason, restarts: restarts.count, lastRestart: restarts.last };
}

/** What `kubectl get pods` shows under STATUS. */
export const podStatusText = (pod: Pod): string => summarize(pod).reason;

function restartsText(pod: Pod, now: number): string {
  const { restarts, lastRestart } = summarize(pod);
  return restarts !== 0 && lastRestart ? `${restarts} (${age(lastRestart, now)} ago)` : String(restarts);
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  return `${gates.filter((gate) => isConditionTrue(pod, gate.conditionType)).length}/${gates.length}`;
}

export const podColumns: readonly TableColumn<Pod>[] = [
  nameColumn,
  textColumn<Pod>('Ready', 'Ready containers of all that run on.', (pod) => summarize(pod).ready),
  textColumn<Pod>('Status', 'What the pod is doing, or why it is not.', podStatusText),
  textColumn<Pod>('Restarts', 'How often containers were restarted, and when last.', restartsText),
  ageColumn,
  textColumn<Pod>('IP', "The pod's first address.", (pod) => pod.status?.podIPs?.[0]?.ip || '<none>', true),
  textColumn<Pod>('Node', 'The node it is placed on.', (pod) => pod.spec?.nodeName || '<none>', true),
  textColumn<Pod>(
    'Nominated Node',
    'The node where room is being made for it.',
    (pod) => pod.status?.nominatedNodeName || '<none>',
    true,
  ),
  textColumn<Pod>('Readiness Gates', 'Further conditions that are true, of all wanted.', readinessGates, true),
];

/** The row conditions that mark ended pods. */
export function podRowConditions(pod: Pod): { type: string; status: string; reason: string; message: string }[] {
  switch (pod.status?.phase) {
    case 'Succeeded':
      return [
        { type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' },
      ];
    case 'Failed':
      return [{ type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' }];
    default:
      return [];
  }
}
