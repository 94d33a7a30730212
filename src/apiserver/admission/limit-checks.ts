// What LimitRanges say of pods and claims: defaults for containers, and what breaks a bound. Pure.
// Follows plugin/pkg/admission/limitranger/admission.go of v1.36.

import type {
  Container,
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
  PodSpec,
} from '../../api/generated/types.ts';
import { compareQuantity, formatQuantity, parseQuantity, type Quantity } from '../../api/meta/quantity.ts';
import { podLimits, podRequests } from '../../api/placement/pod-requests.ts';

type Amounts = ReadonlyMap<string, Quantity>;
type List = Record<string, string> | undefined;

const annotation = 'kubernetes.io/limit-ranger';

const amounts = (list: List): Amounts =>
  new Map(Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text)]));

/** Fills in what the container names no amount for; gives the texts that say so. */
function fillContainer(kind: string, container: Container, { requests, limits }: { requests: object; limits: object }) {
  const { resources = {} } = container;
  const notes: string[] = [];
  for (const [list, defaults, word] of [
    ['requests', requests, 'request'],
    ['limits', limits, 'limit'],
  ] as const) {
    const own = resources[list] ?? {};
    const added = Object.keys(defaults).filter((name) => !Object.hasOwn(own, name));
    if (added.length === 0) continue;
    resources[list] = { ...defaults, ...own };
    notes.push(`${added.toSorted().join(', ')} ${word} for ${kind} ${container.name}`);
  }
  if (notes.length > 0) container.resources = resources;
  return notes;
}

/** Gives the pod's containers the defaults of the LimitRange, and notes it in an annotation. Changes the pod. */
export function applyLimitDefaults(range: LimitRange, pod: Pod): void {
  const items = (range.spec?.limits ?? []).filter(({ type }) => type === 'Container');
  const defaults = {
    requests: Object.assign({}, ...items.map((item) => item.defaultRequest)) as Record<string, string>,
    limits: Object.assign({}, ...items.map((item) => item.default)) as Record<string, string>,
  };
  const notes = [
    ...(pod.spec?.containers ?? []).flatMap((one) => fillContainer('container', one, defaults)),
    ...(pod.spec?.initContainers ?? []).flatMap((one) => fillContainer('init container', one, defaults)),
  ];
  if (notes.length === 0) return;
  pod.metadata = {
    ...pod.metadata,
    annotations: { ...pod.metadata?.annotations, [annotation]: `LimitRanger plugin set: ${notes.join('; ')}` },
  };
}

/** What something asks for and may use, and the same before a change. */
interface Use {
  requests: Amounts;
  limits: Amounts;
  before?: { requests: Amounts; limits: Amounts };
}

const text = (quantity: Quantity): string => formatQuantity(quantity);
const isMore = (a: Quantity, b: Quantity): boolean => compareQuantity(a, b) > 0;

function minError(what: string, least: Quantity, request?: Quantity, limit?: Quantity): string | undefined {
  const start = `minimum ${what} is ${text(least)}`;
  if (!request) return `${start}.  No request is specified`;
  if (isMore(least, request)) return `${start}, but request is ${text(request)}`;
  return limit && isMore(least, limit) ? `${start}, but limit is ${text(limit)}` : undefined;
}

function maxError(what: string, most: Quantity, request?: Quantity, limit?: Quantity): string | undefined {
  const start = `maximum ${what} is ${text(most)}`;
  if (!limit) return `${start}.  No limit is specified`;
  if (isMore(limit, most)) return `${start}, but limit is ${text(limit)}`;
  return request && isMore(request, most) ? `${start}, but request is ${text(request)}` : undefined;
}

function ratioError(what: string, most: Quantity, request?: Quantity, limit?: Quantity): string | undefined {
  const start = `${what} is ${text(most)}`;
  if (!request || request.nanos === 0n) return `${start}, but no request is specified or request is 0`;
  if (!limit || limit.nanos === 0n) return `${start}, but no limit is specified or limit is 0`;
  if (limit.nanos * 1_000_000_000n <= request.nanos * most.nanos) return undefined;
  return `${start}, but provided ratio is ${(Number(limit.nanos) / Number(request.nanos)).toFixed(6)}`;
}

const same = (a: Quantity | undefined, b: Quantity | undefined): boolean =>
  a === undefined || b === undefined ? a === b : compareQuantity(a, b) === 0;

/** What of this use breaks the item. Amounts that a change leaves as they were are not looked at again. */
function itemErrors(item: LimitRangeItem, { requests, limits, before }: Use): string[] {
  const unchanged = (name: string): boolean =>
    before !== undefined &&
    same(requests.get(name), before.requests.get(name)) &&
    same(limits.get(name), before.limits.get(name));
  const errors = [
    ...[...amounts(item.min)].map(
      ([name, least]) =>
        [name, minError(`${name} usage per ${item.type}`, least, requests.get(name), limits.get(name))] as const,
    ),
    ...[...amounts(item.max)].map(
      ([name, most]) =>
        [name, maxError(`${name} usage per ${item.type}`, most, requests.get(name), limits.get(name))] as const,
    ),
    ...[...amounts(item.maxLimitRequestRatio)].map(([name, most]) => {
      const what = `${name} max limit to request ratio per ${item.type}`;
      return [name, ratioError(what, most, requests.get(name), limits.get(name))] as const;
    }),
  ];
  return errors.flatMap(([name, error]) => (error === undefined || unchanged(name) ? [] : [error]));
}

const useOfContainer = ({ resources }: Container) => ({
  requests: amounts(resources?.requests),
  limits: amounts(resources?.limits),
});

function useOfPod(pod: Pod): { requests: Amounts; limits: Amounts } {
  const spec: PodSpec = { ...(pod.spec ?? { containers: [] }) };
  // Bounds are for what the pod's author asks for.
  delete spec.overhead;
  return { requests: podRequests({ spec }), limits: podLimits({ spec }) };
}

function containerErrors(item: LimitRangeItem, containers: readonly Container[], old: readonly Container[]): string[] {
  return containers.flatMap((container) => {
    const before = old.find(({ name }) => name === container.name);
    return itemErrors(item, { ...useOfContainer(container), ...(before ? { before: useOfContainer(before) } : {}) });
  });
}

/** What of the pod breaks the LimitRange; `old` is the pod before a resize. */
export function podLimitErrors(range: LimitRange, { spec }: Pod, old: Pod | undefined): string[] {
  return (range.spec?.limits ?? []).flatMap((item) => {
    if (item.type === 'Container')
      return [
        ...containerErrors(item, spec?.containers ?? [], old?.spec?.containers ?? []),
        ...containerErrors(item, spec?.initContainers ?? [], old?.spec?.initContainers ?? []),
      ];
    if (item.type !== 'Pod' || !spec) return [];
    return itemErrors(item, { ...useOfPod({ spec }), ...(old ? { before: useOfPod(old) } : {}) });
  });
}

/** What of the claim's requests breaks the LimitRange. */
export function claimLimitErrors(range: LimitRange, { spec }: PersistentVolumeClaim): string[] {
  const requests = amounts(spec?.resources?.requests);
  return (range.spec?.limits ?? [])
    .filter(({ type }) => type === 'PersistentVolumeClaim')
    .flatMap((item) => {
      const what = (name: string): string => `${name} usage per ${item.type}`;
      const tooLittle = [...amounts(item.min)].map(([name, least]) => minError(what(name), least, requests.get(name)));
      const tooMuch = [...amounts(item.max)].map(([name, most]) => {
        const request = requests.get(name);
        if (!request) return `maximum ${what(name)} is ${text(most)}.  No request is specified`;
        return isMore(request, most)
          ? `maximum ${what(name)} is ${text(most)}, but request is ${text(request)}`
          : undefined;
      });
      return [...tooLittle, ...tooMuch].filter((error) => error !== undefined);
    });
}
