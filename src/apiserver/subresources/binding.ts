// Puts a pod on a node: POST to bindings or pods/NAME/binding.
// Follows pkg/registry/core/pod/storage/storage.go (BindingREST) of v1.36.

import type { Binding, Pod } from '../../api/generated/types.ts';
import { badRequest, conflict, fieldErrorText } from '../../api/meta/errors.ts';
import { bindingKind, validateBinding } from '../../api/kinds/binding/definition.ts';
import { withCondition } from '../../api/pod/conditions.ts';
import type { RegistryDeps } from '../registry/commit.ts';
import { plainError } from '../registry/commit.ts';
import { decodeObject } from '../registry/decode-body.ts';
import type { StoredObject } from '../registry/object-version.ts';
import { guaranteedUpdate } from '../registry/update.ts';
import { attributes, matchNamespace, type WriteContext } from '../registry/write-context.ts';
import { writeOptions } from '../registry/write-options.ts';
import type { RequestInfo } from '../request-info.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import { type ResourceInfo, resourceTable } from '../resources.ts';

const bindingResource = { group: '', resource: 'pods/binding' };

/** Why the pod cannot be put on a node; undefined when it can. */
export function cannotBind(pod: Pod): string | undefined {
  const name = pod.metadata?.name ?? '';
  if (pod.metadata?.deletionTimestamp !== undefined)
    return `pod ${name} is being deleted, cannot be assigned to a host`;
  if (pod.spec?.nodeName) return `pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`;
  if ((pod.spec?.schedulingGates?.length ?? 0) > 0) return `pod ${name} has non-empty .spec.schedulingGates`;
  return undefined;
}

/** The pod on that node: labels and annotations of the binding copied, PodScheduled true. Changes the pod that it is given. */
export function bind(pod: Pod & StoredObject, binding: Binding & StoredObject, now: number): Pod & StoredObject {
  pod.spec = { ...pod.spec, containers: pod.spec?.containers ?? [], nodeName: binding.target.name ?? '' };
  const { annotations, labels } = binding.metadata;
  if (labels !== undefined) pod.metadata.labels = { ...pod.metadata.labels, ...labels };
  if (annotations !== undefined) pod.metadata.annotations = { ...pod.metadata.annotations, ...annotations };
  const scheduled = { type: 'PodScheduled', status: 'True' as const };
  const { nominatedNodeName: _, ...status } = pod.status ?? {};
  pod.status = { ...status, conditions: [...withCondition(status.conditions, scheduled, now)] };
  return pod;
}

/** The pod must be the one that the binding means. Throws 409, in the words of upstream's storage. */
function checkPreconditions({ metadata }: Binding & StoredObject, pod: Pod & StoredObject, revision: number): void {
  const wanted = [
    ['UID', metadata.uid, pod.metadata.uid ?? ''],
    ['ResourceVersion', metadata.resourceVersion, String(revision)],
  ] as const;
  for (const [what, asked, is] of wanted) {
    if (!asked || asked === is) continue;
    const { namespace = '', name = '' } = pod.metadata;
    throw conflict(
      { group: '', resource: 'pods' },
      name,
      `StorageError: invalid object, Code: 4, Key: /registry/pods/${namespace}/${name}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: ${what} in precondition: ${asked}, ${what} in object meta: ${is}`,
    );
  }
}

/** Answers a binding of the pod that the URL, or the binding itself, names. */
export function bindingHandler(
  deps: RegistryDeps,
  pods: ResourceInfo,
): (request: ApiRequest, info: RequestInfo) => Promise<ApiResponse> {
  const bindings = resourceTable([bindingKind]).all[0];
  if (bindings === undefined) throw new Error('the Binding kind is missing');
  return async (request, info) => {
    const options = writeOptions(request, 'CreateOptions');
    const warnings: string[] = [];
    const decoded = await decodeObject(request, bindings, deps.machinery, options.fieldValidation, warnings);
    matchNamespace(bindings, decoded, info.namespace);
    const binding = decoded as Binding & StoredObject;
    const name = info.name === '' ? (binding.metadata.name ?? '') : info.name;
    if (binding.metadata.name !== name) throw badRequest('name in URL does not match name in Binding object');
    const errors = validateBinding({ ...binding, target: binding.target ?? {} });
    if (errors.length > 0) throw plainError(errors.map(fieldErrorText).join(', '));
    const context: WriteContext = {
      deps,
      info: pods,
      user: request.user,
      request,
      options,
      subresource: 'binding',
      namespace: info.namespace,
      warnings,
    };
    await deps.admission.mutate(attributes(context, 'CREATE', name, binding, undefined));
    await deps.admission.validate(attributes(context, 'CREATE', name, binding, undefined));
    await guaranteedUpdate(context, name, (current) => {
      const pod = current.mutable() as Pod & StoredObject;
      checkPreconditions(binding, pod, current.revision);
      const why = cannotBind(pod);
      if (why !== undefined) throw conflict(bindingResource, name, why);
      return { do: 'write', object: bind(pod, binding, deps.clock.now()) };
    });
    return {
      type: 'json',
      code: 201,
      body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 },
      rendering: { as: 'object' },
      ...(warnings.length > 0 ? { warnings } : {}),
    };
  };
}
