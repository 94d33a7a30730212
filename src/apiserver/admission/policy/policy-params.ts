// The objects that a binding gives to its policy as parameters. Follows CollectParams of
// apiserver pkg/admission/plugin/policy/generic/policy_dispatcher.go of v1.36.

import type { ParamKind, ParamRef } from '../../../api/generated/types.ts';
import { matchesLabels, selectorOf } from '../../../api/meta/label-selector.ts';
import type { KubeObject } from '../../../api/meta/types.ts';
import type { ResourceInfo, ResourceTable } from '../../resources.ts';
import type { LookupKind, ObjectLookup } from '../object-lookup.ts';

/** A policy or a binding that cannot be used as it is; `message` says why. */
export class PolicyProblem extends Error {}

/** The resource of a kind. */
export function paramResource(
  table: ResourceTable,
  { apiVersion = '', kind = '' }: ParamKind,
): ResourceInfo | undefined {
  return table.all.find((info) => info.apiVersion === apiVersion && info.kind.kind === kind);
}

/** One undefined where the policy takes none; none where nothing is found and that is allowed. Throws a PolicyProblem. */
export async function collectParams(
  deps: { objects: ObjectLookup; resources: ResourceTable },
  paramKind: ParamKind | undefined,
  ref: ParamRef | undefined,
  namespace: string,
): Promise<readonly (KubeObject | undefined)[]> {
  if (paramKind === undefined || ref === undefined) return [undefined];
  const info = paramResource(deps.resources, paramKind);
  if (info === undefined)
    throw new PolicyProblem(
      `failed to find resource referenced by paramKind: '${paramKind.apiVersion ?? ''}, Kind=${paramKind.kind ?? ''}'`,
    );
  const { group, resource, version, namespaced } = info.kind;
  if (!namespaced && ref.namespace)
    throw new PolicyProblem('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  const within = namespaced ? ref.namespace || namespace : '';
  if (namespaced && within === '')
    throw new PolicyProblem('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  const found = await find(deps.objects, { group, resource, version }, ref, within);
  if (found.length === 0 && ref.parameterNotFoundAction === 'Deny')
    throw new PolicyProblem('no params found for policy binding with `Deny` parameterNotFoundAction');
  return found;
}

async function find(
  objects: ObjectLookup,
  kind: LookupKind<KubeObject>,
  { name, selector }: ParamRef,
  namespace: string,
): Promise<KubeObject[]> {
  if (name) {
    const object = await objects.get(kind, namespace, name);
    return object === undefined ? [] : [object];
  }
  if (selector === undefined) throw new PolicyProblem('one of name or selector must be provided');
  const wanted = selectorOf(selector);
  const all = await objects.list(kind, namespace);
  return all.filter((object) => matchesLabels(wanted, object.metadata?.labels));
}
