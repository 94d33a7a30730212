// What decisions about a pod that shall run are made from, and the steps that they give.

import type { Container, Pod, PodStatus } from '../../api/generated/types.ts';
import type { ProbeVerdicts } from '../probes/probe-manager.ts';
import type { ResizePlan } from '../resize/plan-resize.ts';
import type { ContainerRecord, RuntimePod } from '../runtime-pod.ts';
import type { Backoff } from './container-backoff.ts';
import type { ContainerKind } from './restart-rules.ts';

/** One step, in the order of the list. A failed start of an init container ends the list; one of
 *  a sidecar or an app container does not. */
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
  /**
   * In place of a restart of the whole pod: those that run are killed at once, without hooks, then all are removed with their
   * logs, in this order. The sandbox and the volumes stay.
   */
  | {
      type: 'reset-containers';
      kill: readonly ContainerRecord[];
      remove: readonly ContainerRecord[];
      /** Remembered of the containers whose exit asked for it. */
      backoffs: readonly { key: string; next: Backoff }[];
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
  /** Running containers, and the pod's cgroup, have something else than they were given. */
  | { type: 'resize'; plan: ResizePlan }
  /** Held by back-off until `until` (ms since the epoch). */
  | { type: 'back-off'; container: Container; kind: ContainerKind; message: string; until: number };

export interface PodSnapshot {
  pod: Pod;
  runtime: RuntimePod;
  /** Back-off by backoffKey. */
  backoffs: ReadonlyMap<string, Backoff>;
  /** What probes have found; without it nothing is known. */
  probes?: ProbeVerdicts;
  /** What is to be done so that running containers have what they were given. */
  resize?: ResizePlan | undefined;
  /** What was last reported; without it, the status in the API. */
  previous?: PodStatus | undefined;
  /** Attempts below this one are known to be taken in the runtime. */
  minAttempt?: number;
}
