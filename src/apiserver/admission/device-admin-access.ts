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

/** Where the first request for such access stands; of a template, too, as in the claim that it will be. */
function asked(requests: readonly DeviceRequest[] = []): FieldPath | undefined {
  const i = requests.findIndex(({ exactly }) => exactly?.adminAccess);
  return i < 0 ? undefined : new FieldPath('spec').child('devices').child('requests').index(i).child('adminAccess');
}

/** Where the first device stands that was given with such access. */
function given(claim: ResourceClaim | undefined): FieldPath | undefined {
  const i = (claim?.status?.allocation?.devices?.results ?? []).findIndex(({ adminAccess }) => adminAccess);
  const path = new FieldPath('status').child('allocation').child('devices');
  return i < 0 ? undefined : path.child('results').index(i).child('adminAccess');
}

/** Where the write asks for such access that was not there before. */
function wantsAccess(at: AdmissionAttributes): FieldPath | undefined {
  if (at.object === undefined) return undefined;
  if (at.operation === 'CREATE' && isResource(at, group, 'resourceclaims'))
    return asked((at.object as ResourceClaim).spec?.devices?.requests);
  if (at.operation === 'CREATE' && isResource(at, group, 'resourceclaimtemplates'))
    return asked((at.object as ResourceClaimTemplate).spec?.spec?.devices?.requests);
  if (at.operation !== 'UPDATE' || at.subresource !== 'status' || !isResource(at, group, 'resourceclaims'))
    return undefined;
  return given(at.old as ResourceClaim | undefined) === undefined ? given(at.object as ResourceClaim) : undefined;
}

/** It runs always: no option turns it off. */
export function deviceAdminAccess(objects: ObjectLookup): AdmissionPlugin {
  return {
    name: 'DeviceAdminAccess',
    concerns: (at) => wantsAccess(at) !== undefined,
    async validate(at) {
      const path = wantsAccess(at);
      if (path === undefined) return;
      const namespace = await objects.get(namespaces, '', at.namespace);
      if (namespace?.metadata?.labels?.[label] === 'true') return;
      const why = `admin access to devices requires the \`${label}: true\` label on the containing namespace`;
      throw invalidObject(at.resource.kind, at.object?.metadata?.name ?? '', [forbiddenField(path, why)]);
    },
  };
}
