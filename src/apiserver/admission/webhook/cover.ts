// Whether a webhook is asked about a request, and in which form.
// Follows apiserver pkg/admission/plugin/webhook/generic/webhook.go (ShouldCallHook) of v1.36.

import type { MatchCondition, Namespace } from '../../../api/generated/types.ts';
import { internalError } from '../../../api/meta/errors.ts';
import { apiVersionOf, type KubeObject } from '../../../api/meta/types.ts';
import { cloneTree } from '../../../api/patch/json-tree.ts';
import type { ResourceInfo, ResourceTable } from '../../resources.ts';
import type { AdmissionAttributes } from '../admission.ts';
import { equivalentResources, matchRules } from '../matching/rules.ts';
import { namespaceSelected, objectSelected } from '../matching/selectors.ts';
import type { LookupKind, ObjectLookup } from '../object-lookup.ts';
import type { ConditionsOf } from '../../metrics/admission-metrics.ts';
import type { Hook } from './hooks.ts';
import type { ReviewSubject } from './review.ts';
import type { Soon } from '../../../lib/soon.ts';

export interface CoverDeps {
  objects: ObjectLookup;
  resources: ResourceTable;
  /** Whether the conditions hold; with the failure policy Fail it throws 403 where one cannot be told. */
  conditionsHold(
    conditions: readonly MatchCondition[],
    failurePolicy: string,
    subject: ReviewSubject,
    hook: Pick<ConditionsOf, 'name' | 'type'>,
  ): Promise<boolean>;
}

const namespaces: LookupKind<Namespace> = { group: '', resource: 'namespaces' };

/**
 * The object as the other resource, which is stored in the same place, shows it; what is not of the resource's own kind (a Scale, the
 * options of a connection) is the same everywhere. Throws 500 where another server has to convert it and does not.
 */
export async function convertObject<T extends KubeObject | undefined>(
  from: ResourceInfo,
  to: ResourceInfo,
  object: T,
): Promise<T> {
  if (object === undefined || from === to || object.kind !== from.kind.kind) return object;
  const [own, other] = [from.kind.storage, to.kind.storage];
  try {
    const mine = cloneTree<KubeObject>(object);
    const stored = own?.remote ? (await own.remote.toStorage([mine]))[0] : (own?.toStorage(mine) ?? mine);
    const shown =
      stored &&
      (other?.remote ? (await other.remote.fromStorage([stored]))[0] : (other?.fromStorage(stored) ?? stored));
    return { ...shown, apiVersion: apiVersionOf(to.kind), kind: to.kind.kind } as T;
  } catch (error) {
    throw internalError(error instanceof Error ? error.message : String(error));
  }
}

/** What the webhook is asked about; undefined where it is not asked. Throws 403 and 404. */
export async function coveredBy(
  deps: CoverDeps,
  { webhook }: Hook,
  at: AdmissionAttributes,
  type: ConditionsOf['type'],
): Promise<ReviewSubject | undefined> {
  const { rules = [], matchPolicy, matchConditions = [], failurePolicy = 'Fail' } = webhook;
  if (!objectSelected(webhook.objectSelector, at)) return undefined;
  const others = matchPolicy === 'Exact' ? [] : equivalentResources(deps.resources, at.resource, at.subresource);
  const resource = matchRules(rules, matchPolicy, at, others);
  if (resource === undefined) return undefined;
  const find = (name: string): Soon<Namespace | undefined> => deps.objects.get(namespaces, '', name);
  if (!(await namespaceSelected(webhook.namespaceSelector, at, find))) return undefined;
  const subject: ReviewSubject = {
    at,
    resource,
    object: await convertObject(at.resource, resource, at.object),
    old: await convertObject<KubeObject | undefined>(at.resource, resource, at.old),
  };
  if (matchConditions.length === 0) return subject;
  const holds = await deps.conditionsHold(matchConditions, failurePolicy, subject, { name: webhook.name, type });
  return holds ? subject : undefined;
}
