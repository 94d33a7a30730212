// Decides what the status of a quota should say. Pure.
// Follows syncResourceQuota in pkg/controller/resourcequota/resource_quota_controller.go and CalculateUsage of apiserver pkg/quota/v1.

import type { ResourceQuota } from '../../api/generated/types.ts';
import type { KubeObject } from '../../api/meta/types.ts';
import {
  addAmounts,
  type Amounts,
  formatAmounts,
  maskAmounts,
  parseAmounts,
  sameAmounts,
} from '../../api/quota/amounts.ts';
import { usageOf } from '../../api/quota/evaluator.ts';
import { type CountedResource, countedResources, evaluatorOf } from '../../api/quota/evaluators.ts';

/** The objects of a resource in the quota's namespace; undefined where the resource is not served. */
export type ObjectsOf = (resource: CountedResource) => readonly KubeObject[] | undefined;

/** The status to write; undefined where it is right already. `now` in ms. */
export function decideQuotaStatus(
  quota: ResourceQuota,
  objectsOf: ObjectsOf,
  now: number,
): NonNullable<ResourceQuota['status']> | undefined {
  const { spec = {}, status = {} } = quota;
  const hard = parseAmounts(spec.hard);
  let counted: Amounts = new Map();
  for (const resource of countedResources([...hard.keys()])) {
    const objects = objectsOf(resource);
    if (objects !== undefined) counted = addAmounts(counted, usageOf(spec, evaluatorOf(resource), objects, now));
  }
  const before = parseAmounts(status.used);
  const used = maskAmounts(new Map([...before, ...counted]), hard.keys());
  const isRight =
    status.hard !== undefined &&
    status.used !== undefined &&
    sameAmounts(hard, parseAmounts(status.hard)) &&
    sameAmounts(used, before);
  return isRight ? undefined : { hard: formatAmounts(hard), used: formatAmounts(used) };
}
