// The plugin OwnerReferencesPermissionEnforcement: who changes an object's owners must be allowed to delete it, and who holds an owner's
// deletion up, to set that owner's finalizers. Follows plugin/pkg/admission/gc/gc_admission.go of v1.36.

import { equalJson } from '../../api/meta/equal.ts';
import { type KubeObject, type OwnerReference, parseApiVersion } from '../../api/meta/types.ts';
import type { ResourceTable } from '../resources.ts';
import { type AdmissionPlugin, isResource, refuse } from './admission.ts';
import type { MayDo } from './certificates.ts';

const ownersOf = (object: KubeObject | undefined): OwnerReference[] => object?.metadata?.ownerReferences ?? [];

/** Those whose deletion the change newly holds up. */
function newlyBlocking(object: KubeObject | undefined, old: KubeObject | undefined): OwnerReference[] {
  const blocked = new Set(
    ownersOf(old)
      .filter((one) => one.blockOwnerDeletion === true)
      .map(({ uid }) => uid),
  );
  return ownersOf(object).filter(({ blockOwnerDeletion, uid }) => blockOwnerDeletion === true && !blocked.has(uid));
}

export const ownerReferences = (deps: { resources: ResourceTable; mayDo: MayDo }): AdmissionPlugin => ({
  name: 'OwnerReferencesPermissionEnforcement',
  async validate(at) {
    if (at.operation !== 'CREATE' && at.operation !== 'UPDATE') return;
    // Kubelets write the status of pods, and may do no more.
    if (isResource(at, '', 'pods') && at.subresource === 'status') return;
    if (equalJson(ownersOf(at.object), ownersOf(at.old))) return;
    const { kind } = at.resource;
    const asked = { group: kind.group, resource: kind.resource, subresource: at.subresource, path: '' };
    if (at.operation === 'UPDATE') {
      const mayDelete = await deps.mayDo(at.user, { ...asked, verb: 'delete', namespace: at.namespace, name: at.name });
      if (!mayDelete) throw refuse(at, "cannot set an ownerRef on a resource you can't delete: , <nil>");
    }
    for (const { apiVersion, kind: owner, name } of newlyBlocking(at.object, at.old)) {
      const { group, version } = parseApiVersion(apiVersion);
      const found = deps.resources.all.filter((one) => one.kind.group === group && one.kind.kind === owner);
      if (found.length === 0)
        throw refuse(
          at,
          `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${apiVersion} Kind ${owner}: no matches for kind ${JSON.stringify(owner)} in version ${JSON.stringify(group === '' ? version : apiVersion)}`,
        );
      for (const { kind: of } of found) {
        const namespace = of.namespaced ? at.namespace : '';
        const request = {
          verb: 'update',
          group,
          resource: of.resource,
          subresource: 'finalizers',
          namespace,
          name,
          path: '',
        };
        if (!(await deps.mayDo(at.user, request)))
          throw refuse(
            at,
            "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: , <nil>",
          );
      }
    }
  },
});
