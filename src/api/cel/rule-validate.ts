// Runs the compiled rules of a schema on an object. Follows apiextensions-apiserver pkg/apiserver/schema/cel/validation.go of v1.36.

import type { ValidationRule } from '../generated/types.ts';
import {
  duplicate,
  type FieldError,
  fieldErrorText,
  FieldPath,
  forbiddenField,
  invalid,
  required,
  unshown,
} from '../meta/errors.ts';
import { maxMessageBytes, objectBudget, perCallLimit } from './base-environment.ts';
import { Correlation, itemsByKey } from './correlation.ts';
import { costExceeded, type Evaluation, type Program, type UnderWay } from './evaluate.ts';
import type { Variables } from './frame.ts';
import type { CompiledRule } from './rule-compile.ts';
import type { RuleFindings, RuleNode } from './rule-node.ts';
import { typedValue } from './schema-types.ts';
import { inTurns, type Turns } from './turns.ts';
import { CelError, Optional, type Value } from './values.ts';

type Json = unknown;

/** Validation ends here: what rules may cost is spent. */
class Exhausted extends Error {}

/**
 * Fields are from the root of the object. Gives a promise where that takes more than what is left of the turn; it rejects with the
 * reason of the turns' signal, once that aborts.
 */
export function validateByRules(
  node: RuleNode,
  object: object,
  old: object | undefined,
  turns: Turns,
): RuleFindings | Promise<RuleFindings> {
  const run = new Run(turns);
  const correlation = old === undefined ? undefined : Correlation.root(object, old, node.schema);
  run.find(node, { path: new FieldPath(), value: object, old, correlation, isRoot: true });
  const work = run.validate();
  return inTurns(turns, () => {
    try {
      if (work.next().done !== true) return undefined;
    } catch (error) {
      if (!(error instanceof Exhausted)) throw error;
    }
    return { errors: run.errors, warnings: run.warnings };
  });
}

/** Work that yields where the turn is over. */
type Pausing<T = void> = Generator<undefined, T, undefined>;

interface Place {
  path: FieldPath;
  value: Json;
  /** What it was, where rules may compare with it. */
  old: Json;
  /** On an update. */
  correlation: Correlation | undefined;
  isRoot: boolean;
}

const isRecord = (json: Json): json is Readonly<Record<string, Json>> =>
  typeof json === 'object' && json !== null && !Array.isArray(json);
const text = ({ message, rule }: ValidationRule): string => (message ? message.trim() : rule.trim());
const outOfBudget = 'validation failed due to running out of cost budget, no further validation rules will be run';

class Run {
  readonly errors: FieldError[] = [];
  readonly warnings: string[] = [];
  readonly #turns: Turns;
  readonly #sites: { node: RuleNode; place: Place }[] = [];
  #budget = objectBudget;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** Finds the values that have rules, in their order. */
  find(node: RuleNode, place: Place): void {
    const { value } = place;
    if (value === null || value === undefined) return;
    if (node.rules.length > 0) this.#sites.push({ node, place });
    if (Array.isArray(value)) this.#items(node, place, value);
    else if (isRecord(value)) this.#entries(node, place, value);
  }

  /** Runs the rules of what was found. */
  *validate(): Pausing {
    for (const { node, place } of this.#sites) yield* this.#rules(node, place);
  }

  #items({ schema, items }: RuleNode, { path, old, correlation }: Place, value: readonly Json[]): void {
    if (items === undefined) return;
    const oldItem = itemsByKey(Array.isArray(old) ? old : [], schema);
    for (const [i, item] of value.entries())
      this.find(items, {
        path: path.index(i),
        value: item,
        old: oldItem(item),
        correlation: correlation?.index(item, items.schema),
        isRoot: false,
      });
  }

  #entries(node: RuleNode, { path, old, correlation, isRoot }: Place, value: Readonly<Record<string, Json>>): void {
    for (const [name, entry] of Object.entries(value)) {
      const property = node.properties.get(name);
      const sub = property ?? (node.schema.properties?.[name] === undefined ? node.additional : undefined);
      if (sub === undefined) continue;
      // The version may be another: apiVersion and kind count as changed.
      const isTypeMeta = isRoot && (name === 'apiVersion' || name === 'kind');
      this.find(sub, {
        path: property === undefined ? path.key(name) : path.child(name),
        value: entry,
        old: isRecord(old) && Object.hasOwn(old, name) ? old[name] : undefined,
        correlation: isTypeMeta ? undefined : correlation?.key(name, entry, sub.schema),
        isRoot: false,
      });
    }
  }

  *#rules(node: RuleNode, place: Place): Pausing {
    const { type, rules } = node;
    if (type === undefined) return;
    const shown = node.schema.type ?? '';
    if (this.#budget <= 0) this.#exhaust(invalid(place.path, shown, outOfBudget));
    const self = typedValue(place.value, type);
    const hasOld = place.old !== undefined && place.old !== null;
    const oldSelf = hasOld ? typedValue(place.old, type) : undefined;
    const variables =
      (old: Value | undefined) =>
      (name: string): Value | undefined =>
        name === 'self' ? self : name === 'oldSelf' ? old : undefined;
    for (const { compiled, fieldPath } of rules) {
      if (compiled.program === undefined) {
        if (compiled.error !== undefined)
          this.errors.push(invalid(place.path, shown, `rule compile error: ${compiled.error}`));
        continue;
      }
      const isOptional = compiled.rule.optionalOldSelf === true;
      // Rules on transitions are for what was there before, unless they say otherwise.
      if (compiled.usesOldSelf && !hasOld && !isOptional) continue;
      const optionalOld = oldSelf === undefined ? Optional.none : new Optional(oldSelf);
      const own = variables(isOptional ? optionalOld : oldSelf);
      const underWay = compiled.program.start(own, perCallLimit);
      const evaluation = underWay.proceed(this.#turns) ?? (yield* this.#later(underWay));
      if (this.#holds(compiled, evaluation, place, shown)) continue;
      const path = fieldPath === undefined ? place.path : place.path.child(fieldPath.text);
      yield* this.#failed(compiled, path, place, shown, variables(isOptional ? optionalOld : oldSelf));
    }
  }

  /** What was not done in the turn that it began in. */
  *#later(underWay: UnderWay): Pausing<Evaluation> {
    for (;;) {
      yield;
      const evaluation = underWay.proceed(this.#turns);
      if (evaluation !== undefined) return evaluation;
    }
  }

  #spend(cost: number): boolean {
    if (cost > this.#budget) return false;
    this.#budget -= cost;
    return true;
  }

  #exhaust(error: FieldError): never {
    this.errors.push(error);
    throw new Exhausted();
  }

  /** True where the rule holds, or could not be evaluated and its error is noted. */
  #holds({ rule }: CompiledRule, { value, cost }: Evaluation, { path }: Place, shown: string): boolean {
    if (!this.#spend(cost)) this.#exhaust(invalid(path, shown, outOfBudget));
    if (!(value instanceof CelError)) return value === true;
    const { message } = value;
    if (value === costExceeded)
      this.#exhaust(
        invalid(
          path,
          shown,
          `'${message}': no further validation rules will be run due to call cost exceeds limit for rule: ${text(rule)}`,
        ),
      );
    const detail = message.startsWith('no such overload')
      ? `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${text(rule)}`
      : `${message} evaluating rule: ${text(rule)}`;
    this.errors.push(invalid(path, shown, detail));
    return true;
  }

  *#failed(
    compiled: CompiledRule,
    path: FieldPath,
    { value, correlation }: Place,
    shown: string,
    variables: Variables,
  ): Pausing {
    const { rule } = compiled;
    const note = (error: FieldError): void => {
      if (!compiled.usesOldSelf && correlation?.unchanged() === true) this.warnings.push(fieldErrorText(error));
      else this.errors.push(error);
    };
    const made = compiled.message && (yield* this.#message(compiled.message, variables));
    const problem = made && this.#messageProblem(made, rule.messageExpression ?? '');
    if (problem !== undefined) {
      note(invalid(path, shown, problem));
      throw new Exhausted();
    }
    const detail =
      (made && usableMessage(made.value)) ?? (rule.message ? rule.message.trim() : `failed rule: ${text(rule)}`);
    const isNested = shown === 'object' || shown === 'array';
    note(errorFor(rule.reason, path, isNested ? unshown : value, detail));
  }

  *#message(program: Program, variables: Variables): Pausing<Evaluation> {
    const underWay = program.start(variables, perCallLimit);
    return underWay.proceed(this.#turns) ?? (yield* this.#later(underWay));
  }

  /** Why validation ends with this message: it cost too much. */
  #messageProblem({ value, cost }: Evaluation, source: string): string | undefined {
    if (!this.#spend(cost))
      return 'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run';
    if (value !== costExceeded) return undefined;
    return `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(source)}`;
  }
}

/** What a messageExpression gave, where it can be shown: else the rule's own message is. */
function usableMessage(value: Value): string | undefined {
  if (typeof value !== 'string') return undefined;
  const message = value.trim();
  if (message === '' || message.includes('\n') || Buffer.byteLength(message) > maxMessageBytes) return undefined;
  return message;
}

function errorFor(reason: string | undefined, path: FieldPath, value: unknown, detail: string): FieldError {
  switch (reason) {
    case 'FieldValueForbidden':
      return forbiddenField(path, detail);
    case 'FieldValueRequired':
      return required(path, detail);
    case 'FieldValueDuplicate':
      return duplicate(path, value);
    default:
      return invalid(path, value, detail);
  }
}
