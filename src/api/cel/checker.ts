// Checks the types of an expression: which declared function each call may be, and the type of every part.
// Follows cel-go checker/checker.go.

import type { CallNode, Expr, FoldNode, ListNode, MapNode, SelectNode, StructNode } from './ast.ts';
import type { Checked } from './checked.ts';
import { type Environment, type FunctionDeclaration, isTypeName, type Overload } from './environment.ts';
import { checkLiterals } from './literals.ts';
import type { ExtraMacro } from './macros.ts';
import { parse } from './parser.ts';
import { Issues } from './source.ts';
import * as types from './types.ts';
import { type CelType, TypeBindings, typeText } from './types.ts';
import { typeOfValue } from './values.ts';

export type CheckResult = { ok: true; checked: Checked } | { ok: false; issues: Issues };

/** Parses and checks; the expression may use `macro` beside those that all may use. */
export function check(text: string, environment: Environment, macro?: ExtraMacro): CheckResult {
  const parsed = parse(text, macro);
  if (!parsed.ok) return parsed;
  const issues = new Issues(Array.from(text));
  const checked = new Checker(environment, issues).run(parsed.expr);
  if (!issues.any) checkLiterals(checked, issues);
  return issues.any ? { ok: false, issues } : { ok: true, checked };
}

/** The parts of `a.b.c`, or undefined. */
function dottedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name;
  if (expr.kind !== 'select' || expr.isTest) return undefined;
  const before = dottedName(expr.operand);
  return before === undefined ? undefined : `${before}.${expr.field}`;
}

class Checker {
  readonly #environment: Environment;
  readonly #issues: Issues;
  readonly #types = new Map<Expr, CelType>();
  readonly #overloads = new Map<Expr, readonly Overload[]>();
  readonly #variables = new Map<Expr, string>();
  readonly #bindings = new TypeBindings();
  /** Variables of folds, innermost last. */
  readonly #scopes: { name: string; type: CelType }[] = [];
  #fresh = 0;

  constructor(environment: Environment, issues: Issues) {
    this.#environment = environment;
    this.#issues = issues;
  }

  run(expr: Expr): Checked {
    this.#check(expr);
    const typeOf = (part: Expr): CelType => this.#bindings.resolve(this.#types.get(part) ?? types.dyn, true);
    return {
      expr,
      type: typeOf(expr),
      typeOf,
      overloads: (part) => this.#overloads.get(part) ?? [],
      variable: (part) => this.#variables.get(part),
      variables: new Set(this.#variables.values()),
    };
  }

  /** A part that macros use twice is checked once. */
  #check(expr: Expr): CelType {
    const known = this.#types.get(expr);
    if (known !== undefined) return known;
    const type = this.#typeFor(expr);
    this.#types.set(expr, type);
    return type;
  }

  #typeFor(expr: Expr): CelType {
    switch (expr.kind) {
      case 'const':
        return typeOfValue(expr.value);
      case 'ident':
        return this.#ident(expr, expr.name);
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return this.#struct(expr);
      case 'fold':
        return this.#fold(expr);
      default:
        return expr satisfies never;
    }
  }

  #newParam(): CelType {
    return types.param(`_var${this.#fresh++}`);
  }

  #assignable(from: CelType, to: CelType): boolean {
    return this.#bindings.assignable([from], [to]);
  }

  #undeclared(expr: Expr, name: string): CelType {
    this.#issues.report(expr.offset, `undeclared reference to '${name}' (in container '')`);
    return types.errorType;
  }

  #lookUp(name: string): CelType | undefined {
    const plain = name.startsWith('.') ? name.slice(1) : name;
    if (plain === name) {
      const local = this.#scopes.findLast((scope) => scope.name === name);
      if (local !== undefined) return local.type;
    }
    return this.#environment.variable(plain) ?? this.#objectTypeNamed(plain);
  }

  #objectTypeNamed(name: string): CelType | undefined {
    return this.#environment.objectType(name) === undefined ? undefined : types.typeOf(types.struct(name));
  }

  #ident(expr: Expr, name: string): CelType {
    const type = this.#lookUp(name);
    if (type === undefined) return this.#undeclared(expr, name);
    this.#variables.set(expr, name);
    return type;
  }

  #select(expr: SelectNode): CelType {
    const name = dottedName(expr);
    if (name !== undefined && !this.#scopes.some((scope) => name.startsWith(`${scope.name}.`))) {
      const type = this.#lookUp(name);
      if (type !== undefined) {
        this.#variables.set(expr, name);
        return type;
      }
    }
    const type = this.#field(expr, expr.operand, expr.field, false);
    return expr.isTest ? types.bool : type;
  }

  #field(expr: Expr, operand: Expr, field: string, isOptional: boolean): CelType {
    const whole = this.#bindings.resolve(this.#check(operand), false);
    const isWrapped = types.isOptional(whole);
    const type = this.#fieldOf(expr, isWrapped ? types.elementOf(whole) : whole, field);
    const resolved = this.#bindings.resolve(type, false);
    return isWrapped || isOptional ? types.optionalOf(resolved) : resolved;
  }

  #fieldOf(expr: Expr, target: CelType, field: string): CelType {
    switch (target.kind) {
      case 'map':
        return types.valueOf(target);
      case 'struct': {
        const found = this.#environment.objectType(target.name)?.field(field);
        if (found === undefined) this.#issues.report(expr.offset, `undefined field '${field}'`);
        return found ?? types.errorType;
      }
      case 'param':
        this.#assignable(types.dyn, target);
        return types.dyn;
      default:
        if (!types.isDynOrError(target))
          this.#issues.report(expr.offset, `type '${typeText(target)}' does not support field selection`);
        return types.dyn;
    }
  }

  #call(expr: CallNode): CelType {
    const { name, target, args } = expr;
    if (name === '_?._') {
      const [operand, field] = args as [Expr, Expr & { value: string }];
      return this.#field(expr, operand, field.value, true);
    }
    const argTypes = args.map((arg) => this.#check(arg));
    if (target === undefined) {
      const found = this.#environment.function(name);
      return found === undefined ? this.#undeclared(expr, name) : this.#resolve(expr, found, argTypes, false);
    }
    const dotted = dottedName(target);
    const spaced = dotted === undefined ? undefined : this.#environment.function(`${dotted}.${name}`);
    if (spaced !== undefined) return this.#resolve(expr, spaced, argTypes, false);
    const targetType = this.#check(target);
    const found = this.#environment.function(name);
    if (found === undefined) return this.#undeclared(expr, name);
    return this.#resolve(expr, found, [targetType, ...argTypes], true);
  }

  #resolve(expr: CallNode, { name, overloads }: FunctionDeclaration, args: CelType[], isMember: boolean): CelType {
    if (name === '_&&_' || name === '_||_') return this.#logical(expr, overloads, args);
    const matching: Overload[] = [];
    let result: CelType | undefined;
    for (const one of overloads) {
      if (one.isMember !== isMember || one.args.length !== args.length) continue;
      const suffix = `_${this.#fresh++}`;
      const renamed = (type: CelType): CelType => types.rename(type, (param) => `${param}${suffix}`);
      if (!this.#bindings.assignable(args, one.args.map(renamed))) continue;
      matching.push(one);
      const type = this.#bindings.resolve(renamed(one.result), false);
      if (result === undefined) result = type;
      else if (result.kind !== 'dyn' && !types.sameType(result, type)) result = types.dyn;
    }
    if (result === undefined) {
      const texts = args.map((type) => typeText(this.#bindings.resolve(type, true)));
      const signature = isMember ? `${texts[0]}.(${texts.slice(1).join(', ')})` : `(${texts.join(', ')})`;
      this.#issues.report(expr.offset, `found no matching overload for '${name}' applied to '${signature}'`);
      return types.errorType;
    }
    this.#overloads.set(expr, matching);
    return result;
  }

  #logical(expr: CallNode, overloads: readonly Overload[], args: CelType[]): CelType {
    let areBool = true;
    for (const [i, arg] of args.entries())
      if (!this.#assignable(arg, types.bool)) {
        this.#mismatch(expr.args[i] ?? expr, types.bool, arg);
        areBool = false;
      }
    this.#overloads.set(expr, overloads);
    return areBool ? types.bool : types.errorType;
  }

  #mismatch(expr: Expr, expected: CelType, found: CelType): void {
    this.#issues.report(
      expr.offset,
      `expected type '${typeText(this.#bindings.resolve(expected, false))}' but found '${typeText(this.#bindings.resolve(found, false))}'`,
    );
  }

  /** The type of a value, or of what an optional one may hold. */
  #entry(expr: Expr, isOptional: boolean): CelType {
    const type = this.#check(expr);
    if (!isOptional) return type;
    if (types.isOptional(type)) return types.elementOf(type);
    if (type.kind !== 'dyn') this.#mismatch(expr, types.optionalOf(type), type);
    return type;
  }

  #join(before: CelType | undefined, type: CelType): CelType {
    if (before === undefined) return type;
    return this.#assignable(before, type) ? types.mostGeneral(before, type) : types.dyn;
  }

  #list({ elements }: ListNode): CelType {
    let all: CelType | undefined;
    for (const { value, isOptional } of elements) all = this.#join(all, this.#entry(value, isOptional));
    return types.listOf(all ?? this.#newParam());
  }

  #map({ entries }: MapNode): CelType {
    let keys: CelType | undefined;
    let values: CelType | undefined;
    for (const { key, value, isOptional } of entries) {
      keys = this.#join(keys, this.#check(key));
      values = this.#join(values, this.#entry(value, isOptional));
    }
    return types.mapOf(keys ?? this.#newParam(), values ?? this.#newParam());
  }

  #struct(expr: StructNode): CelType {
    const name = expr.typeName.startsWith('.') ? expr.typeName.slice(1) : expr.typeName;
    const type = this.#environment.objectType(name);
    if (type === undefined && isTypeName(name)) this.#issues.report(expr.offset, `'${name}' is not a message type`);
    else if (type === undefined) this.#undeclared(expr, expr.typeName);
    for (const { name: field, value, isOptional, offset } of expr.fields) {
      const found = this.#entry(value, isOptional);
      if (type === undefined) continue;
      const declared = type.field(field);
      if (declared === undefined) this.#issues.report(offset, `undefined field '${field}'`);
      else if (!this.#assignable(declared, found))
        this.#issues.report(
          offset,
          `expected type of field '${field}' is '${typeText(declared)}' but provided type is '${typeText(found)}'`,
        );
    }
    return type === undefined ? types.errorType : types.struct(name);
  }

  #rangeVars(expr: FoldNode, range: CelType): [CelType, CelType] {
    switch (range.kind) {
      case 'list':
        return expr.iterVar2 === undefined ? [types.elementOf(range), types.dyn] : [types.int, types.elementOf(range)];
      case 'map':
        return [types.elementOf(range), types.valueOf(range)];
      case 'dyn':
      case 'error':
      case 'param':
        this.#assignable(types.dyn, range);
        return [types.dyn, types.dyn];
      default:
        this.#issues.report(
          expr.range.offset,
          `expression of type '${typeText(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
        );
        return [types.errorType, types.errorType];
    }
  }

  #fold(expr: FoldNode): CelType {
    const range = this.#bindings.resolve(this.#check(expr.range), false);
    const accuType = this.#check(expr.init);
    this.#scopes.push({ name: expr.accuVar, type: accuType });
    const [first, second] = this.#rangeVars(expr, range);
    this.#scopes.push({ name: expr.iterVar, type: first });
    if (expr.iterVar2 !== undefined) this.#scopes.push({ name: expr.iterVar2, type: second });
    this.#expect(expr.condition, types.bool);
    this.#expect(expr.step, accuType);
    this.#scopes.length -= expr.iterVar2 === undefined ? 1 : 2;
    const result = this.#check(expr.result);
    this.#scopes.length -= 1;
    return this.#bindings.resolve(result, false);
  }

  #expect(expr: Expr, type: CelType): void {
    const found = this.#check(expr);
    if (!this.#assignable(type, found)) this.#mismatch(expr, type, found);
  }
}
