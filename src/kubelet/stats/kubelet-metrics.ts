// /metrics and /metrics/probes: what the kubelet tells of its own work. Names follow pkg/kubelet/metrics/metrics.go and prober/prober_manager.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { type ImageService, isRuntimeError, type RuntimeService } from '../../cri/runtime.ts';
import type { Clock } from '../../lib/clock.ts';
import { createCounter, createHistogram, type MetricFamily, metricsText } from '../../lib/metrics-text.ts';
import type { RuntimePod } from '../runtime-pod.ts';

/** How one probe ended. */
export interface ProbeCount {
  kind: 'startup' | 'readiness' | 'liveness';
  result: 'successful' | 'failed' | 'unknown';
  container: string;
  pod: { uid: string; namespace: string; name: string };
}

export interface KubeletMetrics {
  /** The same services, counted and timed. */
  meterRuntime(runtime: RuntimeService): RuntimeService;
  meterImages(images: ImageService): ImageService;
  countProbe(probe: ProbeCount): void;
  countEviction(signal: string): void;
  countImageRemoved(reason: 'space' | 'age'): void;
  /** /metrics. */
  text(state: KubeletState): string;
  /** /metrics/probes, of the pods that are still known. */
  probesText(isKnown: (podUid: string) => boolean): string;
}

export interface KubeletState {
  nodeName: string;
  gitVersion: string;
  pods: readonly Pod[];
  runtimePod(uid: string): RuntimePod | undefined;
  own: { cpuTotalNs: number; rss: number; startedAt: number };
}

/** The service's method → what upstream calls the operation. Those that stream or never end are not timed. */
const runtimeOperations: Readonly<Record<string, string>> = {
  version: 'version',
  status: 'status',
  runPodSandbox: 'run_podsandbox',
  stopPodSandbox: 'stop_podsandbox',
  removePodSandbox: 'remove_podsandbox',
  podSandboxStatus: 'podsandbox_status',
  listPodSandbox: 'list_podsandbox',
  createContainer: 'create_container',
  startContainer: 'start_container',
  stopContainer: 'stop_container',
  removeContainer: 'remove_container',
  listContainers: 'list_containers',
  containerStatus: 'container_status',
  updateContainerResources: 'update_container',
  execSync: 'exec_sync',
  exec: 'exec',
  attach: 'attach',
  portForward: 'port_forward',
  containerStats: 'container_stats',
  listContainerStats: 'list_container_stats',
  listPodSandboxStats: 'list_podsandbox_stats',
  reopenContainerLog: 'reopen_container_log',
  updateRuntimeConfig: 'update_runtime_config',
  runtimeConfig: 'runtime_config',
};
const imageOperations: Readonly<Record<string, string>> = {
  listImages: 'list_images',
  imageStatus: 'image_status',
  pullImage: 'pull_image',
  removeImage: 'remove_image',
  imageFsInfo: 'image_fs_info',
};

const operationBounds = [0.005, 0.0125, 0.03125, 0.078, 0.195, 0.488, 1.22, 3.05, 7.63, 19.1, 47.7, 119];

const isPromise = (value: unknown): value is Promise<unknown> => value instanceof Promise;

export function createKubeletMetrics(clock: Clock): KubeletMetrics {
  const operations = createCounter('kubelet_runtime_operations_total', 'Calls to the runtime, by operation.');
  const errors = createCounter('kubelet_runtime_operations_errors_total', 'Failed calls to the runtime, by operation.');
  const durations = createHistogram(
    'kubelet_runtime_operations_duration_seconds',
    'How long calls to the runtime took, by operation.',
    operationBounds,
  );
  const startedPods = createCounter('kubelet_started_pods_total', 'Sandboxes made.');
  const startedPodErrors = createCounter('kubelet_started_pods_errors_total', 'Sandboxes that could not be made.');
  const startedContainers = createCounter('kubelet_started_containers_total', 'Containers started.');
  const startedContainerErrors = createCounter(
    'kubelet_started_containers_errors_total',
    'Containers that could not be started.',
  );
  const evictions = createCounter('kubelet_evictions', 'Pods evicted, by the signal that called for it.');
  const imagesRemoved = createCounter('kubelet_image_garbage_collected_total', 'Unused images removed, by reason.');
  const probes = createCounter('prober_probe_total', 'Probes of containers, by kind and result.');

  const ended = (operation: string, began: number, error: unknown): void => {
    durations.observe((clock.monotonic() - began) / 1000, { operation_type: operation });
    const failed = error !== undefined && !isRuntimeError(error, 'Canceled');
    if (failed) errors.add({ operation_type: operation });
    if (operation === 'run_podsandbox') (failed ? startedPodErrors : startedPods).add();
    if (operation === 'start_container') (failed ? startedContainerErrors : startedContainers).add();
  };

  const meter = <T extends object>(service: T, names: Readonly<Record<string, string>>): T =>
    new Proxy(service, {
      get(target, property) {
        const method: unknown = Reflect.get(target, property, target);
        if (typeof method !== 'function') return method;
        const operation = typeof property === 'string' ? names[property] : undefined;
        return (...args: unknown[]): unknown => {
          const began = clock.monotonic();
          const result: unknown = Reflect.apply(method, target, args);
          if (operation === undefined || !isPromise(result)) return result;
          operations.add({ operation_type: operation });
          result.then(
            () => ended(operation, began, undefined),
            (error: unknown) => ended(operation, began, error ?? new Error('failed')),
          );
          return result;
        };
      },
    });

  return {
    meterRuntime: (runtime) => meter(runtime, runtimeOperations),
    meterImages: (images) => meter(images, imageOperations),
    countProbe: ({ kind, result, container, pod }) =>
      probes.add({
        probe_type: `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`,
        result,
        container,
        pod: pod.name,
        namespace: pod.namespace,
        pod_uid: pod.uid,
      }),
    countEviction: (signal) => evictions.add({ eviction_signal: signal }),
    countImageRemoved: (reason) => imagesRemoved.add({ reason }),
    text: (state) =>
      metricsText([
        ...stateFamilies(state),
        ...[operations, errors, startedPods, startedPodErrors, startedContainers, startedContainerErrors].map((c) =>
          c.family(),
        ),
        evictions.family(),
        imagesRemoved.family(),
      ]) + durations.text(),
    probesText(isKnown) {
      probes.keepOnly('pod_uid', isKnown);
      return metricsText([probes.family()]);
    },
  };
}

function stateFamilies({ nodeName, gitVersion, pods, runtimePod, own }: KubeletState): MetricFamily[] {
  const gauge = (name: string, help: string, samples: MetricFamily['samples']): MetricFamily => ({
    name,
    help,
    type: 'gauge',
    samples,
  });
  const held = pods.map((pod) => runtimePod(pod.metadata?.uid ?? ''));
  const states = new Map<string, number>();
  for (const { state } of held.flatMap((runtime) => runtime?.containers ?? []))
    states.set(state, (states.get(state) ?? 0) + 1);
  const running = held.filter((runtime) => runtime?.sandboxes.some(({ state }) => state === 'ready')).length;
  return [
    gauge('kubernetes_build_info', 'The version that runs.', [{ labels: { git_version: gitVersion }, value: 1 }]),
    gauge('kubelet_node_name', "The node's name.", [{ labels: { node: nodeName }, value: 1 }]),
    gauge('kubelet_desired_pods', 'Pods that the kubelet was given.', [{ labels: { static: '' }, value: pods.length }]),
    gauge('kubelet_running_pods', 'Pods that have a running sandbox.', [{ value: running }]),
    gauge(
      'kubelet_running_containers',
      'Containers in the runtime, by state.',
      [...states].map(([state, value]) => ({ labels: { container_state: state }, value })),
    ),
    {
      name: 'process_cpu_seconds_total',
      help: 'CPU time of this process.',
      type: 'counter',
      samples: [{ value: own.cpuTotalNs / 1e9 }],
    },
    gauge('process_resident_memory_bytes', 'Memory of this process.', [{ value: own.rss }]),
    gauge('process_start_time_seconds', 'When this process started, in seconds since the epoch.', [
      { value: own.startedAt / 1000 },
    ]),
  ];
}
