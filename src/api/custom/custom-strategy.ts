// What may be done to custom resources of one version: generation, status, and the checks by schema.
// Follows apiextensions-apiserver pkg/registry/customresource/strategy.go, status_strategy.go and validator.go of v1.36.
import type { CustomResourceSubresourceScale } from '../generated/types.ts';
import type { SchemaRules } from '../cel/schema-rules.ts';
import { Turns } from '../cel/turns.ts';
import { type FieldError, FieldPath, invalid } from '../meta/errors.ts';
import { goQuote } from '../meta/go-format.ts';
import { nameIsSubdomain, qualifiedName } from '../meta/names.ts';
import type { KubeObject, ObjectMeta } from '../meta/types.ts';
import { validateGenericMeta, validateGenericMetaUpdate } from '../meta/validate-meta.ts';
import { isTree, sameTree } from '../patch/json-tree.ts';
import type { Strategy } from '../scheme.ts';
import type { CustomSchema } from './custom-schema.ts';
import { validateEmbedded } from './embedded-meta.ts';
import { validateListTypes } from './list-types.ts';
import { validateScaleSpec, validateScaleStatus } from './scale.ts';
import { validateValue } from './validate-value.ts';

/** What the rules of one version depend on. */
export interface CustomRules {
  namespaced: boolean;
  schema: CustomSchema | undefined;
  /** Whether status is a subresource. */
  hasStatus: boolean;
  scale: CustomResourceSubresourceScale | undefined;
  rules: SchemaRules | undefined;
}

const whole = new FieldPath();

/** Whoever has such an error gets it right first: rules would stumble over it. */
const blocking: ReadonlySet<FieldError['type']> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

const notAllChecked = invalid(
  new FieldPath('<nil>'),
  null,
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
);

const metaOf = (object: KubeObject): ObjectMeta => (object.metadata ??= {});

const statusOf = (object: object): { value: unknown } | undefined =>
  isTree(object) && Object.hasOwn(object, 'status') ? { value: object['status'] } : undefined;

/** Makes `object`'s status that of `from`, or removes it where that has none. */
function takeStatus(object: object, from: object): void {
  if (!isTree(object)) return;
  const status = statusOf(from);
  if (status === undefined) delete object['status'];
  else object['status'] = status.value;
}

const withoutMetadata = (object: KubeObject): object => ({ ...object, metadata: undefined });

function schemaErrors({ schema }: CustomRules, object: KubeObject, old: KubeObject | undefined): FieldError[] {
  return validateValue(schema, object, whole, old === undefined ? undefined : { value: old });
}

/** The checks after those by schema; a list that was wrong before may stay so. */
function laterErrors(rules: CustomRules, object: KubeObject, old: KubeObject | undefined, found: FieldError[]): void {
  const { schema } = rules;
  const lists = validateListTypes(whole, object, schema);
  const wereWrong = old !== undefined && lists.length > 0 && validateListTypes(whole, old, schema).length > 0;
  if (!wereWrong) found.push(...lists);
}

/** What the rules of the schema find; what they would find had it changed is a warning. */
const ruleErrors =
  ({ rules }: CustomRules): NonNullable<Strategy['validateLong']> =>
  async (object, old, found, context, signal) => {
    if (rules === undefined || !rules.hasRules) return [];
    if (found.some(({ type }) => blocking.has(type))) return [notAllChecked];
    const { errors, warnings } = await rules.validateInTurns(object, old, new Turns(signal));
    for (const text of warnings) context.warn?.(text);
    return errors;
  };

const standardFinalizers: ReadonlySet<string> = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

/** Warns of finalizers that might meet others of the same name. */
function finalizerWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  const before = new Set(old?.metadata?.finalizers);
  const added = [...new Set(metaOf(object).finalizers)].filter((name) => !before.has(name)).sort();
  return added.flatMap((name) => {
    const start = `metadata.finalizers: ${goQuote(name)}:`;
    const malformed = qualifiedName(name).map((message) => `${start} ${message}`);
    if (name.includes('/') || standardFinalizers.has(name)) return malformed;
    const path = name.includes('.') ? ' including a path (/)' : '';
    return [
      ...malformed,
      `${start} prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`,
    ];
  });
}

/** The rules of the resource itself. */
export function customStrategy(rules: CustomRules): Strategy {
  const { namespaced, schema, hasStatus, scale } = rules;
  const check = (object: KubeObject, old?: KubeObject): FieldError[] => {
    const meta = metaOf(object);
    const errors = old === undefined ? [] : validateGenericMetaUpdate(meta, metaOf(old));
    errors.push(...validateGenericMeta(meta, namespaced, nameIsSubdomain), ...schemaErrors(rules, object, old));
    errors.push(...validateScaleSpec(object, scale), ...validateScaleStatus(object, scale));
    errors.push(...validateEmbedded(whole, object, schema, false));
    laterErrors(rules, object, old, errors);
    return errors;
  };
  return {
    allowUnconditionalUpdate: false,
    ...(hasStatus ? { resetFields: [['status']] } : {}),
    prepareForCreate(object) {
      if (hasStatus) takeStatus(object, {});
      metaOf(object).generation = 1;
    },
    prepareForUpdate(object, old) {
      if (hasStatus) takeStatus(object, old);
      if (!sameTree(withoutMetadata(object), withoutMetadata(old)))
        metaOf(object).generation = (old.metadata?.generation ?? 0) + 1;
    },
    validateCreate: (object) => check(object),
    validateUpdate: check,
    validateLong: ruleErrors(rules),
    warnings: finalizerWarnings,
  };
}

/** The rules of /status, which takes nothing but the status. */
export function customStatusStrategy(rules: CustomRules): Strategy {
  const { schema, scale } = rules;
  const statusSchema = schema?.properties?.['status'];
  return {
    allowUnconditionalUpdate: false,
    resetFields: [['metadata'], ['spec']],
    prepareForUpdate(object, old) {
      if (!isTree(object)) return;
      const status = statusOf(object);
      const { managedFields } = metaOf(object);
      for (const key of Object.keys(object)) delete object[key];
      Object.assign(object, structuredClone(old));
      takeStatus(object, status === undefined ? {} : { status: status.value });
      const meta = metaOf(object);
      delete meta.managedFields;
      if (managedFields !== undefined) meta.managedFields = managedFields;
    },
    validateCreate: () => [],
    validateUpdate(object, old) {
      const errors = validateGenericMetaUpdate(metaOf(object), metaOf(old));
      const status = statusOf(object);
      if (status !== undefined)
        errors.push(...validateValue(statusSchema, status.value, new FieldPath('status'), statusOf(old)));
      errors.push(...validateScaleStatus(object, scale));
      laterErrors(rules, object, old, errors);
      return errors;
    },
    validateLong: ruleErrors(rules),
  };
}

/** The rules of /scale: those of the resource, for writes that change nothing but the wanted replicas. */
export const customScaleStrategy = (rules: CustomRules, onlyField: readonly string[]): Strategy => ({
  ...customStrategy(rules),
  onlyFields: [onlyField],
});
