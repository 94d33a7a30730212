// Decides what a pod's init containers and sidecars need, and whether the app containers' turn has come: pure.
// Follows computeInitContainerActions in pkg/kubelet/kuberuntime/kuberuntime_container.go, read at fbba6b47ad98 (about v1.33); restart
// rules of containers came later and were not read there.

import type { Container } from '../../api/generated/types.ts';
import { isSidecar } from '../../api/pod/containers.ts';
import { containerHash } from '../runtime-labels.ts';
import { type ContainerRecord, latestOf } from '../runtime-pod.ts';
import type { PodAction, PodSnapshot } from './pod-action.ts';
import { restartForResize } from './resize-actions.ts';
import { shouldStart } from './restart-rules.ts';
import { probeActions, startActions, unknownStateKill } from './start-actions.ts';

/** What one container needs; `done` says that the next one may start. */
interface Verdict {
  kills: PodAction[];
  starts: PodAction[];
  done: boolean;
}

/** A running sidecar: the next may start once it has passed its startup probe, though it be restarted for something else. */
function judgeRunningSidecar(
  snapshot: PodSnapshot,
  container: Container,
  record: ContainerRecord,
  now: number,
): Verdict {
  const done = container.startupProbe === undefined || snapshot.probes?.(record.id, 'startup') === 'success';
  if (done && record.hash !== containerHash(container)) {
    const message = `Init container ${container.name} definition changed`;
    const kill: PodAction = { type: 'kill-container', id: record.id, name: container.name, message };
    const restartCount = record.restartCount + 1;
    return { kills: [kill], starts: [{ type: 'start-container', kind: 'init', container, restartCount }], done };
  }
  const failed =
    probeActions(snapshot, container, 'init', record, now) ?? restartForResize(snapshot, container, 'init', record);
  return { kills: failed ? [failed.kill] : [], starts: failed?.starts ?? [], done };
}

function judge(snapshot: PodSnapshot, container: Container, record: ContainerRecord, now: number): Verdict {
  const sidecar = isSidecar(container);
  const start = (): PodAction[] =>
    shouldStart(snapshot.pod, container, 'init', record) ? startActions(snapshot, container, 'init', now) : [];
  switch (record.state) {
    case 'created':
      return { kills: [], starts: start(), done: false };
    case 'running':
      if (sidecar) return judgeRunningSidecar(snapshot, container, record, now);
      return { kills: [], starts: [], done: false };
    case 'exited':
      if (!sidecar && record.exitCode === 0) return { kills: [], starts: [], done: true };
      return { kills: [], starts: start(), done: false };
    case 'unknown':
      return { kills: [unknownStateKill(record, 'Init container')], starts: start(), done: false };
    default:
      return record.state satisfies never;
  }
}

/**
 * What the init containers need, kills first, and whether the app containers' turn has come. The last container that was ever
 * started tells how far initialization is, for those before it may be gone from the runtime; of these only sidecars are kept up.
 */
export function initActions(snapshot: PodSnapshot, now: number): { actions: PodAction[]; initialized: boolean } {
  const { pod, runtime } = snapshot;
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const first = initContainers[0];
  if (first === undefined) return { actions: [], initialized: true };
  const isThere = (name: string): boolean => ['created', 'running'].includes(latestOf(runtime, name)?.state ?? '');
  let initialized = containers.some(({ name }) => isThere(name));
  let begun = initialized;
  const kills: PodAction[] = [];
  const starts: PodAction[] = [];
  for (const [index, container] of [...initContainers.entries()].toReversed()) {
    const latest = latestOf(runtime, container.name);
    if (begun && !isSidecar(container)) continue;
    if (latest === undefined) {
      if (begun) starts.unshift(...startActions(snapshot, container, 'init', now));
      continue;
    }
    const verdict = judge(snapshot, container, latest, now);
    if (verdict.done && !begun) {
      const next = initContainers[index + 1];
      if (next === undefined) initialized = true;
      else starts.unshift(...startActions(snapshot, next, 'init', now));
    }
    kills.push(...verdict.kills);
    starts.unshift(...verdict.starts);
    begun = true;
  }
  if (!begun) starts.push(...startActions(snapshot, first, 'init', now));
  return { actions: [...kills, ...starts], initialized };
}
