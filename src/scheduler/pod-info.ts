// Works out once per pod what scheduling asks of it again and again: requests, host ports, shape.

import type { Container, Pod } from '../api/generated/types.ts';
import { bytes, cpuMillis } from '../api/meta/quantity.ts';
import { hostPortsOf } from '../api/placement/host-ports.ts';
import { podRequestNumbers } from '../api/placement/pod-requests.ts';
import { claimKeysOf } from '../api/pod/claim-names.ts';
import { isDisk } from '../api/storage/disks.ts';
import type { PodInfo } from './framework.ts';

// Upstream: pkg/scheduler/util/pod_resources.go.
const defaultCpu = '100m';
const defaultMemory = '200Mi';

/** A quantity in its resource's unit (millicores for cpu, else bytes or a count), rounded up. */
export const amountOf = (resource: string, text: string): number =>
  resource === 'cpu' ? cpuMillis(text) : bytes(text);

/** The pod with a small request put in wherever a container names none, as scoring counts it. */
function withFloor(pod: Pod): Pod {
  const floored = (container: Container): Container => {
    const requests = { cpu: defaultCpu, memory: defaultMemory, ...container.resources?.requests };
    return { ...container, resources: { ...container.resources, requests } };
  };
  const { spec } = pod;
  if (!spec) return pod;
  const initContainers = spec.initContainers?.map(floored);
  return {
    ...pod,
    spec: { ...spec, containers: spec.containers.map(floored), ...(initContainers ? { initContainers } : {}) },
  };
}

function aboveZero(amounts: Map<string, number>): Map<string, number> {
  for (const [resource, amount] of amounts) if (amount <= 0) amounts.delete(resource);
  return amounts;
}

interface Needs {
  requests: ReadonlyMap<string, number>;
  scoringCpu: number;
  scoringMemory: number;
}

// Pods of one controller ask for the same: exact quantities are added up once for all of them.
const needsKept = 1_000;
const needsByText = new Map<string, Needs>();

/** While a pod is resized it may hold more than it asks for, or less. */
const isResizing = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type }) => type.startsWith('PodResize')) === true;

function needsOf(pod: Pod): Needs {
  const { spec, status } = pod;
  const by = isResizing(pod) ? 'held' : 'spec';
  const list = (containers: readonly Container[] = []) =>
    containers.map(({ resources, restartPolicy }) => [resources?.requests, restartPolicy]);
  const text = JSON.stringify([
    list(spec?.containers),
    list(spec?.initContainers),
    spec?.resources?.requests,
    spec?.overhead,
    ...(by === 'held' ? [status] : []),
  ]);
  let needs = needsByText.get(text);
  if (!needs) {
    const floored = podRequestNumbers(withFloor(pod), by);
    needs = {
      requests: aboveZero(podRequestNumbers(pod, by)),
      scoringCpu: floored.get('cpu') ?? 0,
      scoringMemory: floored.get('memory') ?? 0,
    };
    if (needsByText.size >= needsKept) needsByText.clear();
    needsByText.set(text, needs);
  }
  return needs;
}

// Objects from informers never change, so what was worked out for one holds as long as it is there.
const known = new WeakMap<Pod, PodInfo>();

/** The pod must not be changed afterwards. */
export function podInfoOf(pod: Pod): PodInfo {
  let info = known.get(pod);
  if (!info) {
    info = makePodInfo(pod);
    known.set(pod, info);
  }
  return info;
}

function makePodInfo(pod: Pod): PodInfo {
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  const spec = pod.spec;
  const { requests, scoringCpu, scoringMemory } = needsOf(pod);
  const hostPorts = hostPortsOf(pod);
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
    claimKeysOf(pod),
    spec?.volumes?.some(isDisk),
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
