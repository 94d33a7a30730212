// The ResourceQuota kind. Follows pkg/registry/core/resourcequota and printResourceQuota of v1.36.

import type { ResourceQuota } from '../../generated/types.ts';
import type { FieldError } from '../../meta/errors.ts';
import { canonicalQuantity } from '../../meta/quantity.ts';
import { validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import type { KindDefinition, Strategy } from '../../scheme.ts';
import { ageColumn, allVerbs, assign, metaOf, nameColumn, simpleStrategy, textColumn } from '../common.ts';
import { validateQuotaScopesKept, validateQuotaSpec, validateQuotaStatus } from './validate.ts';

/** `name: used/hard` of the limits, or of all that is not a limit, in the order of names. */
function amounts({ status = {} }: ResourceQuota, limits: boolean): string {
  const { hard = {}, used = {} } = status;
  return Object.keys(hard)
    .filter((name) => name.startsWith('limits.') === limits)
    .toSorted()
    .map((name) => `${name}: ${canonicalQuantity(used[name] ?? '0')}/${canonicalQuantity(hard[name] ?? '0')}`)
    .join(', ');
}

const statusStrategy: Strategy<ResourceQuota> = {
  ...simpleStrategy<ResourceQuota>({ namespaced: true }),
  resetFields: [['spec']],
  prepareForUpdate(quota, old) {
    assign(quota, 'spec', old.spec);
  },
  validateUpdate: (quota, old): FieldError[] => [
    ...validateObjectMetaUpdate(metaOf(quota), metaOf(old)),
    ...validateQuotaStatus(quota),
  ],
};

export const resourceQuotaKind: KindDefinition<ResourceQuota> = {
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  resource: 'resourcequotas',
  singular: 'resourcequota',
  shortNames: ['quota'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.core.v1.ResourceQuota',
  strategy: {
    ...simpleStrategy<ResourceQuota>({
      namespaced: true,
      check: validateQuotaSpec,
      checkUpdate: validateQuotaScopesKept,
    }),
    resetFields: [['status']],
    prepareForCreate(quota) {
      quota.status = {};
    },
    prepareForUpdate(quota, old) {
      assign(quota, 'status', old.status);
    },
  },
  columns: [
    nameColumn,
    textColumn<ResourceQuota>('Request', 'What is used of each resource, and how much may be.', (o) =>
      amounts(o, false),
    ),
    textColumn<ResourceQuota>('Limit', 'What pods are limited to together, and how much may be.', (o) =>
      amounts(o, true),
    ),
    ageColumn,
  ],
  subresources: { status: { kind: 'object', verbs: ['get', 'update', 'patch'], strategy: statusStrategy } },
};
