// Where a resize comes among the steps of a pod: some containers are started anew for it, the others are changed as they run. Pure.
// Follows computePodResizeAction and SyncPod in pkg/kubelet/kuberuntime/kuberuntime_manager.go of v1.36.

import type { Container } from '../../api/generated/types.ts';
import type { ContainerRecord } from '../runtime-pod.ts';
import type { PodAction, PodSnapshot } from './pod-action.ts';
import type { ContainerKind } from './restart-rules.ts';

/** The end and new start of a running container whose resize policy asks for one; undefined for any other. */
export function restartForResize(
  { resize }: PodSnapshot,
  container: Container,
  kind: ContainerKind,
  { id, restartCount }: ContainerRecord,
): { kill: PodAction; starts: PodAction[] } | undefined {
  const { name } = container;
  if (resize?.restarts.has(name) !== true) return undefined;
  return {
    kill: { type: 'kill-container', id, name, message: `Container ${name} resize requires restart` },
    starts: [{ type: 'start-container', kind, container, restartCount: restartCount + 1 }],
  };
}

/** The planned resize without containers that `before` kills. */
export function resizeActions({ resize }: PodSnapshot, before: readonly PodAction[]): PodAction[] {
  if (resize === undefined) return [];
  const killed = new Set(before.map((action) => (action.type === 'kill-container' ? action.id : undefined)));
  const stays = ({ id }: { id: string }): boolean => !killed.has(id);
  const steps = resize.steps.filter((step) => step.type === 'limit-pod' || stays(step.change));
  const checks = resize.checks.filter(({ container }) => container === undefined || stays(container));
  return [{ type: 'resize', plan: { ...resize, steps, checks, records: resize.records.filter(stays) } }];
}
