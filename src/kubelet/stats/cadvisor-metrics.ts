// /metrics/cadvisor: the families of containers that dashboards are built on, with the labels they select by.
// Names and labels follow cadvisor's metrics/prometheus.go and pkg/kubelet/server/server.go (containerPrometheusLabelsFunc) of v1.36.

import type { Container } from '../../api/generated/types.ts';
import { bytes, cpuMillis } from '../../api/meta/quantity.ts';
import type { MetricFamily, MetricSample } from '../../lib/metrics-text.ts';
import { metricsText } from '../../lib/metrics-text.ts';
import { podIdentity } from '../runtime-pod.ts';
import type { ContainerLook, Look, PodLook } from './look.ts';
import type { CgroupUsage, InterfaceUsage } from '../../lib/usage.ts';

const second = 1e9;
const periodMicros = 100_000;

interface Subject {
  labels: Record<string, string>;
  counts: CgroupUsage;
}

/** `group` gives the cgroup of a pod, from which ids are made. */
export interface CadvisorNames {
  podGroup(look: PodLook): string;
  podsGroup: string;
}

function specOf({ pod }: PodLook, name: string): Container | undefined {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [...containers, ...initContainers, ...ephemeralContainers].find((container) => container.name === name);
}

function containerSubject(pod: PodLook, { record, usage }: ContainerLook, group: string): Subject[] {
  const { name, namespace } = podIdentity(pod.pod);
  const id = group === '' ? `/${record.id}` : `${group}/${record.id}`;
  const image = specOf(pod, record.name)?.image ?? record.image;
  const labels = { container: record.name, id, image, name: record.id, namespace, pod: name };
  return usage === undefined ? [] : [{ labels, counts: usage.counts }];
}

/** The machine as a whole, as cadvisor tells of the root group. */
function rootSubject({ machine, machineNanoCores: _ }: Look): Subject {
  const none = { container: '', id: '/', image: '', name: '', namespace: '', pod: '' };
  return {
    labels: none,
    counts: {
      cpu: { totalNs: machine.cpuTotalNs, userNs: 0, systemNs: 0, periods: 0, throttledPeriods: 0, throttledNs: 0 },
      memory: { ...machine.memory, cache: 0, mappedFile: 0 },
      swap: { usage: machine.swap.usage },
      processes: machine.pids.running,
    },
  };
}

const family = (
  name: string,
  type: MetricFamily['type'],
  help: string,
  samples: readonly MetricSample[],
): MetricFamily => ({ name, help, type, samples });

/** A family with a figure of every subject; where it is undefined there is no sample. */
function ofAll(
  subjects: readonly Subject[],
  at: number,
): (
  name: string,
  type: MetricFamily['type'],
  help: string,
  value: (counts: CgroupUsage) => number | undefined,
) => MetricFamily {
  return (name, type, help, value) =>
    family(
      name,
      type,
      help,
      subjects.flatMap(({ labels, counts }) => {
        const found = value(counts);
        return found === undefined ? [] : [{ labels, value: found, at }];
      }),
    );
}

function usageFamilies(subjects: readonly Subject[], at: number): MetricFamily[] {
  const each = ofAll(subjects, at);
  const cpuLabels = subjects.map(({ labels, counts }) => ({ labels: { ...labels, cpu: 'total' }, counts }));
  const limited = ({ cpu }: CgroupUsage, value: number): number | undefined => (cpu.periods > 0 ? value : undefined);
  return [
    ofAll(cpuLabels, at)(
      'container_cpu_usage_seconds_total',
      'counter',
      'CPU time used, in seconds.',
      ({ cpu }) => cpu.totalNs / second,
    ),
    each('container_cpu_user_seconds_total', 'counter', 'CPU time used by programs.', ({ cpu }) => cpu.userNs / second),
    each(
      'container_cpu_system_seconds_total',
      'counter',
      'CPU time used by the kernel for programs.',
      ({ cpu }) => cpu.systemNs / second,
    ),
    each('container_cpu_cfs_periods_total', 'counter', 'Periods in which a CPU limit was enforced.', (counts) =>
      limited(counts, counts.cpu.periods),
    ),
    each(
      'container_cpu_cfs_throttled_periods_total',
      'counter',
      'Periods in which the limit held programs up.',
      (counts) => limited(counts, counts.cpu.throttledPeriods),
    ),
    each(
      'container_cpu_cfs_throttled_seconds_total',
      'counter',
      'Time for which the limit held programs up.',
      (counts) => limited(counts, counts.cpu.throttledNs / second),
    ),
    each('container_memory_usage_bytes', 'gauge', 'Memory used, caches included.', ({ memory }) => memory.usage),
    each(
      'container_memory_working_set_bytes',
      'gauge',
      'Memory that cannot be had back at once.',
      ({ memory }) => memory.workingSet,
    ),
    each('container_memory_rss', 'gauge', 'Memory without files behind it.', ({ memory }) => memory.rss),
    each('container_memory_cache', 'gauge', 'Files kept in memory.', ({ memory }) => memory.cache),
    each('container_memory_mapped_file', 'gauge', 'Files mapped into memory.', ({ memory }) => memory.mappedFile),
    each('container_memory_swap', 'gauge', 'Swap used.', ({ swap }) => swap?.usage),
    each('container_processes', 'gauge', 'Processes.', ({ processes }) => processes),
  ];
}

function failures(subjects: readonly Subject[], at: number): MetricFamily {
  const samples = subjects.flatMap(({ labels, counts: { memory } }) =>
    [['pgfault', memory.pageFaults] as const, ['pgmajfault', memory.majorPageFaults] as const].map(
      ([failure, value]) => ({ labels: { ...labels, failure_type: failure, scope: 'hierarchy' }, value, at }),
    ),
  );
  return family('container_memory_failures_total', 'counter', 'Page faults.', samples);
}

function stallFamilies(subjects: readonly Subject[], at: number): MetricFamily[] {
  const each = ofAll(subjects, at);
  const micros = 1e6;
  return (['cpu', 'memory', 'io'] as const).flatMap((resource) => [
    each(
      `container_pressure_${resource}_waiting_seconds_total`,
      'counter',
      `Time in which some waited for ${resource}.`,
      ({ pressure }) => {
        const total = pressure?.[resource]?.some.total;
        return total === undefined ? undefined : total / micros;
      },
    ),
    each(
      `container_pressure_${resource}_stalled_seconds_total`,
      'counter',
      `Time in which all waited for ${resource}.`,
      ({ pressure }) => {
        const total = pressure?.[resource]?.full.total;
        return total === undefined ? undefined : total / micros;
      },
    ),
  ]);
}

/** Network counts belong to the pod's sandbox, whose container label is empty. */
function networkFamilies(look: Look, names: CadvisorNames): MetricFamily[] {
  const of = (
    labels: Record<string, string>,
    interfaces: readonly InterfaceUsage[],
  ): { labels: Record<string, string>; counts: InterfaceUsage }[] =>
    interfaces.map((counts) => ({ labels: { ...labels, interface: counts.name }, counts }));
  const subjects = [
    ...of({ id: '/', image: '', name: '', namespace: '', pod: '' }, look.machine.interfaces),
    ...look.pods.flatMap((pod) => {
      const { name, namespace } = podIdentity(pod.pod);
      const id = `${names.podGroup(pod)}/${pod.sandbox.id}`;
      return of({ id, image: '', name: pod.sandbox.id, namespace, pod: name }, pod.network ?? []);
    }),
  ];
  const told: [string, keyof InterfaceUsage & (`rx${string}` | `tx${string}`), string][] = [
    ['receive_bytes', 'rxBytes', 'Bytes received.'],
    ['receive_packets', 'rxPackets', 'Packets received.'],
    ['receive_packets_dropped', 'rxDropped', 'Packets dropped while receiving.'],
    ['receive_errors', 'rxErrors', 'Errors while receiving.'],
    ['transmit_bytes', 'txBytes', 'Bytes sent.'],
    ['transmit_packets', 'txPackets', 'Packets sent.'],
    ['transmit_packets_dropped', 'txDropped', 'Packets dropped while sending.'],
    ['transmit_errors', 'txErrors', 'Errors while sending.'],
  ];
  return told.map(([what, key, help]) =>
    family(
      `container_network_${what}_total`,
      'counter',
      help,
      subjects.map(({ labels, counts }) => ({ labels, value: counts[key], at: look.at })),
    ),
  );
}

/** What containers were given: limits and shares, as cadvisor tells of a container's spec. */
function specFamilies(look: Look, names: CadvisorNames): MetricFamily[] {
  const all = look.pods.flatMap((pod) =>
    pod.containers.flatMap((container) => {
      const spec = specOf(pod, container.record.name);
      const [subject] = containerSubject(pod, container, names.podGroup(pod));
      return subject === undefined
        ? []
        : [{ labels: subject.labels, counts: subject.counts, spec, record: container.record }];
    }),
  );
  const cpuLimit = (item: (typeof all)[number]): number => cpuMillis(item.spec?.resources?.limits?.['cpu']);
  return [
    family(
      'container_spec_memory_limit_bytes',
      'gauge',
      'Memory limit; 0 for none.',
      all.map(({ labels, spec, counts }) => ({
        labels,
        value: counts.memory.limit ?? bytes(spec?.resources?.limits?.['memory']),
      })),
    ),
    family(
      'container_spec_cpu_period',
      'gauge',
      'Period of the CPU limit, in microseconds.',
      all.map(({ labels }) => ({ labels, value: periodMicros })),
    ),
    family(
      'container_spec_cpu_quota',
      'gauge',
      'CPU time per period, in microseconds.',
      all.flatMap((item) =>
        cpuLimit(item) > 0 ? [{ labels: item.labels, value: cpuLimit(item) * (periodMicros / 1000) }] : [],
      ),
    ),
    family(
      'container_spec_cpu_shares',
      'gauge',
      'Weight of the container.',
      all.map(({ labels, spec }) => ({
        labels,
        value: Math.max(
          2,
          Math.floor((cpuMillis(spec?.resources?.requests?.['cpu'] ?? spec?.resources?.limits?.['cpu']) * 1024) / 1000),
        ),
      })),
    ),
    family(
      'container_start_time_seconds',
      'gauge',
      'When the container started, in seconds since the epoch.',
      all.flatMap(({ labels, record }) =>
        record.startedAt === undefined ? [] : [{ labels, value: Math.floor(record.startedAt / 1000) }],
      ),
    ),
    family(
      'container_last_seen',
      'gauge',
      'When the container was last seen.',
      all.map(({ labels }) => ({ labels, value: Math.floor(look.at / 1000), at: look.at })),
    ),
  ];
}

function diskFamilies(look: Look, names: CadvisorNames): MetricFamily[] {
  const layers = look.pods.flatMap((pod) =>
    pod.containers.flatMap((container) => {
      const [subject] = containerSubject(pod, container, names.podGroup(pod));
      return subject && container.rootfs
        ? [{ labels: { ...subject.labels, device: '' }, rootfs: container.rootfs }]
        : [];
    }),
  );
  return [
    family(
      'container_fs_usage_bytes',
      'gauge',
      "What the container's own layer takes.",
      layers.map(({ labels, rootfs }) => ({ labels, value: rootfs.bytes, at: look.at })),
    ),
    family(
      'container_fs_inodes_total',
      'gauge',
      'Inodes of its file system.',
      layers.map(({ labels }) => ({ labels, value: look.containerDisk.totalInodes, at: look.at })),
    ),
    family(
      'container_fs_limit_bytes',
      'gauge',
      'Size of its file system.',
      layers.map(({ labels }) => ({ labels, value: look.containerDisk.totalBytes, at: look.at })),
    ),
  ];
}

/** The text of a look, with what the machine has. */
export function cadvisorMetrics(look: Look, names: CadvisorNames, cpuCount: number): string {
  const blank = { container: '', image: '', name: '' };
  const pods = look.pods.flatMap((pod): Subject[] => {
    const { name, namespace } = podIdentity(pod.pod);
    const labels = { ...blank, id: names.podGroup(pod), namespace, pod: name };
    return pod.usage === undefined ? [] : [{ labels, counts: pod.usage.counts }];
  });
  const all = look.podsGroup
    ? [{ labels: { ...blank, id: names.podsGroup, namespace: '', pod: '' }, counts: look.podsGroup.counts }]
    : [];
  const containers = look.pods.flatMap((pod) =>
    pod.containers.flatMap((container) => containerSubject(pod, container, names.podGroup(pod))),
  );
  const subjects = [rootSubject(look), ...all, ...pods, ...containers];
  return metricsText([
    family('machine_cpu_cores', 'gauge', 'Processors of the machine.', [{ value: cpuCount }]),
    family('machine_memory_bytes', 'gauge', 'Memory of the machine.', [{ value: look.machine.memory.total }]),
    family('machine_swap_bytes', 'gauge', 'Swap of the machine.', [{ value: look.machine.swap.total }]),
    ...usageFamilies(subjects, look.at),
    failures(subjects, look.at),
    ...stallFamilies(subjects, look.at),
    ...networkFamilies(look, names),
    ...diskFamilies(look, names),
    ...specFamilies(look, names),
    family('container_scrape_error', 'gauge', '1 when the figures could not be had, else 0.', [{ value: 0 }]),
  ]);
}
