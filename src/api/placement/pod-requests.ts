// How much of each resource a pod asks for as a whole. Follows component-helpers resource/helpers.go of v1.36.

import type { Container, Pod, PodSpec, ResourceRequirements } from '../generated/types.ts';
import {
  addQuantity,
  bytes,
  compareQuantity,
  cpuMillis,
  formatQuantity,
  parseQuantity,
  type Quantity,
} from '../meta/quantity.ts';
import { isSidecar } from '../pod/containers.ts';

/** Resource name → exact amount. */
export type Amounts = Map<string, Quantity>;

function parseList(list: Record<string, string> | undefined): Amounts {
  return new Map(Object.entries(list ?? {}).map(([name, value]) => [name, parseQuantity(value)]));
}

function addTo(sums: Amounts, more: Amounts): void {
  for (const [name, amount] of more) {
    const have = sums.get(name);
    sums.set(name, have ? addQuantity(have, amount) : amount);
  }
}

function maxInto(most: Amounts, other: Amounts): void {
  for (const [name, amount] of other) {
    const have = most.get(name);
    if (!have || compareQuantity(amount, have) > 0) most.set(name, amount);
  }
}

type ListName = 'requests' | 'limits';
/** What one container counts for. */
type Needs = (container: Container) => Amounts;

/**
 * The sum over app containers and sidecars, or the most that any init container needs beside the sidecars started
 * before it, whichever is more.
 */
function aggregate(
  spec: PodSpec,
  list: ListName,
  needsOf: Needs = ({ resources }) => parseList(resources?.[list]),
): Amounts {
  const running: Amounts = new Map();
  for (const container of spec.containers) addTo(running, needsOf(container));
  const sidecars: Amounts = new Map();
  const initPeak: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const needs = needsOf(container);
    if (isSidecar(container)) {
      addTo(running, needs);
      addTo(sidecars, needs);
      maxInto(initPeak, sidecars);
    } else {
      addTo(needs, sidecars);
      maxInto(initPeak, needs);
    }
  }
  maxInto(running, initPeak);
  return running;
}

/** What the containers ask for together, without overhead and without the pod's own resources. */
export const aggregateContainerRequests = (spec: PodSpec): Amounts => aggregate(spec, 'requests');
export const aggregateContainerLimits = (spec: PodSpec): Amounts => aggregate(spec, 'limits');

const podLevel = (name: string): boolean => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

/**
 * Which requests count: those that the spec asks for, or those that the pod holds on its node, which while it is resized are
 * the most of what it asks for, was given and has.
 */
export type RequestsBy = 'spec' | 'held';

/** What the pod asks for on a node: containers, or the pod's own resources where given, plus overhead. */
export function podRequests(pod: Pod, by: RequestsBy = 'spec'): Amounts {
  const held = by === 'held' ? heldRequests(pod) : undefined;
  return withPodLevel(pod, 'requests', held?.container, held?.pod);
}

/** What the pod may use at most, where limited. */
export function podLimits(pod: Pod): Amounts {
  return withPodLevel(pod, 'limits');
}

interface Held {
  resources?: ResourceRequirements;
  allocatedResources?: Record<string, string>;
}

/** A resize that its node can never carry out takes no room. */
const isInfeasible = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible') === true;

function heldRequests(pod: Pod): { container: Needs; pod: (asked: Amounts) => Amounts } {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const statuses = new Map([...initContainerStatuses, ...containerStatuses].map((status) => [status.name, status]));
  const infeasible = isInfeasible(pod);
  const most = (asked: Amounts, held: Held | undefined): Amounts => {
    if (held?.resources === undefined && held?.allocatedResources === undefined) return asked;
    const amounts: Amounts = infeasible ? new Map() : new Map(asked);
    maxInto(amounts, parseList(held.resources?.requests));
    maxInto(amounts, parseList(held.allocatedResources));
    return amounts;
  };
  return {
    container: ({ name, resources }) => most(parseList(resources?.requests), statuses.get(name)),
    pod: (asked) => most(asked, pod.status),
  };
}

function withPodLevel(
  pod: Pod,
  list: ListName,
  needsOf?: Needs,
  podLevelOf: (asked: Amounts) => Amounts = (asked) => asked,
): Amounts {
  const { spec } = pod;
  if (!spec) return new Map();
  const sums = aggregate(spec, list, needsOf);
  const own = parseList(spec.resources?.[list]);
  if (own.size > 0) for (const [name, amount] of podLevelOf(own)) if (podLevel(name)) sums.set(name, amount);
  for (const [name, amount] of parseList(spec.overhead)) {
    const have = sums.get(name);
    // Overhead adds to a limit only where there is one.
    if (have && (list === 'requests' || have.nanos !== 0n)) sums.set(name, addQuantity(have, amount));
    else if (list === 'requests') sums.set(name, amount);
  }
  return sums;
}

/** podRequests in plain numbers: millicores for cpu, whole units (bytes) for the rest. */
export function podRequestNumbers(pod: Pod, by: RequestsBy = 'spec'): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const [name, amount] of podRequests(pod, by)) {
    const text = formatQuantity(amount);
    numbers.set(name, name === 'cpu' ? cpuMillis(text) : bytes(text));
  }
  return numbers;
}
