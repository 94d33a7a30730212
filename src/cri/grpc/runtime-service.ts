// CRI's RuntimeService over gRPC, on a channel to the runtime's socket.

import type { Clock } from '../../lib/clock.ts';
import type { RuntimeService, RuntimeStatus } from '../runtime.ts';
import type { Channel } from './channel.ts';
import {
  type ContainerMessage,
  type ContainerStatsMessage,
  type ContainerStatusMessage,
  containerConfigMessage,
  containerFrom,
  containerStatsFrom,
  containerStatusFrom,
  type SandboxMessage,
  type SandboxStatsMessage,
  type SandboxStatusMessage,
  sandboxConfigMessage,
  sandboxFrom,
  sandboxStatsFrom,
  sandboxStatusFrom,
} from './convert.ts';
import { runtimeEvents } from './events.ts';

// As the kubelet's --runtime-request-timeout; making a sandbox is given twice that (upstream cri-client remote_runtime.go).
const requestMs = 120_000;

interface StatusMessage {
  status?: { conditions: { type?: string; status?: boolean; reason?: string; message?: string }[] };
  info: Record<string, string>;
  handlers: { name?: string; features?: { recursiveReadOnlyMounts?: boolean; userNamespaces?: boolean } }[];
  features?: { supplementalGroupsPolicy?: boolean };
}

function statusFrom({ status, info, handlers, features }: StatusMessage): RuntimeStatus {
  return {
    conditions: (status?.conditions ?? []).map((c) => ({
      type: c.type ?? '',
      status: c.status ?? false,
      reason: c.reason ?? '',
      message: c.message ?? '',
    })),
    handlers: handlers.map((h) => ({
      name: h.name ?? '',
      recursiveReadOnlyMounts: h.features?.recursiveReadOnlyMounts ?? false,
      userNamespaces: h.features?.userNamespaces ?? false,
    })),
    ...(features ? { features: { supplementalGroupsPolicy: features.supplementalGroupsPolicy ?? false } } : {}),
    ...(Object.keys(info).length > 0 ? { info } : {}),
  };
}

/** A RuntimeService on the channel. Calls end with DeadlineExceeded after two minutes, sandbox making after four; stops and execs get their own time on top. */
export function grpcRuntimeService(channel: Channel, clock: Clock): RuntimeService {
  const call = <T>(
    method: string,
    request: object,
    signal?: AbortSignal,
    timeoutMs: number | undefined = requestMs,
  ): Promise<T> => channel.unary<T>(`RuntimeService.${method}`, request, { timeoutMs, signal });

  const service: RuntimeService = {
    async version(signal) {
      const m = await call<{ runtimeName?: string; runtimeVersion?: string; runtimeApiVersion?: string }>(
        'Version',
        { version: '0.1.0' },
        signal,
      );
      return {
        runtimeName: m.runtimeName ?? '',
        runtimeVersion: m.runtimeVersion ?? '',
        runtimeApiVersion: m.runtimeApiVersion ?? '',
      };
    },
    status: async (options = {}, signal) => statusFrom(await call<StatusMessage>('Status', options, signal)),
    async runPodSandbox(config, runtimeHandler = '', signal) {
      const request = { config: sandboxConfigMessage(config), runtimeHandler };
      const { id } = await call<{ id?: string }>('RunPodSandbox', request, signal, 2 * requestMs);
      return id ?? '';
    },
    async stopPodSandbox(id, signal) {
      await call('StopPodSandbox', { id }, signal);
    },
    async removePodSandbox(id, signal) {
      await call('RemovePodSandbox', { id }, signal);
    },
    podSandboxStatus: async (id, options = {}, signal) =>
      sandboxStatusFrom(await call<SandboxStatusMessage>('PodSandboxStatus', { id, ...options }, signal)),
    async listPodSandbox(filter = {}, signal) {
      const { state, ...rest } = filter;
      const request = { filter: { ...rest, ...(state ? { state: { state } } : {}) } };
      const { items } = await call<{ items: SandboxMessage[] }>('ListPodSandbox', request, signal);
      return items.map(sandboxFrom);
    },
    async createContainer(sandboxId, config, sandboxConfig, signal) {
      const request = {
        sandboxId,
        config: containerConfigMessage(config),
        sandboxConfig: sandboxConfigMessage(sandboxConfig),
      };
      const { id } = await call<{ id?: string }>('CreateContainer', request, signal);
      return id ?? '';
    },
    async startContainer(id, signal) {
      await call('StartContainer', { id }, signal);
    },
    async stopContainer(id, timeoutSeconds, signal) {
      await call('StopContainer', { id, timeout: timeoutSeconds }, signal, requestMs + timeoutSeconds * 1000);
    },
    async removeContainer(id, signal) {
      await call('RemoveContainer', { id }, signal);
    },
    async listContainers(filter = {}, signal) {
      const { state, ...rest } = filter;
      const request = { filter: { ...rest, ...(state ? { state: { state } } : {}) } };
      const { containers } = await call<{ containers: ContainerMessage[] }>('ListContainers', request, signal);
      return containers.map(containerFrom);
    },
    containerStatus: async (id, options = {}, signal) =>
      containerStatusFrom(await call<ContainerStatusMessage>('ContainerStatus', { id, ...options }, signal)),
    async updateContainerResources(id, resources, signal) {
      await call('UpdateContainerResources', { id, linux: resources }, signal);
    },
    async execSync(id, cmd, timeoutSeconds = 0, signal) {
      const timeoutMs = timeoutSeconds > 0 ? requestMs + timeoutSeconds * 1000 : undefined;
      const m = await channel.unary<{ stdout?: Buffer; stderr?: Buffer; exitCode?: number }>(
        'RuntimeService.ExecSync',
        { id, cmd, timeout: timeoutSeconds },
        { timeoutMs, signal },
      );
      return { stdout: m.stdout ?? Buffer.alloc(0), stderr: m.stderr ?? Buffer.alloc(0), exitCode: m.exitCode ?? 0 };
    },
    exec: async (id, cmd, flags, signal) =>
      (await call<{ url?: string }>('Exec', { id, cmd, ...flags }, signal)).url ?? '',
    attach: async (id, flags, signal) => (await call<{ url?: string }>('Attach', { id, ...flags }, signal)).url ?? '',
    portForward: async (id, ports, signal) =>
      (await call<{ url?: string }>('PortForward', { id, ports }, signal)).url ?? '',
    async containerStats(id, signal) {
      const { stats } = await call<{ stats?: ContainerStatsMessage }>('ContainerStats', { id }, signal);
      return containerStatsFrom(stats ?? {});
    },
    async listContainerStats(filter = {}, signal) {
      const { stats } = await call<{ stats: ContainerStatsMessage[] }>('ListContainerStats', { filter }, signal);
      return stats.map(containerStatsFrom);
    },
    async listPodSandboxStats(filter = {}, signal) {
      const { stats } = await call<{ stats: SandboxStatsMessage[] }>('ListPodSandboxStats', { filter }, signal);
      return stats.map(sandboxStatsFrom);
    },
    async reopenContainerLog(id, signal) {
      await call('ReopenContainerLog', { id }, signal);
    },
    async updateRuntimeConfig(podCidr, signal) {
      await call('UpdateRuntimeConfig', { runtimeConfig: { networkConfig: { podCidr } } }, signal);
    },
    async runtimeConfig(signal) {
      const { linux } = await call<{ linux?: { cgroupDriver?: 'systemd' | 'cgroupfs' } }>('RuntimeConfig', {}, signal);
      return { cgroupDriver: linux?.cgroupDriver ?? 'systemd' };
    },
    events: (signal, types) => runtimeEvents(channel, clock, signal, types),
  };
  return service;
}
