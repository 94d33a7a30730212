// Works out once per pod what scheduling asks of it again and again: requests, host ports, shape.

import type { Container, Pod } from '../api/generated/types.ts';
import { bytes, cpuMillis } from '../api/meta/quantity.ts';
import type { HostPort, PodInfo } from './framework.ts';

// Upstream: pkg/scheduler/util/pod_resources.go.
const defaultCpu = 100;
const defaultMemory = 200 * 1024 * 1024;

/** A quantity in its resource's unit (millicores for cpu, else bytes or a count), rounded up. */
export const amountOf = (resource: string, text: string): number =>
  resource === 'cpu' ? cpuMillis(text) : bytes(text);

type Amounts = Map<string, number>;

function amountsOf(list: Readonly<Record<string, string>> | undefined): Amounts {
  const amounts: Amounts = new Map();
  for (const [resource, text] of Object.entries(list ?? {})) amounts.set(resource, amountOf(resource, text));
  return amounts;
}

function add(to: Amounts, amounts: Amounts): void {
  for (const [resource, amount] of amounts) to.set(resource, (to.get(resource) ?? 0) + amount);
}

function raise(to: Amounts, amounts: Amounts): void {
  for (const [resource, amount] of amounts) to.set(resource, Math.max(to.get(resource) ?? 0, amount));
}

function containerAmounts(container: Container, floor: boolean): Amounts {
  const amounts = amountsOf(container.resources?.requests);
  if (floor) {
    if (!amounts.has('cpu')) amounts.set('cpu', defaultCpu);
    if (!amounts.has('memory')) amounts.set('memory', defaultMemory);
  }
  return amounts;
}

/** Resources that a pod may set for itself as a whole. */
const podLevel = (resource: string): boolean =>
  resource === 'cpu' || resource === 'memory' || resource.startsWith('hugepages-');

/**
 * What the pod needs at its peak: containers and sidecars together, or an init container beside the sidecars started before it;
 * the pod's own requests replace that; overhead comes on top. With `floor`, containers without a request count as small ones.
 * Follows component-helpers resource.PodRequests.
 */
export function podRequests(pod: Pod, floor = false): Map<string, number> {
  const spec = pod.spec;
  const total: Amounts = new Map();
  for (const container of spec?.containers ?? []) add(total, containerAmounts(container, floor));
  const sidecars: Amounts = new Map();
  const peak: Amounts = new Map();
  for (const container of spec?.initContainers ?? []) {
    const amounts = containerAmounts(container, floor);
    if (container.restartPolicy === 'Always') {
      add(total, amounts);
      add(sidecars, amounts);
      raise(peak, sidecars);
    } else {
      add(amounts, sidecars);
      raise(peak, amounts);
    }
  }
  raise(total, peak);
  for (const [resource, amount] of amountsOf(spec?.resources?.requests)) {
    if (podLevel(resource)) total.set(resource, amount);
  }
  add(total, amountsOf(spec?.overhead));
  for (const [resource, amount] of total) if (amount <= 0) total.delete(resource);
  return total;
}

/** Host ports of all containers, sidecars included. */
export function hostPortsOf(pod: Pod): HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  return [...(pod.spec?.containers ?? []), ...sidecars].flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => (port.hostPort ?? 0) > 0)
      .map((port) => ({ ip: port.hostIP || '0.0.0.0', protocol: port.protocol ?? 'TCP', port: port.hostPort ?? 0 })),
  );
}

export function podInfoOf(pod: Pod): PodInfo {
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  const spec = pod.spec;
  const requests = podRequests(pod);
  const floored = podRequests(pod, true);
  const hostPorts = hostPortsOf(pod);
  const scoringCpu = floored.get('cpu') ?? 0;
  const scoringMemory = floored.get('memory') ?? 0;
  const schedulerName = spec?.schedulerName ?? 'default-scheduler';
  const shape = JSON.stringify([
    schedulerName,
    spec?.nodeName ?? '',
    spec?.nodeSelector,
    spec?.affinity?.nodeAffinity,
    spec?.tolerations,
    [...requests].sort(([a], [b]) => (a < b ? -1 : 1)),
    scoringCpu,
    scoringMemory,
    hostPorts,
    spec?.resourceClaims,
  ]);
  return {
    pod,
    uid,
    namespace,
    name,
    key: `${namespace}/${name}`,
    schedulerName,
    nodeName: spec?.nodeName ?? '',
    priority: spec?.priority ?? 0,
    requests,
    scoringCpu,
    scoringMemory,
    hostPorts,
    shape,
  };
}
