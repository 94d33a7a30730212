// What is looked at once types are right: literals that cannot be what they are used as, and lists and maps of mixed types.
// Follows cel-go cel/validator.go, with the validators that apiserver pkg/cel/environment/base.go of v1.36 turns on.

import { type CallNode, type Expr, type ListNode, type MapNode, partsOf } from './ast.ts';
import type { Checked } from './checked.ts';
import { compileRegex } from './library/regex.ts';
import type { Issues } from './source.ts';
import { checkedTimestamp, parseGoDuration, parseTimestamp } from './time.ts';
import * as types from './types.ts';
import { type CelType, typeText } from './types.ts';
import { CelError } from './values.ts';

export function checkLiterals(checked: Checked, issues: Issues): void {
  new LiteralCheck(checked, issues).visit(checked.expr, false);
}

class LiteralCheck {
  readonly #checked: Checked;
  readonly #issues: Issues;
  /** Macros may use one part twice. */
  readonly #seen = new Set<Expr>();

  constructor(checked: Checked, issues: Issues) {
    this.#checked = checked;
    this.#issues = issues;
  }

  /** The arguments of `format` may be of any types. */
  visit(expr: Expr, mayBeMixed: boolean): void {
    if (this.#seen.has(expr)) return;
    this.#seen.add(expr);
    if (expr.kind === 'list' && !mayBeMixed) this.#list(expr);
    if (expr.kind === 'map' && !mayBeMixed) this.#map(expr);
    if (expr.kind === 'call') this.#call(expr);
    const isFormat = expr.kind === 'call' && expr.name === 'format';
    for (const part of partsOf(expr)) this.visit(part, mayBeMixed || isFormat);
  }

  #typeOf(expr: Expr, isOptional: boolean): CelType {
    const type = this.#checked.typeOf(expr);
    return isOptional && types.isOptional(type) ? types.elementOf(type) : type;
  }

  #mismatch(expr: Expr, expected: CelType, found: CelType): void {
    this.#issues.report(expr.offset, `expected type '${typeText(expected)}' but found '${typeText(found)}'`);
  }

  #list({ elements: [first, ...others] }: ListNode): void {
    if (first === undefined) return;
    const type = this.#typeOf(first.value, first.isOptional);
    for (const { value, isOptional } of others) {
      const found = this.#typeOf(value, isOptional);
      if (isEquivalent(type, found)) continue;
      this.#mismatch(value, type, found);
      return;
    }
  }

  #map({ entries: [first, ...others] }: MapNode): void {
    if (first === undefined) return;
    const keys = this.#checked.typeOf(first.key);
    const values = this.#typeOf(first.value, first.isOptional);
    for (const { key, value, isOptional } of others) {
      const [keyType, valueType] = [this.#checked.typeOf(key), this.#typeOf(value, isOptional)];
      if (!isEquivalent(keys, keyType)) this.#mismatch(key, keys, keyType);
      if (!isEquivalent(values, valueType)) this.#mismatch(value, values, valueType);
    }
  }

  #call({ name, target, args }: CallNode): void {
    const last = args[name === 'matches' && target === undefined ? 1 : 0];
    if (last?.kind !== 'const' || isRight(name, last.value)) return;
    this.#issues.report(last.offset, `invalid ${name} argument`);
  }
}

/** Whether the literal can be an argument of the function. */
function isRight(name: string, value: unknown): boolean {
  switch (name) {
    case 'duration':
      return typeof value !== 'string' || parseGoDuration(value) !== undefined;
    case 'timestamp':
      if (typeof value === 'bigint') return checkedTimestamp(value * 1_000_000_000n) !== undefined;
      return typeof value !== 'string' || parseTimestamp(value) !== undefined;
    case 'matches':
      return typeof value !== 'string' || !(compileRegex(value) instanceof CelError);
    default:
      return true;
  }
}

/** The same but for what lists and maps may hold, where either does not say. */
function isEquivalent(a: CelType, b: CelType): boolean {
  if (a.kind === 'dyn' || b.kind === 'dyn') return true;
  if (a.kind !== b.kind || a.name !== b.name || a.params.length !== b.params.length) return false;
  return a.params.every((one, i) => isEquivalent(one, b.params[i] ?? types.dyn));
}
