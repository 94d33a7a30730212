// What all reviews share: an object is posted, judged, and given back with its answer.

import { badRequest, invalidObject } from '../../api/meta/errors.ts';
import type { JsonObject, KubeObject } from '../../api/meta/types.ts';
import { fillUnsetFields } from '../../api/schema/unset-fields.ts';
import type { AnyKind } from '../../api/scheme.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { ObjectMachinery } from '../machinery.ts';
import { wipeSystemFields } from '../registry/create.ts';
import { decodeObject } from '../registry/decode-body.ts';
import { checkOwners } from '../registry/mutate.ts';
import type { StoredObject } from '../registry/object-version.ts';
import { writeOptions } from '../registry/write-options.ts';
import type { ApiRequest } from '../request.ts';
import { type ResourceInfo, resourceTable } from '../resources.ts';
import type { VirtualResource } from '../virtual.ts';

export interface ReviewDeps {
  authorizer: Authorizer;
  machinery: ObjectMachinery;
  now(): number;
  /** Resolves once the authorizer knows every acknowledged write. */
  caughtUp(): Promise<void>;
}

/** A review of that kind, which `answer` completes: it gives what is to be in the answer beside kind and version. */
export function reviewResource<T extends KubeObject>(
  deps: ReviewDeps,
  kind: AnyKind,
  answer: (object: T & StoredObject, request: ApiRequest) => Promise<object>,
): VirtualResource {
  const info = resourceTable([kind]).all[0] as ResourceInfo;
  const { group, version, resource, singular, namespaced } = kind;
  return {
    group,
    version,
    kind: kind.kind,
    resource,
    singular,
    namespaced,
    verbs: ['create'],
    async create(request, { namespace }) {
      const { fieldValidation, fieldManager } = writeOptions(request, 'CreateOptions');
      const warnings = (request.warnings ??= []);
      const object = await decodeObject(request, info, deps.machinery, fieldValidation, warnings);
      fillUnsetFields(deps.machinery.schema, kind.definition, object);
      wipeSystemFields(object.metadata);
      if (namespaced) {
        object.metadata.namespace ??= namespace;
        if (object.metadata.namespace !== namespace)
          throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
      } else delete object.metadata.namespace;
      checkOwners({ warnings }, object);
      const managed = await deps.machinery.managedFields({
        kind,
        manager: fieldManager,
        subresource: '',
        now: deps.now(),
        before: undefined,
        after: object,
        resetFields: undefined,
        onlyFields: undefined,
      });
      if (managed.length > 0) object.metadata.managedFields = managed;
      else delete object.metadata.managedFields;
      const errors = kind.strategy.validateCreate(object, {
        now: deps.now(),
        user: request.user.name,
        dryRun: false,
        allowPrivileged: false,
      });
      // Upstream names the group alone.
      if (errors.length > 0) throw invalidObject({ group, kind: '' }, '', errors);
      const body = {
        kind: kind.kind,
        apiVersion: `${group}/${version}`,
        ...(await answer(object as T & StoredObject, request)),
      };
      return {
        type: 'json',
        code: 201,
        body: body as typeof body & JsonObject,
        rendering: { as: 'object' },
        ...(warnings.length > 0 ? { warnings } : {}),
      };
    },
  };
}
