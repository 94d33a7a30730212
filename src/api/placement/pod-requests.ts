// How much of each resource a pod asks for as a whole. Follows component-helpers resource/helpers.go of v1.36.

import type { Pod, PodSpec } from '../generated/types.ts';
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

/**
 * The sum over app containers and sidecars, or the most that any init container needs beside the sidecars started
 * before it, whichever is more.
 */
function aggregate(spec: PodSpec, list: ListName): Amounts {
  const running: Amounts = new Map();
  for (const container of spec.containers) addTo(running, parseList(container.resources?.[list]));
  const sidecars: Amounts = new Map();
  const initPeak: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const needs = parseList(container.resources?.[list]);
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

/** What the pod asks for on a node: containers, or the pod's own resources where given, plus overhead. */
export function podRequests(pod: Pod): Amounts {
  return withPodLevel(pod, 'requests');
}

/** What the pod may use at most, where limited. */
export function podLimits(pod: Pod): Amounts {
  return withPodLevel(pod, 'limits');
}

function withPodLevel(pod: Pod, list: ListName): Amounts {
  const { spec } = pod;
  if (!spec) return new Map();
  const sums = aggregate(spec, list);
  for (const [name, amount] of parseList(spec.resources?.[list])) if (podLevel(name)) sums.set(name, amount);
  for (const [name, amount] of parseList(spec.overhead)) {
    const have = sums.get(name);
    // Overhead adds to a limit only where there is one.
    if (have && (list === 'requests' || have.nanos !== 0n)) sums.set(name, addQuantity(have, amount));
    else if (list === 'requests') sums.set(name, amount);
  }
  return sums;
}

/** podRequests in plain numbers: millicores for cpu, whole units (bytes) for the rest. */
export function podRequestNumbers(pod: Pod): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const [name, amount] of podRequests(pod)) {
    const text = formatQuantity(amount);
    numbers.set(name, name === 'cpu' ? cpuMillis(text) : bytes(text));
  }
  return numbers;
}
