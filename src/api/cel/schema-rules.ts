// The CEL rules (x-kubernetes-validations) of a CustomResourceDefinition's schema: checked when the definition is written, run on its objects.
// Follows apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go and pkg/apiserver/schema/cel/validation.go of v1.36.

import type { JSONSchemaProps } from '../generated/types.ts';
import { type FieldError, FieldPath, forbiddenField, invalid } from '../meta/errors.ts';
import { unbounded } from './estimate.ts';
import { type CompiledRule, compileRule } from './rule-compile.ts';
import { resolveFieldPath, ruleFormErrors } from './rule-form.ts';
import type { RuleFindings, RuleNode } from './rule-node.ts';
import { validateByRules } from './rule-validate.ts';
import { additionalOf, itemsOf, schemaType, type SchemaType } from './schema-types.ts';
import { Turns } from './turns.ts';

/** The rules of one version's schema, compiled. */
export interface SchemaRules {
  /** What the definition is refused for: rules that do not compile, may cost too much, or break their form. Fields are below the path given. */
  errors: FieldError[];
  /** Whether any rule is there at all: without, `validate` finds nothing. */
  hasRules: boolean;
  /**
   * Runs the rules on an object (with its apiVersion, kind and metadata; pruned and defaulted) and, on an update, what it was before.
   * Fields are from the object's root. Call it only where the schema's own validation found no error, as upstream does.
   */
  validate(object: object, old: object | undefined): RuleFindings;
  /** The same in turns; a promise where one was not enough. */
  validateInTurns(object: object, old: object | undefined, turns: Turns): RuleFindings | Promise<RuleFindings>;
}

/** The most that a rule, and all rules of a definition, may be estimated to cost. */
const maxRuleCost = 10_000_000;
const maxTotalCost = 100_000_000;
const maxRequest = 3 * 1024 * 1024;

/** Compiles the rules of a structural schema; `path` is where it stands in the definition (spec.validation.openAPIV3Schema, ...). */
export function compileSchemaRules(schema: JSONSchemaProps, path: FieldPath): SchemaRules {
  const compiler = new RulesCompiler();
  const node = compiler.compile(schema, {
    path,
    name: 'selfType',
    isObject: true,
    cardinality: 1,
    uncorrelatable: undefined,
  });
  compiler.checkTotal(path);
  const validateInTurns: SchemaRules['validateInTurns'] = (object, old, turns) =>
    node === undefined ? { errors: [], warnings: [] } : validateByRules(node, object, old, turns);
  return {
    errors: compiler.errors,
    hasRules: node !== undefined,
    validateInTurns,
    validate: (object, old) => validateInTurns(object, old, Turns.endless()) as RuleFindings,
  };
}

/** Where in the schema the compiler is. */
interface Place {
  path: FieldPath;
  /** Names the types of objects. */
  name: string;
  /** Whether it is a whole object, with apiVersion, kind and metadata. */
  isObject: boolean;
  /** How many of it there may be in one object; undefined where nothing limits it. */
  cardinality: number | undefined;
  /** The list around it whose items have no old value of their own. */
  uncorrelatable: FieldPath | undefined;
}

class RulesCompiler {
  readonly errors: FieldError[] = [];
  #total = 0;
  #expensive: { path: FieldPath; cost: number }[] = [];

  compile(schema: JSONSchemaProps, place: Place): RuleNode | undefined {
    if (!hasRules(schema)) return undefined;
    const errorsBefore = this.errors.length;
    const properties = new Map<string, RuleNode>();
    for (const [name, sub] of Object.entries(schema.properties ?? {})) {
      const node = this.compile(sub, this.#within(schema, sub, place, place.path.child('properties').key(name), name));
      if (node !== undefined) properties.set(name, node);
    }
    const additional = additionalOf(schema);
    const items = itemsOf(schema);
    const node: RuleNode = {
      schema,
      type: undefined,
      rules: [],
      items: items && this.compile(items, this.#within(schema, items, place, place.path.child('items'), '@idx')),
      additional:
        additional &&
        this.compile(
          additional,
          this.#within(schema, additional, place, place.path.child('additionalProperties'), '@elem'),
        ),
      properties,
    };
    const rules = schema['x-kubernetes-validations'] ?? [];
    if (rules.length === 0) return node;
    const type = schemaType(schema, place.name, place.isObject);
    const form = rules.flatMap((rule, i) => ruleFormErrors(schema, rule, rulePath(place.path, i)));
    this.errors.push(...form);
    // Rules are not looked at while something within is wrong.
    if (this.errors.length > errorsBefore || type === undefined) return { ...node, type };
    const compiled = rules.map((rule) => compileRule(rule, type));
    for (const [i, one] of compiled.entries()) this.#judge(one, type, place, rulePath(place.path, i));
    return {
      ...node,
      type,
      rules: compiled.map((one) => ({
        compiled: one,
        fieldPath: one.rule.fieldPath ? resolveFieldPath(one.rule.fieldPath, schema) : undefined,
      })),
    };
  }

  #within(schema: JSONSchemaProps, sub: JSONSchemaProps, place: Place, path: FieldPath, step: string): Place {
    const most = maxElements(schema);
    const isUncorrelatable = schema.type === 'array' && schema['x-kubernetes-list-type'] !== 'map';
    return {
      path,
      name: `${place.name}.${step}`,
      isObject: sub['x-kubernetes-embedded-resource'] === true,
      cardinality: place.cardinality === undefined || most === undefined ? undefined : place.cardinality * most,
      uncorrelatable: place.uncorrelatable ?? (isUncorrelatable ? place.path : undefined),
    };
  }

  #judge(one: CompiledRule, type: SchemaType, place: Place, path: FieldPath): void {
    const times = place.cardinality ?? Math.floor(maxRequest / (type.minSize + 1));
    const { rule } = one;
    this.#spend(path.child('rule'), one.maxCost === 0 ? 0 : one.maxCost * times, 'estimated rule cost');
    if (one.error !== undefined) this.errors.push(invalid(path.child('rule'), shownRule(one), one.error));
    if (one.messageError !== undefined)
      this.errors.push(invalid(path.child('messageExpression'), shownRule(one), one.messageError));
    else if (one.message !== undefined)
      this.#spend(path.child('messageExpression'), one.messageMaxCost, 'estimated messageExpression cost');
    if (one.usesOldSelf && place.uncorrelatable !== undefined)
      this.errors.push(
        invalid(
          path.child('rule'),
          rule.rule,
          `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelatable.text}`,
        ),
      );
    if (!one.usesOldSelf && rule.optionalOldSelf !== undefined)
      this.errors.push(
        invalid(path.child('optionalOldSelf'), rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'),
      );
  }

  #spend(path: FieldPath, estimated: number, what: string): void {
    const cost = Math.min(estimated, unbounded);
    if (cost > maxRuleCost) this.errors.push(forbiddenField(path, costMessage(what, cost, maxRuleCost)));
    this.#total = Math.min(this.#total + cost, unbounded);
    if (cost < maxTotalCost / 100) return;
    this.#expensive = [...this.#expensive, { path, cost }].toSorted((a, b) => b.cost - a.cost).slice(0, 4);
  }

  /** Refuses rules that are each affordable, but not together. */
  checkTotal(path: FieldPath): void {
    if (this.#total <= maxTotalCost) return;
    for (const rule of this.#expensive)
      this.errors.push(
        forbiddenField(
          rule.path,
          'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema',
        ),
      );
    const what = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
    this.errors.push(forbiddenField(path, costMessage(what, this.#total, maxTotalCost)));
  }
}

const rulePath = (path: FieldPath, i: number): FieldPath => path.child('x-kubernetes-validations').index(i);

/** A rule as errors show it: upstream's internal type, which has no JSON names. */
const shownRule = ({ rule }: CompiledRule): object => ({
  Rule: rule.rule,
  Message: rule.message ?? '',
  MessageExpression: rule.messageExpression ?? '',
  Reason: rule.reason ?? null,
  FieldPath: rule.fieldPath ?? '',
  OptionalOldSelf: rule.optionalOldSelf ?? null,
});

function hasRules(schema: JSONSchemaProps): boolean {
  if ((schema['x-kubernetes-validations'] ?? []).length > 0) return true;
  const within = [itemsOf(schema), additionalOf(schema), ...Object.values(schema.properties ?? {})];
  return within.some((sub) => sub !== undefined && hasRules(sub));
}

/** How many values a schema's own may hold of what is directly within; undefined where nothing limits it. */
function maxElements(schema: JSONSchemaProps): number | undefined {
  if (schema.type === 'array') return schema.maxItems === undefined ? undefined : Math.max(0, schema.maxItems);
  if (schema.type !== 'object' || schema.additionalProperties === undefined) return 1;
  return schema.maxProperties === undefined ? undefined : Math.max(0, schema.maxProperties);
}

function costMessage(what: string, cost: number, limit: number): string {
  const times = cost / limit;
  const factor = times > 100 ? 'more than 100x' : `${times.toFixed(times < 1.5 ? 6 : 1)}x`;
  return `${what} exceeds budget by factor of ${factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
