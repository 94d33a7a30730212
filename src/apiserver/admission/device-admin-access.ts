// Lets only namespaces that are marked for it have administrators' access to devices.
// Follows AuthorizedForAdmin in pkg/registry/resource/namespace_auth.go of v1.36.

import type {
  DeviceRequest,
  Namespace,
  ResourceClaimTemplate,
  ResourceV1ResourceClaim as ResourceClaim,
} from '../../api/generated/types.ts';
import { FieldPath, forbiddenField, invalidObject } from '../../api/meta/errors.ts';
import { type AdmissionAttributes, type AdmissionPlugin, isResource } from './admission.ts';
import type { LookupKind, ObjectLookup } from './object-lookup.ts';

const group = 'resource.k8s.io';
const label = 'resource.kubernetes.io/admin-access';
const namespaces: LookupKind<Namespace> = { group: '', resource: 'namespaces' };

const asks = (requests: readonly DeviceRequest[] | undefined): boolean =>
  (requests ?? []).some(({ exactly }) => exactly?.adminAccess);

const hasIt = (claim: ResourceClaim | undefined): boolean =>
  (claim?.status?.allocation?.devices?.results ?? []).some(({ adminAccess }) => adminAccess);

/** Whether the write asks for such access that was not there before. */
function wantsAccess(at: AdmissionAttributes): boolean {
  if (at.object === undefined) return false;
  if (at.operation === 'CREATE' && isResource(at, group, 'resourceclaims'))
    return asks((at.object as ResourceClaim).spec?.devices?.requests);
  if (at.operation === 'CREATE' && isResource(at, group, 'resourceclaimtemplates'))
    return asks((at.object as ResourceClaimTemplate).spec?.spec?.devices?.requests);
  if (at.operation !== 'UPDATE' || at.subresource !== 'status' || !isResource(at, group, 'resourceclaims'))
    return false;
  return hasIt(at.object as ResourceClaim) && !hasIt(at.old as ResourceClaim | undefined);
}

/** It runs always: no option turns it off. */
export function deviceAdminAccess(objects: ObjectLookup): AdmissionPlugin {
  return {
    name: 'DeviceAdminAccess',
    async validate(at) {
      if (!wantsAccess(at)) return;
      const namespace = await objects.get(namespaces, '', at.namespace);
      if (namespace?.metadata?.labels?.[label] === 'true') return;
      const why = `admin access to devices requires the \`${label}: true\` label on the containing namespace`;
      throw invalidObject(at.resource.kind, at.object?.metadata?.name ?? '', [forbiddenField(new FieldPath(), why)]);
    },
  };
}
