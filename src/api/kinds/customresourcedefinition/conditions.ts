// The conditions of CustomResourceDefinitions: are the names free, is it served, is its schema structural. Pure.
// Follows apiextensions-apiserver pkg/controller/status, establish, nonstructuralschema and apiapproval of v1.36.

import { schemaOfVersion } from '../../custom/custom-schema.ts';
import { unsupportedField, validateStructural } from '../../custom/structural.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionStatus,
} from '../../generated/types.ts';
import { type FieldError, fieldErrorText, FieldPath } from '../../meta/errors.ts';
import { goQuote } from '../../meta/go-format.ts';
import { formatTime } from '../../meta/time.ts';
import { sameTree } from '../../patch/json-tree.ts';
import { approvalCondition } from './api-approval.ts';
import { isCaBundle } from './validate-conversion.ts';

type Condition = CustomResourceDefinitionCondition;
type Status = CustomResourceDefinitionStatus | undefined;

/** Who has it waits for its objects to be deleted. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

export const findCondition = (status: Status, type: string): Condition | undefined =>
  status?.conditions?.find((condition) => condition.type === type);

export const isConditionTrue = (status: Status, type: string): boolean =>
  findCondition(status, type)?.status === 'True';

/** The status with that condition in place of the one of its type. `now` in ms; the time of a condition whose status stays is kept. */
export function setCondition(status: Status, condition: Condition, now: number): CustomResourceDefinitionStatus {
  const before = status?.conditions ?? [];
  const old = findCondition(status, condition.type);
  const since = old?.status === condition.status ? old.lastTransitionTime : undefined;
  const made = { ...condition, lastTransitionTime: since ?? formatTime(now) };
  const conditions = old === undefined ? [...before, made] : before.map((one) => (one === old ? made : one));
  return { ...status, conditions };
}

const isSame = (a: Condition | undefined, b: Condition): boolean =>
  a?.status === b.status && a.reason === b.reason && a.message === b.message;

/** Names that other definitions of the group have taken. */
interface Taken {
  resources: ReadonlySet<string>;
  kinds: ReadonlySet<string>;
}

function takenNames(crds: readonly CustomResourceDefinition[], group: string): Taken {
  const accepted = crds
    .filter(({ spec }) => spec.group === group)
    .flatMap(({ status }) => (status?.acceptedNames === undefined ? [] : [status.acceptedNames]));
  return {
    resources: new Set(
      accepted.flatMap(({ plural, singular, shortNames = [] }) => [plural, singular ?? '', ...shortNames]),
    ),
    kinds: new Set(accepted.flatMap(({ kind, listKind }) => [kind, listKind ?? ''])),
  };
}

const noNames: CustomResourceDefinitionNames = { plural: '', kind: '' };

/** The names that the definition gets, and whether these are all that it asks for. */
function acceptNames(
  crd: CustomResourceDefinition,
  taken: Taken,
): { names: CustomResourceDefinitionNames; condition: Condition } {
  const asked = crd.spec.names;
  const old = crd.status?.acceptedNames ?? noNames;
  const names: CustomResourceDefinitionNames = { ...old };
  let condition: Condition = {
    type: 'NamesAccepted',
    status: 'True',
    reason: 'NoConflicts',
    message: 'no conflicts found',
  };
  const conflict = (reason: string, message: string): void => {
    condition = { type: 'NamesAccepted', status: 'False', reason, message };
  };
  const inUse = (name: string): string => `${goQuote(name)} is already in use`;
  const one = (
    field: 'plural' | 'singular' | 'kind' | 'listKind',
    reason: string,
    others: ReadonlySet<string>,
  ): void => {
    const name = asked[field] ?? '';
    if (name !== (old[field] ?? '') && others.has(name)) conflict(reason, inUse(name));
    else names[field] = name;
  };
  one('plural', 'PluralConflict', taken.resources);
  one('singular', 'SingularConflict', taken.resources);
  const shortNames = asked.shortNames ?? [];
  const wrong = shortNames.filter((name) => !old.shortNames?.includes(name) && taken.resources.has(name));
  if (wrong.length > 0)
    conflict('ShortNamesConflict', wrong.length === 1 ? inUse(wrong[0] ?? '') : `[${wrong.map(inUse).join(', ')}]`);
  else if (asked.shortNames === undefined) delete names.shortNames;
  else names.shortNames = shortNames;
  one('kind', 'KindConflict', taken.kinds);
  one('listKind', 'ListKindConflict', taken.kinds);
  if (asked.categories === undefined) delete names.categories;
  else names.categories = asked.categories;
  return { names, condition };
}

/** Whether the definition is served, which it stays once it was. */
function establish(crd: CustomResourceDefinition, status: Status, named: boolean): Condition | undefined {
  if (isConditionTrue(status, 'Established')) return undefined;
  const state = (is: string, reason: string, message: string): Condition => ({
    type: 'Established',
    status: is,
    reason,
    message,
  });
  if (!named)
    return findCondition(status, 'Established')
      ? undefined
      : state('False', 'NotAccepted', 'not all names are accepted');
  const { caBundle = '' } = crd.spec.conversion?.webhook?.clientConfig ?? {};
  return isCaBundle(caBundle)
    ? state('True', 'InitialNamesAccepted', 'the initial names have been accepted')
    : state('False', 'InvalidCABundle', 'The conversion webhook CABundle is invalid');
}

function structuralCondition(crd: CustomResourceDefinition): Condition | undefined {
  const errors: FieldError[] = [];
  for (const [i, { name }] of crd.spec.versions.entries()) {
    const schema = schemaOfVersion(crd, name);
    if (schema === undefined) continue;
    const path = new FieldPath('spec').child('versions').index(i).child('schema', 'openAPIV3Schema');
    const why = unsupportedField(schema);
    if (why !== undefined)
      return {
        type: 'NonStructuralSchema',
        status: 'Unknown',
        reason: 'StructuralError',
        message: `failed to check validation schema for version ${name}: ${why}`,
      };
    errors.push(...validateStructural(path, schema));
  }
  if (errors.length === 0) return undefined;
  const texts = errors.map(fieldErrorText);
  const message = texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
  return { type: 'NonStructuralSchema', status: 'True', reason: 'Violations', message };
}

/**
 * The status that the definition ought to have beside all others, or undefined where it has it. `now` in ms.
 */
export function decideStatus(
  crd: CustomResourceDefinition,
  all: readonly CustomResourceDefinition[],
  now: number,
): CustomResourceDefinitionStatus | undefined {
  let status = crd.status ?? {};
  const put = (condition: Condition | undefined): void => {
    if (condition !== undefined && !isSame(findCondition(status, condition.type), condition))
      status = setCondition(status, condition, now);
  };
  const drop = (type: string): void => {
    if (findCondition(status, type) !== undefined)
      status = { ...status, conditions: (status.conditions ?? []).filter((condition) => condition.type !== type) };
  };
  const others = all.filter(({ metadata }) => metadata?.name !== crd.metadata?.name);
  const { names, condition } = acceptNames(crd, takenNames(others, crd.spec.group));
  if (!sameTree(names, status.acceptedNames)) status = { ...status, acceptedNames: names };
  put(condition);
  put(establish(crd, status, condition.status === 'True'));
  const structural = structuralCondition(crd);
  if (structural === undefined) drop('NonStructuralSchema');
  else put(structural);
  const approval = approvalCondition(crd);
  if (approval === undefined) drop('KubernetesAPIApprovalPolicyConformant');
  else put(approval);
  return status === crd.status || sameTree(status, crd.status ?? {}) ? undefined : status;
}
