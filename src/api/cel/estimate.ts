// Estimates, without any data, what an expression may cost at most: CRD rules that could cost too much are refused.
// Follows cel-go checker/cost.go and ext/{lists,sets}.go, and apiserver pkg/cel/library/cost.go of v1.36.

import {
  accumulator,
  type CallNode,
  type Expr,
  type FoldNode,
  type ListNode,
  type MapNode,
  type SelectNode,
} from './ast.ts';
import type { Checked } from './checked.ts';
import type { Overload } from './environment.ts';
import { authorizationCheck, createList, createMap, createStruct, regexFactor, stringFactor } from './runtime-cost.ts';
import { type CelType, elementOf, isOptional } from './types.ts';
import { codePoints } from './values.ts';

/** From least to most; `max` of `unbounded` is beyond counting. */
export interface Range {
  min: number;
  max: number;
}

export const unbounded = 2 ** 64;

/** The most elements (or characters, or entries) of what a path of fields leads to; undefined where nothing is known. */
export type SizeLookup = (path: readonly string[]) => number | undefined;

const cap = (value: number): number => Math.min(value, unbounded);
const fixed = (value: number): Range => ({ min: value, max: value });
const unknown: Range = { min: 0, max: unbounded };
const add = (a: Range, b: Range): Range => ({ min: cap(a.min + b.min), max: cap(a.max + b.max) });
const multiply = (a: Range, b: Range): Range => ({ min: cap(a.min * b.min), max: cap(a.max * b.max) });
const union = (a: Range, b: Range): Range => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) });
const scaled = ({ min, max }: Range, factor: number): Range => ({
  min: cap(Math.ceil(min * factor)),
  max: cap(Math.ceil(max * factor)),
});
const sum = (ranges: readonly Range[]): Range => ranges.reduce(add, fixed(0));

interface Entry {
  key: Range;
  value: Range;
}

interface CallEstimate {
  cost: Range;
  size?: Range | undefined;
}

interface LocalVariable {
  path: readonly string[];
  size: Range | undefined;
  entry: Entry | undefined;
}

/** The cost of the whole expression. */
export function estimateCost(checked: Checked, sizes: SizeLookup): Range {
  return new Coster(checked, sizes).cost(checked.expr);
}

class Coster {
  readonly #checked: Checked;
  readonly #lookup: SizeLookup;
  readonly #costs = new Map<Expr, Range>();
  readonly #paths = new Map<Expr, readonly string[]>();
  readonly #sizes = new Map<Expr, Range>();
  readonly #entries = new Map<Expr, Entry>();
  readonly #locals: { name: string; variable: LocalVariable }[] = [];

  constructor(checked: Checked, lookup: SizeLookup) {
    this.#checked = checked;
    this.#lookup = lookup;
  }

  cost(expr: Expr): Range {
    const known = this.#costs.get(expr);
    if (known !== undefined) return known;
    const cost = this.#costOf(expr);
    this.#costs.set(expr, cost);
    return cost;
  }

  #costOf(expr: Expr): Range {
    switch (expr.kind) {
      case 'const':
        return fixed(0);
      case 'ident':
        this.#paths.set(expr, this.#local(expr.name)?.path ?? [expr.name]);
        return fixed(1);
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return add(sum(expr.fields.map(({ value }) => this.cost(value))), fixed(createStruct));
      case 'fold':
        return expr.iterVar === '#unused' ? this.#bind(expr) : this.#fold(expr);
      default:
        return expr satisfies never;
    }
  }

  #local(name: string): LocalVariable | undefined {
    return this.#locals.findLast((local) => local.name === name)?.variable;
  }

  #path(expr: Expr): readonly string[] {
    const local = expr.kind === 'ident' ? this.#local(expr.name) : undefined;
    return local?.path ?? this.#paths.get(expr) ?? [];
  }

  #select(expr: SelectNode): Range {
    const name = this.#checked.variable(expr);
    if (name !== undefined) {
      this.#paths.set(expr, [name]);
      return fixed(1);
    }
    const operand = this.cost(expr.operand);
    // has() costs nothing of its own.
    if (expr.isTest) return operand;
    const { kind } = this.#checked.typeOf(expr.operand);
    this.#paths.set(expr, [...this.#path(expr.operand), expr.field]);
    return kind === 'map' || kind === 'struct' ? add(operand, fixed(1)) : operand;
  }

  #list(expr: ListNode): Range {
    const costs = expr.elements.map(({ value }) => this.cost(value));
    const sizes = expr.elements.map(({ value }) => this.#sizeOrUnknown(value));
    const value = sizes.length === 0 ? fixed(0) : sizes.reduce(union);
    this.#entries.set(expr, { key: fixed(1), value });
    return add(sum(costs), fixed(createList));
  }

  #map(expr: MapNode): Range {
    const costs = expr.entries.flatMap(({ key, value }) => [this.cost(key), this.cost(value)]);
    const all = (part: 'key' | 'value'): Range =>
      expr.entries.length === 0
        ? fixed(0)
        : expr.entries.map((entry) => this.#sizeOrUnknown(entry[part])).reduce(union);
    this.#entries.set(expr, { key: all('key'), value: all('value') });
    return add(sum(costs), fixed(createMap));
  }

  #call(expr: CallNode): Range {
    const { name, target, args } = expr;
    if (name === 'dyn' && args[0] !== undefined) {
      const cost = add(this.cost(args[0]), fixed(1));
      this.#copySizes(expr, args[0]);
      return cost;
    }
    const argCosts = args.map((arg) => this.cost(arg));
    const overloads = this.#checked.overloads(expr);
    const isMember = overloads[0]?.isMember === true;
    const targetCost = isMember && target !== undefined ? this.cost(target) : fixed(0);
    const whole = isMember && target !== undefined ? [target, ...args] : [...args];
    let cost: Range | undefined;
    let size: Range | undefined;
    for (const overload of overloads) {
      const estimate = this.#function(expr, overload, whole, argCosts);
      cost = cost === undefined ? estimate.cost : union(cost, estimate.cost);
      if (estimate.size !== undefined) size = size === undefined ? estimate.size : union(size, estimate.size);
      this.#trackIndex(expr, overload, args);
      size ??= this.#size(expr);
    }
    if (size !== undefined) this.#sizes.set(expr, size);
    // Optional selection is resolved without an overload.
    return add(targetCost, cost ?? add(sum(argCosts), fixed(1)));
  }

  #trackIndex(expr: CallNode, { id }: Overload, [container]: readonly Expr[]): void {
    if (container === undefined) return;
    if (id === 'index_list') this.#paths.set(expr, [...this.#path(container), '@items']);
    if (id === 'index_map') this.#paths.set(expr, [...this.#path(container), '@values']);
    const entry = id === 'index_list' || id === 'index_map' ? this.#entry(container) : undefined;
    if (entry !== undefined) this.#sizes.set(expr, entry.value);
  }

  /** The cost of a call, that of its arguments included (but for what it is called on), and the size of what it gives. */
  #function(expr: CallNode, { id }: Overload, args: readonly Expr[], argCosts: readonly Range[]): CallEstimate {
    const all = sum(argCosts);
    switch (id) {
      case 'logical_and':
      case 'logical_or':
        return { cost: { min: argCosts[0]?.min ?? 0, max: all.max } };
      case 'conditional': {
        const [condition = fixed(0), yes = fixed(0), no = fixed(0)] = argCosts;
        this.#joinEntries(expr, args[1], args[2]);
        return {
          cost: add(condition, union(yes, no)),
          size: union(this.#sizeOrUnknown(args[1]), this.#sizeOrUnknown(args[2])),
        };
      }
      default: {
        const own = this.#library(expr, id, args) ?? this.#standard(expr, id, args) ?? { cost: fixed(1) };
        return { ...own, cost: add(own.cost, all) };
      }
    }
  }

  #joinEntries(expr: Expr, a: Expr | undefined, b: Expr | undefined): void {
    const [x, y] = [a && this.#entry(a), b && this.#entry(b)];
    if (x !== undefined && y !== undefined)
      this.#entries.set(expr, { key: union(x.key, y.key), value: union(x.value, y.value) });
  }

  #standard(expr: Expr, id: string, args: readonly Expr[]): CallEstimate | undefined {
    const [a = unknown, b = unknown] = args.map((arg) => this.#sizeOrUnknown(arg));
    const scan = (size: Range): Range => scaled(size, stringFactor);
    switch (id) {
      case 'string_format':
        return { cost: scan(a), size: { min: 0, max: unbounded } };
      case 'string_to_bytes':
        return { cost: scan(a), size: { min: a.min, max: cap(a.max * 4) } };
      case 'bytes_to_string':
        return { cost: scan(a), size: { min: Math.floor(a.min / 4), max: a.max } };
      case 'strings_quote':
        return { cost: scan(a), size: { min: a.min + 2, max: cap(a.max * 2 + 2) } };
      case 'starts_with_string':
      case 'ends_with_string':
        return { cost: scan(b) };
      case 'in_list':
        return { cost: b };
      case 'matches_string':
        return { cost: multiply(scan(add(a, fixed(1))), scaled(b, regexFactor)) };
      case 'contains_string':
        return { cost: multiply(scan(a), scan(b)) };
      case 'add_list':
        this.#joinEntries(expr, args[0], args[1]);
        return { cost: fixed(1), size: add(a, b) };
      case 'add_string':
      case 'add_bytes':
        return { cost: scan(add(a, b)), size: add(a, b) };
      default:
    }
    if (id !== 'equals' && id !== 'not_equals' && !/^(?:less|greater)(?:_equals)?_(?:string|bytes)$/.test(id))
      return undefined;
    const max = Math.min(a.max, b.max);
    return { cost: scan({ min: max > 0 ? 1 : 0, max }) };
  }

  /** What Kubernetes' libraries cost. */
  #library(expr: CallNode, id: string, args: readonly Expr[]): CallEstimate | undefined {
    const [first, second, third] = args;
    const sizeOf = (arg: Expr | undefined): Range => this.#sizeOrUnknown(arg);
    const scan = (arg: Expr | undefined, factor = stringFactor): Range => scaled(sizeOf(arg), factor);
    switch (this.#fullName(expr)) {
      case 'check':
        return { cost: fixed(authorizationCheck) };
      case 'isSorted':
      case 'sum':
      case 'max':
      case 'min':
      case 'indexOf':
      case 'lastIndexOf':
        return { cost: this.#walk(first) };
      case 'url':
        return { cost: scan(first) };
      case 'lowerAscii':
      case 'upperAscii':
      case 'substring':
      case 'trim':
        return { cost: scan(first), size: sizeOf(first) };
      case 'replace':
        return {
          cost: scan(first, 2 * stringFactor),
          size: replacedSize(sizeOf(first), sizeOf(second), sizeOf(third)),
        };
      case 'split':
        return { cost: scan(first, 2 * stringFactor), size: { min: 0, max: sizeOf(first).max } };
      case 'join': {
        const size = this.#joinedSize(first, second);
        return { cost: scaled(size, stringFactor), size };
      }
      case 'find':
      case 'findAll':
        return {
          cost: multiply(scaled(add(sizeOf(first), fixed(1)), stringFactor), scan(second, regexFactor)),
          size: { min: 0, max: sizeOf(first).max },
        };
      case 'containsIP':
        return {
          cost: add(scaled({ min: 8, max: 32 }, stringFactor), id.endsWith('_string') ? scan(second) : fixed(0)),
        };
      case 'containsCIDR':
        return {
          cost: sum([
            scaled({ min: 8, max: 32 }, stringFactor),
            scaled({ min: 4, max: 16 }, stringFactor),
            fixed(1),
            id.endsWith('_string') ? scan(second) : fixed(0),
          ]),
        };
      // Upstream counts these by their arguments' length when they run, and so is it estimated here.
      case 'cidr':
      case 'isIP':
      case 'isCIDR':
      case 'quantity':
      case 'isQuantity':
        return { cost: scan(first) };
      case 'ip':
        return { cost: id === 'cidr_ip' ? fixed(1) : scan(first) };
      case 'ip.isCanonical':
        return { cost: scan(first, 2 * stringFactor) };
      case 'validate':
        return { cost: scan(second) };
      case 'sets.contains':
      case 'sets.intersects':
        return { cost: add(multiply(sizeOf(first), sizeOf(second)), fixed(1)) };
      case 'sets.equivalent':
        return { cost: add(scaled(multiply(sizeOf(first), sizeOf(second)), 2), fixed(1)) };
      default:
        return this.#listFunction(id, args);
    }
  }

  #listFunction(id: string, [first, second, third]: readonly Expr[]): CallEstimate | undefined {
    const size = this.#sizeOrUnknown(first);
    const made = (range: Range): CallEstimate => ({ cost: add(range, fixed(createList + 1)), size: range });
    const integer = (arg: Expr | undefined, otherwise: number): number =>
      arg?.kind === 'const' && typeof arg.value === 'bigint' ? Math.max(0, Number(arg.value)) : otherwise;
    if (id === 'list_slice') {
      const [start, end] = [integer(second, 0), integer(third, size.max)];
      return made({ min: 0, max: Math.max(0, end - start) });
    }
    if (id === 'lists_range')
      return made(first?.kind === 'const' ? fixed(integer(first, 0)) : { min: 0, max: unbounded });
    if (id === 'list_reverse') return made(size);
    if (id === 'list_flatten' || id === 'list_flatten_int')
      return made(scaled(size, second === undefined ? 1 : integer(second, unbounded)));
    const compared = /^list_\w+_sortByAssociatedKeys$/.test(id) ? this.#sizeOrUnknown(second) : size;
    if (id === 'list_distinct' || /^list_\w+_sort/.test(id)) {
      const isLong = /^list_(?:string|bytes)_sort/.test(id);
      return made(scaled(multiply(compared, compared), isLong ? 2 + stringFactor : 2));
    }
    return undefined;
  }

  /** Each element costs one, and strings and bytes by their length too. */
  #walk(list: Expr | undefined): Range {
    const type: CelType | undefined = list && this.#checked.typeOf(list);
    const size = this.#sizeOrUnknown(list);
    if (list === undefined || type?.kind !== 'list') return scaled(size, stringFactor);
    const { kind } = elementOf(type);
    if (kind !== 'string' && kind !== 'bytes') return size;
    return multiply(size, add(fixed(1), scaled(this.#elementSize(list), stringFactor)));
  }

  /** By the declared schema only, as upstream's libraries see it. */
  #elementSize(list: Expr): Range {
    const path = this.#rootPath(list);
    const max = path.length === 0 ? undefined : this.#lookup([...path, '@items']);
    const literal = list.kind === 'list' ? this.#entry(list)?.value : undefined;
    return literal ?? { min: 0, max: max ?? unbounded };
  }

  #joinedSize(list: Expr | undefined, separator: Expr | undefined): Range {
    const count = this.#sizeOrUnknown(list);
    const elements = list === undefined ? unknown : multiply(count, this.#elementSize(list));
    if (separator === undefined) return elements;
    const between = { min: Math.max(0, count.min - 1), max: Math.max(0, count.max - 1) };
    return add(elements, multiply(this.#sizeOrUnknown(separator), between));
  }

  #fullName({ target, name }: CallNode): string {
    if (
      target?.kind === 'ident' &&
      (target.name === 'sets' || target.name === 'ip') &&
      this.#checked.variable(target) === undefined
    )
      return `${target.name}.${name}`;
    return name;
  }

  #push(name: string, variable: LocalVariable): void {
    this.#locals.push({ name, variable });
  }

  #pushIterated(name: string, range: Expr, part: 'key' | 'value' | 'single'): void {
    const isList = this.#checked.typeOf(range).kind === 'list';
    const entry = this.#entry(range);
    const isValue = part === 'value' || (part === 'single' && isList);
    const step = isValue ? (isList ? '@items' : '@values') : isList ? '@indices' : '@keys';
    const size = isValue ? entry?.value : entry?.key;
    this.#push(name, { path: [...this.#path(range), step], size, entry: undefined });
  }

  #fold(expr: FoldNode): Range {
    const before = add(this.cost(expr.range), this.cost(expr.init));
    this.#push(expr.accuVar, {
      path: this.#path(expr.init),
      size: this.#size(expr.init),
      entry: this.#entry(expr.init),
    });
    this.#pushIterated(expr.iterVar, expr.range, expr.iterVar2 === undefined ? 'single' : 'key');
    if (expr.iterVar2 !== undefined) this.#pushIterated(expr.iterVar2, expr.range, 'value');
    const each = add(this.cost(expr.condition), this.cost(expr.step));
    const stepEntry = this.#entry(expr.step);
    this.#locals.length -= expr.iterVar2 === undefined ? 1 : 2;
    const result = this.cost(expr.result);
    this.#locals.length -= 1;
    const count = this.#sizeOrUnknown(expr.range);
    const initSize = expr.init.kind === 'const' ? this.#size(expr.init) : count;
    if (initSize !== undefined) this.#sizes.set(expr, initSize);
    if (stepEntry !== undefined) this.#entries.set(expr, stepEntry);
    return sum([before, result, multiply(count, each)]);
  }

  #bind(expr: FoldNode): Range {
    const before = add(this.cost(expr.range), this.cost(expr.init));
    this.#push(expr.accuVar, {
      path: this.#path(expr.init),
      size: this.#size(expr.init),
      entry: this.#entry(expr.init),
    });
    const result = this.cost(expr.result);
    this.#locals.length -= 1;
    this.#copySizes(expr, expr.result);
    return add(before, result);
  }

  #copySizes(to: Expr, from: Expr): void {
    const size = this.#size(from);
    if (size !== undefined) this.#sizes.set(to, size);
    const entry = this.#entry(from);
    if (entry !== undefined) this.#entries.set(to, entry);
  }

  #entry(expr: Expr): Entry | undefined {
    const own = this.#entries.get(expr);
    if (own !== undefined || expr.kind !== 'ident') return own;
    return this.#local(expr.name)?.entry;
  }

  /** The path from a variable; none from an accumulator. */
  #rootPath(expr: Expr): readonly string[] {
    const path = this.#path(expr);
    return path[0] === accumulator ? [] : path;
  }

  #sizeOrUnknown(expr: Expr | undefined): Range {
    return (expr && this.#size(expr)) ?? unknown;
  }

  #size(expr: Expr): Range | undefined {
    const known = this.#sizes.get(expr) ?? literalSize(expr);
    if (known !== undefined) return known;
    const path = this.#rootPath(expr);
    const max = path.length === 0 ? undefined : this.#lookup(path);
    if (max !== undefined) return { min: 0, max };
    const ofType = typeSize(this.#checked.typeOf(expr));
    if (ofType !== undefined) return ofType;
    return expr.kind === 'ident' ? this.#local(expr.name)?.size : undefined;
  }
}

function replacedSize(text: Range, old: Range, by: Range): Range {
  const count = { min: 0, max: 0 };
  const kept = { min: 0, max: 0 };
  if (old.min === 0) {
    count.max = cap(text.max + 1);
    kept.max = text.max;
  } else if (by.max <= old.min) kept.max = text.max;
  else count.max = Math.ceil(text.max / old.min);
  if (old.max === 0) {
    count.min = cap(text.min + 1);
    kept.min = text.min;
  } else if (old.max <= by.min) kept.min = text.min;
  else count.min = Math.ceil(text.min / old.max);
  return add(multiply(count, by), kept);
}

function literalSize(expr: Expr): Range | undefined {
  if (expr.kind === 'list') return fixed(expr.elements.length);
  if (expr.kind === 'map') return fixed(expr.entries.length);
  if (expr.kind !== 'const') return undefined;
  if (typeof expr.value === 'string') return fixed(codePoints(expr.value));
  return expr.value instanceof Uint8Array ? fixed(expr.value.length) : fixed(1);
}

/** Scalars are of size one, and so are the values of libraries. */
function typeSize(type: CelType): Range | undefined {
  switch (type.kind) {
    case 'bool':
    case 'int':
    case 'uint':
    case 'double':
    case 'timestamp':
    case 'duration':
      return fixed(1);
    case 'opaque':
      return isOptional(type) ? typeSize(elementOf(type)) : fixed(1);
    default:
      return undefined;
  }
}
