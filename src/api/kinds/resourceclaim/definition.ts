// The ResourceClaim kind. Follows pkg/registry/resource/resourceclaim of v1.36.

import type { ResourceV1ResourceClaim as ResourceClaim } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, FieldPath, invalid } from '../../meta/errors.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import { immutableMessage, validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import type { KindDefinition, Strategy } from '../../scheme.ts';
import {
  ageColumn,
  allVerbs,
  assign,
  idle,
  keepMetadata,
  metaOf,
  nameColumn,
  statusVerbs,
  textColumn,
} from '../common.ts';
import { setClaimDefaults, validateClaimSpec } from '../devices/claim.ts';
import { internalForm } from '../internal-form.ts';
import { deviceKey, validateClaimStatus } from './validate-status.ts';

const path = new FieldPath('spec');

/** A claim is made anew to be changed. */
const validateUpdate = (claim: ResourceClaim, old: ResourceClaim): FieldError[] => [
  ...validateObjectMetaUpdate(metaOf(claim), metaOf(old)),
  ...validateObjectMeta(metaOf(claim), true, nameIsSubdomain),
  ...(equalJson(claim.spec, old.spec)
    ? []
    : [invalid(path, internalForm('ResourceClaimSpec', claim.spec ?? {}), immutableMessage)]),
];

const strategy: Strategy<ResourceClaim> = {
  resetFields: [['status']],
  prepareForCreate(claim) {
    claim.status = {};
  },
  validateCreate: (claim) => [
    ...validateObjectMeta(metaOf(claim), true, nameIsSubdomain),
    ...validateClaimSpec(claim.spec, path),
  ],
  prepareForUpdate(claim, old) {
    assign(claim, 'status', old.status);
  },
  validateUpdate,
  warnings: (_, old) => (old === undefined ? [idle('spec', 'devices are not allocated yet')] : []),
};

/** The devices that are allocated to it. */
const allocatedTo = ({ status }: ResourceClaim): string[] =>
  (status?.allocation?.devices?.results ?? []).map(deviceKey);

/** What drivers say of devices goes when the devices are no longer allocated. */
function dropDeallocated(claim: ResourceClaim, old: ResourceClaim): void {
  const { status } = claim;
  if (!status?.devices) return;
  const now = new Set(allocatedTo(claim));
  const gone = new Set(allocatedTo(old).filter((key) => !now.has(key)));
  const kept = status.devices.filter((device) => !gone.has(deviceKey(device)));
  assign(status, 'devices', kept.length === 0 ? undefined : kept);
}

const statusStrategy: Strategy<ResourceClaim> = {
  resetFields: [['metadata'], ['spec']],
  validateCreate: () => [],
  prepareForUpdate(claim, old) {
    claim.spec = old.spec;
    keepMetadata(claim, old);
    dropDeallocated(claim, old);
  },
  validateUpdate: (claim, old) => [
    ...validateObjectMetaUpdate(metaOf(claim), metaOf(old)),
    ...validateClaimStatus(claim, old),
  ],
};

/** pending, allocated, allocated,reserved, with `deleted` before it where it is going. */
function stateOf({ metadata, status }: ResourceClaim): string {
  const isGoing = metadata?.deletionTimestamp !== undefined;
  const states = isGoing ? ['deleted'] : [];
  if (!status?.allocation) return (isGoing ? states : ['pending']).join();
  return [...states, 'allocated', ...(status.reservedFor?.length ? ['reserved'] : [])].join(',');
}

export const resourceClaimKind: KindDefinition<ResourceClaim> = {
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  resource: 'resourceclaims',
  singular: 'resourceclaim',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.resource.v1.ResourceClaim',
  defaults({ spec, status }) {
    setClaimDefaults(spec);
    for (const { tolerations } of status?.allocation?.devices?.results ?? [])
      for (const toleration of tolerations ?? []) toleration.operator ||= 'Equal';
  },
  strategy,
  columns: [nameColumn, textColumn<ResourceClaim>('State', 'What has become of it.', stateOf), ageColumn],
  subresources: { status: { kind: 'object', verbs: statusVerbs, strategy: statusStrategy } },
};
