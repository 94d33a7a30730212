// How pods count against quotas. Follows pkg/quota/v1/evaluator/core/pods.go of v1.36.

import type { Container, Pod, PodAffinityTerm, ScopedResourceSelectorRequirement } from '../generated/types.ts';
import { isExtendedResource } from '../kinds/pod/validation/resources.ts';
import { parseTime } from '../meta/time.ts';
import type { Quantity } from '../meta/quantity.ts';
import { podLimits, podRequests } from '../placement/pod-requests.ts';
import { computeQosClass } from '../pod/qos.ts';
import { type Amounts, parseAmounts } from './amounts.ts';
import { one, type QuotaEvaluator, valueInScope } from './evaluator.ts';

const overcommitted = ['cpu', 'memory', 'ephemeral-storage'];
const names = new Set([
  'count/pods',
  'pods',
  ...overcommitted,
  ...overcommitted.flatMap((name) => [`requests.${name}`, `limits.${name}`]),
]);
/** Where one of these is limited, every container must say how much of it it wants. */
const mustBeSaid = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);

const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');
const counts = (name: string): boolean =>
  names.has(name) || /^(requests\.)?hugepages-/.test(name) || (!isNative(name) && name.startsWith('requests.'));

/** Requests and limits under the names that quotas have for them. */
function computeUsage(requests: Amounts, limits: Amounts): Map<string, Quantity> {
  const used = new Map<string, Quantity>([['pods', one]]);
  for (const name of overcommitted) {
    const request = requests.get(name);
    const limit = limits.get(name);
    if (request !== undefined) used.set(name, request).set(`requests.${name}`, request);
    if (limit !== undefined) used.set(`limits.${name}`, limit);
  }
  for (const [name, request] of requests) {
    if (name.startsWith('hugepages-')) used.set(name, request).set(`requests.${name}`, request);
    else if (isExtendedResource(name)) used.set(`requests.${name}`, request);
  }
  return used;
}

/** Whether it still uses anything: not when it has ended, nor when it should be gone since its grace period is over. */
function isCharged({ metadata, status }: Pod, now: number): boolean {
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return false;
  const deleted = parseTime(metadata?.deletionTimestamp);
  const grace = metadata?.deletionGracePeriodSeconds;
  if (deleted === undefined || grace === undefined) return true;
  return now <= deleted + grace * 1000;
}

/** `requests.cpu for: a,b`, for each name that containers leave unsaid; what the pod says as a whole holds for all. */
function unsaid(limited: readonly string[], { spec }: Pod): string[] {
  const wanted = limited.filter((name) => mustBeSaid.has(name)).toSorted();
  const said = ({ resources }: Pick<Container, 'resources'>): Amounts =>
    computeUsage(parseAmounts(resources?.requests), parseAmounts(resources?.limits));
  const ofPod = said(spec?.resources === undefined ? {} : { resources: spec.resources });
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  return wanted.flatMap((name) => {
    if (ofPod.has(name)) return [];
    const silent = containers.filter((container) => !said(container).has(name)).map((container) => container.name);
    return silent.length === 0 ? [] : [`${name} for: ${[...new Set(silent)].toSorted().join(',')}`];
  });
}

function crossesNamespaces({ spec }: Pod): boolean {
  const affinities = [spec?.affinity?.podAffinity, spec?.affinity?.podAntiAffinity];
  const terms = affinities.flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ]);
  return terms.some(
    ({ namespaces, namespaceSelector }: PodAffinityTerm) =>
      (namespaces?.length ?? 0) > 0 || namespaceSelector !== undefined,
  );
}

function inScope(requirement: ScopedResourceSelectorRequirement, pod: Pod): boolean {
  const ends = (pod.spec?.activeDeadlineSeconds ?? -1) >= 0;
  const isBestEffort = (): boolean => pod.spec !== undefined && computeQosClass(pod.spec) === 'BestEffort';
  switch (requirement.scopeName) {
    case 'Terminating':
      return ends;
    case 'NotTerminating':
      return !ends;
    case 'BestEffort':
      return isBestEffort();
    case 'NotBestEffort':
      return !isBestEffort();
    case 'PriorityClass':
      return valueInScope(requirement, pod.spec?.priorityClassName || undefined);
    case 'CrossNamespacePodAffinity':
      return crossesNamespaces(pod);
    default:
      return false;
  }
}

export const podEvaluator: QuotaEvaluator = {
  handles: ({ operation, subresource }) =>
    subresource === '' ? operation === 'CREATE' : subresource === 'resize' && operation === 'UPDATE',
  matching: (limited) => [...limited].filter(counts),
  inScope,
  unmet(limited, pod: Pod) {
    const missing = unsaid(limited, pod);
    return missing.length === 0 ? undefined : `must specify ${missing.join('; ')}`;
  },
  usage(pod: Pod, now) {
    const count: [string, Quantity] = ['count/pods', one];
    if (!isCharged(pod, now)) return new Map([count]);
    return computeUsage(podRequests(pod, 'held'), podLimits(pod)).set(...count);
  },
};

/** Whether the pod has given up what it used, or uses another amount than before: quotas are to be counted anew. */
export const podUsageChanged = (old: Pod, pod: Pod, now: number): boolean =>
  isCharged(old, now) !== isCharged(pod, now) ||
  JSON.stringify([old.spec?.containers.map(({ resources }) => resources), old.spec?.resources]) !==
    JSON.stringify([pod.spec?.containers.map(({ resources }) => resources), pod.spec?.resources]);
