// How persistent volume claims count against quotas. Follows pkg/quota/v1/evaluator/core/persistent_volume_claims.go of v1.36.

import type { PersistentVolumeClaim, ScopedResourceSelectorRequirement } from '../generated/types.ts';
import { compareQuantity, parseQuantity, type Quantity, quantityOf } from '../meta/quantity.ts';
import { claimClass } from '../storage/storage-class-of.ts';
import { type CountedWrite, one, type QuotaEvaluator, valueInScope } from './evaluator.ts';

const names = ['persistentvolumeclaims', 'requests.storage'];
/** gold.storageclass.storage.k8s.io/requests.storage limits the claims of one class. */
const ofClass = '.storageclass.storage.k8s.io/';

const wholeBytes = ({ nanos, format }: Quantity): Quantity => {
  const unit = 1_000_000_000n;
  return quantityOf((nanos + unit - 1n) / unit, format);
};

/** What it asks for, or what it is being grown to where that is more. */
function storage({ spec, status }: PersistentVolumeClaim): Quantity | undefined {
  const asked = spec?.resources?.requests?.['storage'];
  if (asked === undefined) return undefined;
  const allocated = status?.allocatedResources?.['storage'];
  const wanted = parseQuantity(asked);
  const given = allocated === undefined ? wanted : parseQuantity(allocated);
  return wholeBytes(compareQuantity(given, wanted) > 0 ? given : wanted);
}

const attributesClasses = ({ spec, status }: PersistentVolumeClaim): string[] => [
  ...new Set(
    [
      spec?.volumeAttributesClassName,
      status?.currentVolumeAttributesClassName,
      status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
    ].filter((name): name is string => Boolean(name)),
  ),
];

function inScope(requirement: ScopedResourceSelectorRequirement, claim: PersistentVolumeClaim): boolean {
  if (requirement.scopeName !== 'VolumeAttributesClass') return false;
  const classes = attributesClasses(claim);
  if (classes.length === 0) return valueInScope(requirement, undefined);
  return classes.some((name) => valueInScope(requirement, name));
}

/** Whether an update of the status changes what the claim uses. */
export function claimUsageChanged(old: PersistentVolumeClaim, claim: PersistentVolumeClaim): boolean {
  const grown = ({ status }: PersistentVolumeClaim): string => status?.allocatedResources?.['storage'] ?? '';
  return grown(old) !== grown(claim) || attributesClasses(old).join() !== attributesClasses(claim).join();
}

function handles({ operation, subresource, object, old }: CountedWrite): boolean {
  if (subresource === '') return operation === 'CREATE' || operation === 'UPDATE';
  return subresource === 'status' && object !== undefined && old !== undefined && claimUsageChanged(old, object);
}

export const claimEvaluator: QuotaEvaluator = {
  handles,
  matching: (limited) =>
    [...limited].filter(
      (name) =>
        name === 'count/persistentvolumeclaims' ||
        names.includes(name) ||
        names.some((one) => name.endsWith(`${ofClass}${one}`)),
    ),
  inScope,
  unmet: () => undefined,
  usage(claim: PersistentVolumeClaim) {
    const used = new Map<string, Quantity>([
      ['count/persistentvolumeclaims', one],
      ['persistentvolumeclaims', one],
    ]);
    const className = claimClass(claim);
    const asked = storage(claim);
    if (asked !== undefined) used.set('requests.storage', asked);
    if (className === '') return used;
    used.set(`${className}${ofClass}persistentvolumeclaims`, one);
    if (asked !== undefined) used.set(`${className}${ofClass}requests.storage`, asked);
    return used;
  },
};
