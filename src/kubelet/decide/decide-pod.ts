// Decides what is to be done so that a pod's containers run as its spec says: pure, by table tests.
// Follows pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodActions and SyncPod of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { containerHash } from '../runtime-labels.ts';
import { latestOf, type RuntimePod } from '../runtime-pod.ts';
import { initActions } from './decide-init.ts';
import type { PodAction, PodSnapshot } from './pod-action.ts';
import { resizeActions, restartForResize } from './resize-actions.ts';
import { resetActions } from './restart-all.ts';
import { restartsOnFailure, shouldStart } from './restart-rules.ts';
import { probeActions, startActions, unknownStateKill } from './start-actions.ts';

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

/** What the app containers need: what is to end, and what is to start then. */
function appActions(snapshot: PodSnapshot, now: number): { kills: PodAction[]; starts: PodAction[] } {
  const { pod, runtime } = snapshot;
  const kills: PodAction[] = [];
  const starts: PodAction[] = [];
  for (const container of pod.spec?.containers ?? []) {
    const latest = latestOf(runtime, container.name);
    if (latest?.state === 'running') {
      if (latest.hash === containerHash(container)) {
        const failed =
          probeActions(snapshot, container, 'container', latest, now) ??
          restartForResize(snapshot, container, 'container', latest);
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
  return { kills, starts };
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
  const reset = resetActions(snapshot, now);
  if (reset !== undefined) return reset;
  const sandbox = sandboxNeed(snapshot.pod, snapshot.runtime);
  if (sandbox.needed) return fromScratch(snapshot, sandbox.attempt, now);
  const ephemeral = ephemeralActions(snapshot);
  if (isOver(snapshot)) return ephemeral;
  const init = initActions(snapshot, now);
  const app = init.initialized ? appActions(snapshot, now) : { kills: [], starts: [] };
  const before = [...init.actions, ...app.kills];
  return [...ephemeral, ...before, ...resizeActions(snapshot, before), ...app.starts];
}

/** Nothing of the app runs or will run again, so that sidecars are not revived either. */
const isOver = ({ pod, runtime }: PodSnapshot): boolean =>
  (pod.spec?.containers ?? []).every((container) => {
    const latest = latestOf(runtime, container.name);
    return latest?.state === 'exited' && !shouldStart(pod, container, 'container', latest);
  });

/** When the pod's activeDeadlineSeconds are over, ms since the epoch; undefined without a deadline or before it started. */
export function deadlineOf(pod: Pod, startTime: number | undefined): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  return seconds === undefined || startTime === undefined ? undefined : startTime + seconds * 1000;
}
