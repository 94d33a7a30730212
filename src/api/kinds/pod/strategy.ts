// What may be done to Pods. Follows pkg/registry/core/pod/strategy.go of v1.36.

import type { Pod, PodSpec } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { formatTime } from '../../meta/time.ts';
import { isTerminal } from '../../pod/conditions.ts';
import { computeQosClass } from '../../pod/qos.ts';
import type { DeleteRequest, Strategy, StrategyContext } from '../../scheme.ts';
import { assign, metaOf } from '../common.ts';
import { appArmorFromAnnotations } from './apparmor-annotations.ts';
import { dropDisabledFields } from './drop-disabled-fields.ts';
import { foldMatchLabelKeys } from './match-label-keys.ts';
import { validatePodStatusUpdate } from './validate-status.ts';
import { validatePodUpdate } from './validate-update.ts';
import { validatePodCreate } from './validate.ts';
import { podWarnings } from './warnings.ts';

const noSpec: PodSpec = { containers: [] };

function prepareForCreate(pod: Pod, { now, gates, warn }: StrategyContext): void {
  dropDisabledFields(pod, undefined, gates, (text) => warn?.(text));
  const spec = (pod.spec ??= { ...noSpec });
  metaOf(pod).generation = 1;
  pod.status = { phase: 'Pending', qosClass: computeQosClass(spec) };
  if (spec.schedulingGates?.length) {
    pod.status.conditions = [
      {
        type: 'PodScheduled',
        status: 'False',
        lastTransitionTime: formatTime(now),
        reason: 'SchedulingGated',
        message: 'Scheduling is blocked due to non-empty scheduling gates',
      },
    ];
  }
  foldMatchLabelKeys(pod);
  appArmorFromAnnotations(pod, (text) => warn?.(text));
}

function prepareForUpdate(pod: Pod, old: Pod, { gates, warn }: StrategyContext): void {
  if (pod.spec !== old.spec) dropDisabledFields(pod, old, gates, (text) => warn?.(text));
  assign(pod, 'status', old.status);
  if (!equalJson(pod.spec, old.spec)) metaOf(pod).generation = (old.metadata?.generation ?? 0) + 1;
}

/**
 * Seconds of grace that a deletion gets: what was asked, else the pod's own; 0 when it is not on a node yet or has
 * ended; a negative one counts as 1.
 */
function gracePeriod(pod: Pod, request: DeleteRequest): number {
  if (!pod.spec?.nodeName || isTerminal(pod)) return 0;
  const seconds = request.gracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 0;
  return seconds < 0 ? 1 : seconds;
}

export const podStrategy: Strategy<Pod> = {
  resetFields: [['status']],
  prepareForCreate,
  validateCreate: (pod, { allowPrivileged }) => validatePodCreate(pod, { allowPrivileged }),
  prepareForUpdate,
  validateUpdate: (pod, old, { allowPrivileged }) => validatePodUpdate(pod, old, { allowPrivileged }),
  warnings: (pod, old) => (old ? [] : podWarnings(pod)),
  sharesUntouched: true,
  gracePeriod,
};

// A writer that does not know observedGeneration keeps what is there.
function keepObservedGenerations(pod: Pod, old: Pod): void {
  const status = (pod.status ??= {});
  if (!status.observedGeneration) assign(status, 'observedGeneration', old.status?.observedGeneration);
  const before = [...(old.status?.conditions ?? [])];
  for (const condition of status.conditions ?? []) {
    const at = before.findIndex((one) => one.type === condition.type);
    const match = at < 0 ? undefined : before.splice(at, 1)[0];
    if (!condition.observedGeneration) assign(condition, 'observedGeneration', match?.observedGeneration);
  }
}

export const podStatusStrategy: Strategy<Pod> = {
  resetFields: [['spec'], ['metadata', 'deletionTimestamp'], ['metadata', 'ownerReferences']],
  validateCreate: () => [],
  prepareForUpdate(pod, old) {
    assign(pod, 'spec', old.spec);
    const meta = metaOf(pod);
    assign(meta, 'deletionTimestamp', old.metadata?.deletionTimestamp);
    assign(meta, 'ownerReferences', old.metadata?.ownerReferences);
    const status = (pod.status ??= {});
    // It is the old one, shared.
    if (Object.isFrozen(status)) return;
    if (!status.qosClass) assign(status, 'qosClass', old.status?.qosClass);
    keepObservedGenerations(pod, old);
  },
  validateUpdate: validatePodStatusUpdate,
  sharesUntouched: true,
};
