// Checks of resource requests and limits, of containers and of the whole pod.
// Follows pkg/apis/core/validation/validation.go and pkg/apis/core/helper/helpers.go of v1.36.

import type { PodSpec, ResourceClaim, ResourceRequirements } from '../../../generated/types.ts';
import {
  duplicate,
  type FieldError,
  type FieldPath,
  forbiddenField,
  invalid,
  notFoundValue,
  notSupported,
  required,
} from '../../../meta/errors.ts';
import { qualifiedName } from '../../../meta/names.ts';
import { compareQuantity, formatQuantity, parseQuantity, type Quantity } from '../../../meta/quantity.ts';
import { invalidEach, negativeMessage } from '../../../meta/validate-meta.ts';
import { aggregateContainerLimits, aggregateContainerRequests } from '../../../placement/pod-requests.ts';
import { labelErrors } from './shared.ts';

const countedObjects = [
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
];
const containerResources = ['cpu', 'memory', 'ephemeral-storage'];
const standardResources = [
  ...containerResources,
  ...containerResources.flatMap((name) => [`requests.${name}`, `limits.${name}`]),
  ...countedObjects,
  'storage',
  'requests.storage',
];

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
/** Of Kubernetes itself: without a prefix, or with its own. */
export const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');
/** Whether pods may be promised more of it than there is. */
export const overcommits = (name: string): boolean => isNative(name) && !isHugePages(name);
/** Whether it is a resource that vendors bring, such as example.com/gpu. */
export const isExtendedResource = (name: string): boolean =>
  !isNative(name) && !name.startsWith('requests.') && qualifiedName(`requests.${name}`).length === 0;

type NameCheck = (path: FieldPath, name: string) => FieldError[];

/** Checks the name of a resource of any kind. */
export function resourceNameErrors(path: FieldPath, name: string): FieldError[] {
  const errors = invalidEach(path, name, qualifiedName(name));
  if (errors.length || name.includes('/') || standardResources.includes(name) || /^(requests\.)?hugepages-/.test(name))
    return errors;
  return [invalid(path, name, 'must be a standard resource type or fully qualified')];
}

/** Checks the name of a resource that containers have. */
export const containerNameErrors: NameCheck = (path, name) => {
  if (containerResources.includes(name)) return [];
  const errors = resourceNameErrors(path, name);
  if (!name.includes('/')) {
    if (isHugePages(name)) return errors;
    return [...errors, invalid(path, name, 'must be a standard resource for containers')];
  }
  if (isNative(name) || isExtendedResource(name)) return errors;
  return [...errors, invalid(path, name, "doesn't follow extended resource name standard")];
};

const podNameErrors: NameCheck = (path, name) => {
  const errors = resourceNameErrors(path, name);
  if (errors.length || name === 'cpu' || name === 'memory' || isHugePages(name)) return errors;
  return [notSupported(path, name, ['cpu', 'hugepages-', 'memory'])];
};

function amountErrors(path: FieldPath, name: string, quantity: Quantity): FieldError[] {
  const errors: FieldError[] = [];
  if (quantity.nanos < 0n) errors.push(invalid(path, formatQuantity(quantity), negativeMessage));
  if ((countedObjects.includes(name) || isExtendedResource(name)) && quantity.nanos % 1_000_000_000n !== 0n) {
    errors.push(invalid(path, formatQuantity(quantity), 'must be an integer'));
  }
  return errors;
}

function pageErrors(path: FieldPath, name: string, quantity: Quantity): FieldError[] {
  if (!isHugePages(name)) return [];
  let page: bigint;
  try {
    page = parseQuantity(name.slice('hugepages-'.length)).nanos;
  } catch {
    page = 0n;
  }
  if (page > 0n && quantity.nanos % page === 0n) return [];
  const text = formatQuantity(quantity);
  return [invalid(path, text, `${text} is not positive integer multiple of ${name}`)];
}

function requirementErrors(
  path: FieldPath,
  resources: ResourceRequirements,
  nameErrors: NameCheck,
  claimNames: ReadonlySet<string>,
): FieldError[] {
  const errors: FieldError[] = [];
  const { limits = {}, requests = {} } = resources;
  const requestsPath = path.child('requests');
  for (const [list, at] of [
    [limits, path.child('limits')],
    [requests, requestsPath],
  ] as const) {
    for (const [name, text] of Object.entries(list)) {
      const quantity = parseQuantity(text);
      const own = at.key(name);
      errors.push(...nameErrors(own, name), ...amountErrors(own, name, quantity));
      if (list === requests) errors.push(...againstLimit(path, name, quantity, limits[name]));
      errors.push(...pageErrors(own, name, quantity));
    }
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.some((name) => name === 'cpu' || name === 'memory')) {
    errors.push(forbiddenField(path, 'HugePages require cpu or memory'));
  }
  return [...errors, ...claimErrors(path.child('claims'), resources.claims, claimNames)];
}

function againstLimit(path: FieldPath, name: string, quantity: Quantity, limitText: string | undefined): FieldError[] {
  if (limitText === undefined) {
    if (overcommits(name)) return [];
    return [required(path.child('limits'), 'Limit must be set for non overcommitable resources')];
  }
  const limit = parseQuantity(limitText);
  const order = compareQuantity(quantity, limit);
  const fail = (relation: string): FieldError[] => {
    const detail = `must be ${relation} ${name} limit of ${formatQuantity(limit)}`;
    return [invalid(path.child('requests'), formatQuantity(quantity), detail)];
  };
  if (order !== 0 && !overcommits(name)) return fail('equal to');
  return order > 0 ? fail('less than or equal to') : [];
}

function claimErrors(
  path: FieldPath,
  claims: readonly ResourceClaim[] | undefined,
  known: ReadonlySet<string>,
): FieldError[] {
  const seen = new Set<string>();
  return (claims ?? []).flatMap(({ name, request }, i) => {
    const at = path.index(i);
    if (!name) return [required(at)];
    const errors: FieldError[] = [];
    if (seen.has(name)) errors.push(duplicate(at, name));
    else {
      const key = request ? `${name}/${request}` : name;
      if (request) errors.push(...labelErrors(at.child('request'), request));
      if (seen.has(key)) errors.push(duplicate(at, key));
      else if (!request && [...seen].some((other) => other.startsWith(`${name}/`))) errors.push(duplicate(at, name));
      seen.add(key);
    }
    if (!known.has(name)) {
      const error = notFoundValue(at, name);
      const rest = known.size ? `: ${[...known].sort().join(', ')}` : ' which is empty';
      errors.push({
        ...error,
        message: `${error.message}: must be one of the names in pod.spec.resourceClaims${rest}`,
      });
    }
    return errors;
  });
}

export const validateContainerResources = (
  path: FieldPath,
  resources: ResourceRequirements | undefined,
  claimNames: ReadonlySet<string>,
): FieldError[] => requirementErrors(path, resources ?? {}, containerNameErrors, claimNames);

/** Checks spec.resources, and that the containers' own fit into them. */
export function validatePodResources(path: FieldPath, spec: PodSpec, claimNames: ReadonlySet<string>): FieldError[] {
  const { resources } = spec;
  if (!resources) return [];
  if (spec.os?.name === 'windows') return [forbiddenField(path, 'may not be set for a windows pod')];
  const errors: FieldError[] = [];
  if (resources.claims)
    errors.push(forbiddenField(path.child('claims'), 'claims may not be set for Resources at pod-level'));
  errors.push(...requirementErrors(path, resources, podNameErrors, claimNames));
  for (const [name, sum] of aggregateContainerRequests(spec)) {
    const own = resources.requests?.[name];
    if (own !== undefined && compareQuantity(sum, parseQuantity(own)) > 0) {
      const detail = `must be greater than or equal to aggregate container requests of ${formatQuantity(sum)}`;
      errors.push(invalid(path.child('requests').key(name), own, detail));
    }
  }
  for (const [name, sum] of aggregateContainerLimits(spec)) {
    const own = resources.limits?.[name];
    if (isHugePages(name) && own !== undefined && compareQuantity(sum, parseQuantity(own)) > 0) {
      const detail = `must be greater than or equal to aggregate container limits of ${formatQuantity(sum)}`;
      errors.push(invalid(path.child('limits').key(name), own, detail));
    }
  }
  spec.containers.forEach((container, i) => {
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const own = resources.limits?.[name];
      if (own === undefined || compareQuantity(parseQuantity(limit), parseQuantity(own)) <= 0) continue;
      const at = path.child('containers').index(i).key(name).child('limits');
      errors.push(invalid(at, limit, `must be less than or equal to pod limits of ${own}`));
    }
  });
  return errors;
}
