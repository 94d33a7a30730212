// Which policies, by which bindings and with which parameters, a request meets.
// Follows apiserver pkg/admission/plugin/policy/generic/policy_dispatcher.go of v1.36.

import type { LateAccessCheck } from '../../../api/cel/library/authorizer.ts';
import type { Matched, PolicyInput } from '../../../api/cel/policy/policy-run.ts';
import type { MatchResources, Namespace, ParamKind, ParamRef } from '../../../api/generated/types.ts';
import type { Condition } from '../../../api/kinds/admissionregistration/policy-expressions.ts';
import { notFound, isApiError } from '../../../api/meta/errors.ts';
import type { KubeObject } from '../../../api/meta/types.ts';
import type { ResourceInfo, ResourceTable } from '../../resources.ts';
import type { AdmissionAttributes } from '../admission.ts';
import { matchResources } from '../matching/match-resources.ts';
import { equivalentResources } from '../matching/rules.ts';
import type { LookupKind, ObjectLookup } from '../object-lookup.ts';
import { convertObject } from '../webhook/cover.ts';
import type { ReviewSubject } from '../webhook/review.ts';
import { type MatchConditions, policyInput } from './match-conditions.ts';
import { collectParams, PolicyProblem } from './policy-params.ts';
import type { Soon } from '../../../lib/soon.ts';

export interface PolicyDeps {
  objects: ObjectLookup;
  resources: ResourceTable;
  access: LateAccessCheck;
  match: MatchConditions;
}

/** What both kinds of policies have. */
interface AnyPolicy extends KubeObject {
  spec?: { failurePolicy?: string; matchConstraints?: MatchResources; paramKind?: ParamKind };
}
interface AnyBinding extends KubeObject {
  spec?: { policyName?: string; matchResources?: MatchResources; paramRef?: ParamRef };
}

/** One time that a policy is to be evaluated. */
export interface Invocation<P extends AnyPolicy, B extends AnyBinding> {
  policy: P;
  binding: B;
  resource: ResourceInfo;
  params: KubeObject | undefined;
}

/** A policy that could not be asked; its failure policy says what becomes of the request. */
export interface Misconfigured<P extends AnyPolicy, B extends AnyBinding> {
  policy: P;
  binding: B | undefined;
  message: string;
}

const namespaces: LookupKind<Namespace> = { group: '', resource: 'namespaces' };
const isProblem = (error: unknown): error is Error => error instanceof PolicyProblem || isApiError(error);

/** In the order of the names of policies and bindings. */
export async function* invocations<P extends AnyPolicy, B extends AnyBinding>(
  deps: PolicyDeps,
  at: AdmissionAttributes,
  policies: readonly P[],
  bindings: readonly B[],
): AsyncGenerator<Invocation<P, B> | Misconfigured<P, B>> {
  const others = equivalentResources(deps.resources, at.resource, at.subresource);
  const find = (name: string): Soon<Namespace | undefined> => deps.objects.get(namespaces, '', name);
  const covers = (criteria: MatchResources | undefined): Promise<ResourceInfo | undefined> =>
    matchResources(criteria ?? {}, at, others, find);
  for (const policy of policies) {
    let resource: ResourceInfo | undefined;
    try {
      resource = await covers(policy.spec?.matchConstraints);
    } catch (error) {
      if (!isProblem(error)) throw error;
      yield { policy, binding: undefined, message: `failed to configure policy: ${error.message}` };
      continue;
    }
    if (resource === undefined) continue;
    for (const binding of bindings) {
      if (binding.spec?.policyName !== policy.metadata?.name) continue;
      try {
        if ((await covers(binding.spec?.matchResources)) === undefined) continue;
        const all = await collectParams(deps, policy.spec?.paramKind, binding.spec?.paramRef, at.namespace);
        for (const params of all) yield { policy, binding, resource, params };
      } catch (error) {
        if (!isProblem(error)) throw error;
        yield { policy, binding, message: `failed to configure binding: ${error.message}` };
      }
    }
  }
}

/** The request as the policy sees it: in the version that its rules name. Throws 404 where the namespace is gone. */
export async function inputFor(
  deps: PolicyDeps,
  at: AdmissionAttributes,
  { resource, params }: { resource: ResourceInfo; params: KubeObject | undefined },
): Promise<PolicyInput> {
  const subject: ReviewSubject = {
    at,
    resource,
    object: await convertObject(at.resource, resource, at.object),
    old: await convertObject<KubeObject | undefined>(at.resource, resource, at.old),
  };
  return { ...policyInput(subject, deps.access), namespace: await namespaceOf(deps.objects, at), params };
}

/** Whether the policy's match conditions hold for the request. */
export const policyMatches = (
  { match }: PolicyDeps,
  { operation }: AdmissionAttributes,
  { metadata }: AnyPolicy,
  conditions: readonly Condition[],
  input: PolicyInput,
): Promise<Matched> =>
  match(conditions, input, { kind: 'policy', name: metadata?.name ?? '', type: 'validate', operation });

async function namespaceOf(objects: ObjectLookup, at: AdmissionAttributes): Promise<Namespace | undefined> {
  if (at.namespace === '' || at.resource.kind.kind === 'Namespace') return undefined;
  const namespace = await objects.get(namespaces, '', at.namespace);
  if (namespace === undefined) throw notFound({ group: '', resource: 'namespaces' }, at.namespace);
  return namespace;
}
