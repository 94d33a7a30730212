// /metrics/resource: CPU, memory and swap of node, pods and containers, as metrics-server scrapes them.
// Names and labels follow pkg/kubelet/metrics/collectors/resource_metrics.go of v1.36.

import { type MetricFamily, type MetricSample, metricsText } from '../../lib/metrics-text.ts';
import { podIdentity } from '../runtime-pod.ts';
import type { Look, Usage } from './look.ts';

const second = 1e9;

interface Subject {
  labels: Record<string, string>;
  usage: Usage;
}

/** The text of a look; of a failed one (undefined) only that it failed. */
export function resourceMetrics(look: Look | undefined): string {
  const failed = [{ value: look === undefined ? 1 : 0 }];
  const scrape: MetricFamily[] = ['resource_scrape_error', 'scrape_error'].map((name) => ({
    name,
    help: '1 when the figures could not be had, else 0.',
    type: 'gauge',
    samples: failed,
  }));
  return metricsText([...(look === undefined ? [] : familiesOf(look)), ...scrape]);
}

function familiesOf(look: Look): MetricFamily[] {
  const { at, machine, pods } = look;
  const ofPod = (pod: Look['pods'][number]): Record<string, string> => {
    const { name, namespace } = podIdentity(pod.pod);
    return { pod: name, namespace };
  };
  const podSubjects = pods.flatMap((pod): Subject[] =>
    pod.usage === undefined ? [] : [{ labels: ofPod(pod), usage: pod.usage }],
  );
  const containers = pods.flatMap((pod) =>
    pod.containers.map((container) => ({ ...container, labels: { container: container.record.name, ...ofPod(pod) } })),
  );
  const containerSubjects = containers.flatMap(({ labels, usage }): Subject[] =>
    usage === undefined ? [] : [{ labels, usage }],
  );
  const samples = (subjects: readonly Subject[], value: (usage: Usage) => number | undefined): MetricSample[] =>
    subjects.flatMap(({ labels, usage }) => {
      const found = value(usage);
      return found === undefined ? [] : [{ labels, value: found, at }];
    });
  const cpu = ({ counts }: Usage): number => counts.cpu.totalNs / second;
  const memory = ({ counts }: Usage): number => counts.memory.workingSet;
  const swap = ({ counts }: Usage): number | undefined => counts.swap?.usage;
  const family = (name: string, type: MetricFamily['type'], help: string, list: MetricSample[]): MetricFamily => ({
    name,
    help,
    type,
    samples: list,
  });
  return [
    family('node_cpu_usage_seconds_total', 'counter', 'CPU time used by the node, in core-seconds.', [
      { value: machine.cpuTotalNs / second, at },
    ]),
    family('node_memory_working_set_bytes', 'gauge', 'Working set of the node.', [
      { value: machine.memory.workingSet, at },
    ]),
    family('node_swap_usage_bytes', 'gauge', 'Swap used by the node.', [{ value: machine.swap.usage, at }]),
    family(
      'container_start_time_seconds',
      'gauge',
      'When the container started, in seconds since the epoch.',
      containers.flatMap(({ record: { startedAt }, labels }) =>
        startedAt === undefined ? [] : [{ labels, value: startedAt / 1000 }],
      ),
    ),
    family(
      'container_cpu_usage_seconds_total',
      'counter',
      'CPU time used by the container, in core-seconds.',
      samples(containerSubjects, cpu),
    ),
    family(
      'container_memory_working_set_bytes',
      'gauge',
      'Working set of the container.',
      samples(containerSubjects, memory),
    ),
    family('container_swap_usage_bytes', 'gauge', 'Swap used by the container.', samples(containerSubjects, swap)),
    family(
      'container_swap_limit_bytes',
      'gauge',
      'Swap that the container may use.',
      samples(containerSubjects, ({ counts }) => counts.swap?.limit),
    ),
    family(
      'pod_cpu_usage_seconds_total',
      'counter',
      'CPU time used by the pod, in core-seconds.',
      samples(podSubjects, cpu),
    ),
    family('pod_memory_working_set_bytes', 'gauge', 'Working set of the pod.', samples(podSubjects, memory)),
    family('pod_swap_usage_bytes', 'gauge', 'Swap used by the pod.', samples(podSubjects, swap)),
  ];
}
