// Decides what is to be done so that a pod's containers run as its spec says: pure, by table tests.
// Follows pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodActions and SyncPod of v1.36.

import type { Container, Pod } from '../../api/generated/types.ts';
import { goDuration } from '../../api/meta/go-format.ts';
import { isSidecar } from '../../api/pod/containers.ts';
import { restartPolicyOf } from '../../api/pod/restart-policy.ts';
import { containerHash } from '../runtime-labels.ts';
import { probeOf } from '../probes/decide-probe.ts';
import type { ProbeVerdicts } from '../probes/probe-manager.ts';
import { type ContainerRecord, formatPod, latestOf, podIdentity, type RuntimePod } from '../runtime-pod.ts';
import { type Backoff, restartBackoff } from './container-backoff.ts';
import { type ContainerKind, restartsOnFailure, shouldStart } from './restart-rules.ts';

/** One step, in the order of the list. A failed start of an init container ends the list; of an app container it does not. */
export type PodAction =
  /** The old sandbox is of no use: end everything in it. `announce` asks for the SandboxChanged event. */
  | { type: 'stop-sandboxes'; announce: boolean }
  /** An instance that is in the way: a leftover that never ran, or an init container's of an earlier sandbox. */
  | { type: 'remove-container'; id: string }
  | {
      type: 'kill-container';
      id: string;
      name: string;
      message: string;
      /** The probe's own grace period, in place of the pod's. */
      graceSeconds?: number;
    }
  | { type: 'create-sandbox'; attempt: number }
  | {
      type: 'start-container';
      kind: ContainerKind;
      container: Container;
      restartCount: number;
      /** Remembered once the start is attempted; absent for a first start. */
      backoff?: { key: string; next: Backoff };
    }
  /** Held by back-off until `until` (ms since the epoch). */
  | { type: 'back-off'; container: Container; kind: ContainerKind; message: string; until: number };

export interface PodSnapshot {
  pod: Pod;
  runtime: RuntimePod;
  /** Back-off by backoffKey. */
  backoffs: ReadonlyMap<string, Backoff>;
  /** What probes have found; without it nothing is known. */
  probes?: ProbeVerdicts;
  /** Attempts below this one are known to be taken in the runtime. */
  minAttempt?: number;
}

/** Names a container for back-off; a changed image starts over. */
export function backoffKey(pod: Pod, container: Container): string {
  return `${podIdentity(pod).uid}/${container.name}/${containerHash(container)}`;
}

/** What is wrong with the sandboxes, if a new one is needed, and the attempt number it gets. Follows runtimeutil.PodSandboxChanged. */
export function sandboxNeed(pod: Pod, runtime: RuntimePod): { needed: boolean; attempt: number } {
  const newest = runtime.sandboxes[0];
  if (newest === undefined) return { needed: true, attempt: 0 };
  const attempt = newest.metadata.attempt + 1;
  if (newest.state !== 'ready') return { needed: true, attempt };
  if (runtime.sandboxes.filter((s) => s.state === 'ready').length > 1) return { needed: true, attempt };
  if (pod.spec?.hostNetwork !== true && newest.ips.length === 0) return { needed: true, attempt };
  return { needed: false, attempt: newest.metadata.attempt };
}

/** The start of one container: removal of a leftover that never ran, back-off, or the start itself. */
function startActions(snapshot: PodSnapshot, container: Container, kind: ContainerKind, now: number): PodAction[] {
  const { pod, runtime, backoffs } = snapshot;
  const latest = latestOf(runtime, container.name);
  if (latest?.state === 'created') {
    return [
      { type: 'remove-container', id: latest.id },
      { type: 'start-container', kind, container, restartCount: latest.restartCount },
    ];
  }
  const restartCount = nextRestartCount(pod, container.name, latest);
  const exited = runtime.containers.find((c) => c.name === container.name && c.state === 'exited');
  if (exited === undefined) return [{ type: 'start-container', kind, container, restartCount }];
  const key = backoffKey(pod, container);
  const verdict = restartBackoff(backoffs.get(key), exited.finishedAt ?? exited.createdAt, now);
  if (verdict.start) {
    return [{ type: 'start-container', kind, container, restartCount, backoff: { key, next: verdict.next } }];
  }
  const message = `back-off ${goDuration(verdict.delayMs)} restarting failed container=${container.name} pod=${formatPod(podIdentity(pod))}`;
  return [{ type: 'back-off', container, kind, message, until: verdict.until }];
}

/** The count that the next instance carries: one more than the newest, or than the status knows when the runtime lost it. */
function nextRestartCount(pod: Pod, name: string, latest: ContainerRecord | undefined): number {
  if (latest !== undefined) return latest.restartCount + 1;
  const statuses = [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.ephemeralContainerStatuses ?? []),
  ];
  const known = statuses.find((s) => s.name === name);
  return known?.containerID ? known.restartCount + 1 : 0;
}

const unknownStateKill = (record: ContainerRecord, kind: string): PodAction => ({
  type: 'kill-container',
  id: record.id,
  name: record.name,
  message: `${kind} is in "unknown" state, try killing it before restart`,
});

/** The end of a running instance that has failed its liveness or startup probe, and what follows it; undefined for one that has not. */
function probeActions(
  snapshot: PodSnapshot,
  container: Container,
  kind: ContainerKind,
  record: ContainerRecord,
  now: number,
): { kill: PodAction; starts: PodAction[] } | undefined {
  const { pod, probes } = snapshot;
  const failed = (['liveness', 'startup'] as const).find((probe) => probes?.(record.id, probe) === 'failure');
  if (failed === undefined || !pod.spec) return undefined;
  const restarts = restartPolicyOf(container, pod.spec) !== 'Never' || (container.restartPolicyRules ?? []).length > 0;
  const text = `${kind === 'init' ? 'Init container' : 'Container'} ${container.name} failed ${failed} probe`;
  const graceSeconds = probeOf(container, failed)?.terminationGracePeriodSeconds;
  const kill: PodAction = {
    type: 'kill-container',
    id: record.id,
    name: container.name,
    message: restarts && kind !== 'init' ? `${text}, will be restarted` : text,
    ...(graceSeconds === undefined ? {} : { graceSeconds }),
  };
  return { kill, starts: restarts ? startActions(snapshot, container, kind, now) : [] };
}

/** With a sandbox to make, everything starts from the beginning. */
function fromScratch(snapshot: PodSnapshot, attempt: number, now: number): PodAction[] {
  const { pod, runtime } = snapshot;
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const stop: PodAction[] = runtime.sandboxes.length > 0 ? [{ type: 'stop-sandboxes', announce: false }] : [];
  if (!restartsOnFailure(pod) && runtime.sandboxes.length > 0 && runtime.containers.length > 0) return stop;
  const toStart = containers.filter((c) => {
    const latest = latestOf(runtime, c.name);
    return latest?.state === 'running' || shouldStart(pod, c, 'container', latest);
  });
  const wasInitialized = containers.some((c) => latestOf(runtime, c.name) !== undefined);
  if (toStart.length === 0 && wasInitialized) return stop;
  const actions: PodAction[] = runtime.sandboxes.length > 0 ? [{ type: 'stop-sandboxes', announce: true }] : [];
  const initNames = new Set(initContainers.map((c) => c.name));
  for (const record of runtime.containers) {
    if (initNames.has(record.name)) actions.push({ type: 'remove-container', id: record.id });
  }
  actions.push({ type: 'create-sandbox', attempt: Math.max(attempt, snapshot.minAttempt ?? 0) });
  const first = initContainers[0];
  if (first !== undefined) return [...actions, ...startActions(snapshot, first, 'init', now)];
  return [...actions, ...toStart.flatMap((c) => startActions(snapshot, c, 'container', now))];
}

/** Whether an instance has passed its startup probe. */
const isStarted = ({ probes }: PodSnapshot, container: Container, id: string): boolean =>
  container.startupProbe === undefined || probes?.(id, 'startup') === 'success';

/** What init containers need, and whether the app containers' turn has come. */
function initActions(snapshot: PodSnapshot, now: number): { actions: PodAction[]; initialized: boolean } {
  const { pod, runtime } = snapshot;
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const actions: PodAction[] = [];
  const appStarted = containers.some((c) => latestOf(runtime, c.name) !== undefined);
  for (const container of initContainers) {
    const latest = latestOf(runtime, container.name);
    if (isSidecar(container)) {
      if (latest?.state === 'unknown') actions.push(unknownStateKill(latest, 'Init container'));
      if (latest?.state === 'running') {
        const failed = probeActions(snapshot, container, 'init', latest, now);
        if (failed !== undefined) actions.push(failed.kill, ...failed.starts);
        if (!appStarted && !isStarted(snapshot, container, latest.id)) return { actions, initialized: false };
        continue;
      }
      actions.push(...startActions(snapshot, container, 'init', now));
      if (!appStarted) return { actions, initialized: false };
      continue;
    }
    // Once an app container was made, the init containers are done for good, even where their records are gone.
    if (appStarted || (latest?.state === 'exited' && latest.exitCode === 0)) continue;
    if (latest?.state === 'running') return { actions, initialized: false };
    if (latest?.state === 'unknown') actions.push(unknownStateKill(latest, 'Init container'));
    if (shouldStart(pod, container, 'init', latest)) actions.push(...startActions(snapshot, container, 'init', now));
    return { actions, initialized: false };
  }
  return { actions, initialized: true };
}

/** What the app containers need. */
function appActions(snapshot: PodSnapshot, now: number): PodAction[] {
  const { pod, runtime } = snapshot;
  const kills: PodAction[] = [];
  const starts: PodAction[] = [];
  for (const container of pod.spec?.containers ?? []) {
    const latest = latestOf(runtime, container.name);
    if (latest?.state === 'running') {
      if (latest.hash === containerHash(container)) {
        const failed = probeActions(snapshot, container, 'container', latest, now);
        if (failed !== undefined) {
          kills.push(failed.kill);
          starts.push(...failed.starts);
        }
        continue;
      }
      kills.push({
        type: 'kill-container',
        id: latest.id,
        name: container.name,
        message: `Container ${container.name} definition changed, will be restarted`,
      });
      starts.push({ type: 'start-container', kind: 'container', container, restartCount: latest.restartCount + 1 });
      continue;
    }
    if (!shouldStart(pod, container, 'container', latest)) continue;
    if (latest?.state === 'unknown') kills.push(unknownStateKill(latest, 'Container'));
    starts.push(...startActions(snapshot, container, 'container', now));
  }
  return [...kills, ...starts];
}

/** Ephemeral containers are started once and never again. */
function ephemeralActions({ pod, runtime }: PodSnapshot): PodAction[] {
  return (pod.spec?.ephemeralContainers ?? [])
    .filter((container) => latestOf(runtime, container.name) === undefined)
    .map((container) => ({ type: 'start-container', kind: 'ephemeral', container, restartCount: 0 }) as const);
}

/**
 * The steps that bring a pod that shall run (not deleted, not finished, within its deadline) closer to its spec. `now` is
 * ms since the epoch. An empty list means that nothing is to be done until something changes.
 */
export function decidePod(snapshot: PodSnapshot, now: number): PodAction[] {
  const sandbox = sandboxNeed(snapshot.pod, snapshot.runtime);
  if (sandbox.needed) return fromScratch(snapshot, sandbox.attempt, now);
  const ephemeral = ephemeralActions(snapshot);
  const init = initActions(snapshot, now);
  if (!init.initialized) return [...ephemeral, ...init.actions];
  const app = appActions(snapshot, now);
  // When nothing of the app runs or will run again, sidecars are not revived either.
  const appAlive =
    app.length > 0 ||
    (snapshot.pod.spec?.containers ?? []).some((c) => latestOf(snapshot.runtime, c.name)?.state === 'running');
  return appAlive ? [...ephemeral, ...init.actions, ...app] : ephemeral;
}

/** When the pod's activeDeadlineSeconds are over, ms since the epoch; undefined without a deadline or before it started. */
export function deadlineOf(pod: Pod, startTime: number | undefined): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  return seconds === undefined || startTime === undefined ? undefined : startTime + seconds * 1000;
}
