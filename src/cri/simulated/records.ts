// What the simulated runtime remembers of its sandboxes and containers, and how it shows them.

import type {
  ContainerConfig,
  ContainerState,
  ContainerStats,
  LinuxResources,
  RuntimeContainer,
  Sandbox,
  SandboxConfig,
  SandboxState,
} from '../runtime.ts';
import type { ContainerLog } from './container-log.ts';
import type { Scheduled } from '../../lib/schedule.ts';
import type { ContainerScript } from './script.ts';

export interface SimSandbox {
  id: string;
  config: SandboxConfig;
  runtimeHandler: string;
  state: SandboxState;
  createdAt: number;
  address: string | undefined;
  containers: Map<string, SimContainer>;
}

export interface SimContainer {
  id: string;
  sandbox: SimSandbox;
  config: ContainerConfig;
  imageId: string;
  script: ContainerScript;
  state: ContainerState;
  createdAt: number;
  startedAt: number | undefined;
  finishedAt: number | undefined;
  exitCode: number;
  reason: string;
  message: string;
  /** The next thing that happens to it by itself, and its TERM or KILL to come. */
  exit: Scheduled | undefined;
  stopping: Scheduled | undefined;
  logging: Scheduled | undefined;
  log: ContainerLog;
  /** Woken when it has ended. */
  waiters: (() => void)[];
  resources: LinuxResources | undefined;
}

/** Whether the labels hold every wanted one. */
export const matchesLabels = (
  labels: Readonly<Record<string, string>> = {},
  wanted: Readonly<Record<string, string>> = {},
) => Object.entries(wanted).every(([key, value]) => labels[key] === value);

/** The sandbox as the runtime lists it. */
export const sandboxOf = ({ id, config, state, createdAt, runtimeHandler }: SimSandbox): Sandbox => ({
  id,
  metadata: config.metadata,
  state,
  createdAt,
  labels: config.labels ?? {},
  annotations: config.annotations ?? {},
  runtimeHandler,
});

/** The container as the runtime lists it. */
export const containerOf = ({ id, sandbox, config, imageId, state, createdAt }: SimContainer): RuntimeContainer => ({
  id,
  sandboxId: sandbox.id,
  metadata: config.metadata,
  image: config.image,
  imageRef: imageId,
  imageId,
  state,
  createdAt,
  labels: config.labels ?? {},
  annotations: config.annotations ?? {},
});

/** What its script says that it uses, at `now` (ms since the epoch). */
export function statsOf({ id, config, script, startedAt }: SimContainer, now: number): ContainerStats {
  const ranMs = startedAt === undefined ? 0 : now - startedAt;
  const { memoryBytes, millicores } = script;
  return {
    id,
    metadata: config.metadata,
    labels: config.labels ?? {},
    annotations: config.annotations ?? {},
    cpu: { timestamp: now, usageCoreNanoSeconds: ranMs * millicores * 1_000, usageNanoCores: millicores * 1e6 },
    memory: { timestamp: now, workingSetBytes: memoryBytes, usageBytes: memoryBytes, rssBytes: memoryBytes },
    writableLayer: { timestamp: now, mountpoint: '/var/lib/simulated', usedBytes: 0, inodesUsed: 0 },
  };
}
