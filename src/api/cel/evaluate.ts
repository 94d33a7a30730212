// Makes a checked expression into functions that evaluate it, counting its cost. Follows cel-go interpreter/planner.go and
// interpreter/interpretable.go.

import type { CallNode, Expr, FoldNode, ListNode, MapNode, SelectNode, StructNode } from './ast.ts';
import type { Checked } from './checked.ts';
import { type Environment, isTypeName, type Overload } from './environment.ts';
import { bindStep, foldStep } from './fold.ts';
import { type Frame, newFrame, noOverload, recall, remember, spend, type Step, type Variables } from './frame.ts';
import { callCost, CostExceeded, createList, createMap, createStruct, joinCost } from './runtime-cost.ts';
import { Turns, turnOver } from './turns.ts';
import { isOptional } from './types.ts';
import {
  ArrayList,
  CelError,
  EntryMap,
  equal,
  isList,
  isMap,
  isObject,
  isOfType,
  Optional,
  shown,
  sizeOf,
  TypeValue,
  Uint,
  type Value,
} from './values.ts';

/** What came of an evaluation, and what it cost. `value` is a CelError where it failed. */
export interface Evaluation {
  value: Value;
  cost: number;
}

/** An evaluation that may take more than one turn of the event loop. */
export interface UnderWay {
  /** Goes on for as long as the turn allows; gives undefined where there is more to do. */
  proceed(turns: Turns): Evaluation | undefined;
}

/** A compiled expression. */
export interface Program {
  /** Evaluates within `limit`. Gives costExceeded where that is not enough. */
  evaluate(variables: Variables, limit: number): Evaluation;
  /** The same, to be done by its `proceed`. */
  start(variables: Variables, limit: number): UnderWay;
}

/** The error of an expression that was stopped. */
export const costExceeded = new CelError(new CostExceeded().message);

export function compileProgram(checked: Checked, environment: Environment): Program {
  const planner = new Planner(checked, environment);
  const step = planner.plan(checked.expr);
  const start = (variables: Variables, limit: number): UnderWay => {
    const frame = newFrame(variables, limit);
    return { proceed: (turns) => proceed(step, frame, turns) };
  };
  return {
    start,
    evaluate: (variables, limit) => start(variables, limit).proceed(Turns.endless()) as Evaluation,
  };
}

function proceed(step: Step, frame: Frame, turns: Turns): Evaluation | undefined {
  if (turns.left <= 0) return undefined;
  const before = frame.reached;
  frame.pauseAt = before + turns.left;
  frame.cost = 0;
  try {
    const value = step(frame);
    return { value, cost: frame.cost };
  } catch (error) {
    if (error === turnOver) {
      frame.reached = Math.max(before, frame.cost);
      return undefined;
    }
    if (!(error instanceof CostExceeded)) throw error;
    return { value: costExceeded, cost: frame.cost };
  } finally {
    turns.left -= Math.max(0, frame.cost - before);
  }
}

class Planner {
  readonly #checked: Checked;
  readonly #environment: Environment;
  readonly #steps = new Map<Expr, Step>();
  readonly #scope: string[] = [];

  constructor(checked: Checked, environment: Environment) {
    this.#checked = checked;
    this.#environment = environment;
  }

  plan(expr: Expr): Step {
    const known = this.#steps.get(expr);
    if (known !== undefined) return known;
    const step = this.#stepFor(expr);
    this.#steps.set(expr, step);
    return step;
  }

  #stepFor(expr: Expr): Step {
    switch (expr.kind) {
      case 'const': {
        const { value } = expr;
        return () => value;
      }
      case 'ident':
        return this.#variable(expr.name);
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

  #variable(name: string): Step {
    const slot = this.#scope.lastIndexOf(name);
    if (slot >= 0)
      return (frame) => {
        spend(frame, 1);
        return frame.locals[slot] as Value;
      };
    const plain = name.startsWith('.') ? name.slice(1) : name;
    const missing = new CelError(`no such attribute(s): ${plain}`);
    const type =
      isTypeName(plain) || this.#environment.objectType(plain) !== undefined ? new TypeValue(plain) : undefined;
    // The names of types are constants.
    if (type !== undefined) return () => type;
    return (frame) => {
      spend(frame, 1);
      const value = frame.variables(plain);
      return value === undefined ? missing : value;
    };
  }

  #select(expr: SelectNode): Step {
    const name = this.#checked.variable(expr);
    if (name !== undefined) return this.#variable(name);
    const operand = this.plan(expr.operand);
    const { field, isTest } = expr;
    if (isTest)
      return (frame) => {
        const value = operand(frame);
        return value instanceof CelError ? value : hasField(value, field);
      };
    return (frame) => {
      const value = operand(frame);
      spend(frame, 1);
      return value instanceof CelError ? value : selectField(value, field);
    };
  }

  #call(expr: CallNode): Step {
    const args = [...(expr.target === undefined || this.#isSpaced(expr) ? [] : [expr.target]), ...expr.args];
    const [a, b, c] = args.map((arg) => this.plan(arg)) as [Step, Step, Step];
    switch (expr.name) {
      case '_&&_':
        return logical(a, b, false);
      case '_||_':
        return logical(a, b, true);
      case '_?_:_':
        return conditional(a, branch(b, args[1] as Expr), branch(c, args[2] as Expr));
      case '@not_strictly_false':
        return (frame) => {
          const value = a(frame);
          spend(frame, 1);
          return value instanceof CelError || value === true;
        };
      case '_[_]':
      case '_[?_]':
        // A variable as an index costs what its name does.
        return index(a, b, expr.name === '_[?_]', args[1]?.kind === 'ident' ? 0 : 1);
      case '_?._':
        return (frame) => {
          const found = optionally(a(frame), (whole) => tryField(whole, (expr.args[1] as { value: string }).value));
          // What is not there costs nothing.
          if (found !== Optional.none) spend(frame, 1);
          return found;
        };
      case 'or':
      case 'orValue':
        if (isOptional(this.#checked.typeOf(args[0] as Expr)) || this.#checked.typeOf(args[0] as Expr).kind === 'dyn')
          return orElse(a, b, expr.name === 'orValue');
        break;
      default:
    }
    return this.#function(expr, args);
  }

  /** Whether the target is no value but part of the function's name: `sets.contains(...)`. */
  #isSpaced({ target, name }: CallNode): boolean {
    const dotted = (part: Expr): string | undefined => {
      if (part.kind === 'ident') return part.name;
      const before = part.kind === 'select' && !part.isTest ? dotted(part.operand) : undefined;
      return before === undefined ? undefined : `${before}.${(part as SelectNode).field}`;
    };
    const space = target === undefined ? undefined : dotted(target);
    return space !== undefined && this.#environment.function(`${space}.${name}`) !== undefined;
  }

  #function(expr: CallNode, args: readonly Expr[]): Step {
    const step = this.#dispatch(expr, args);
    // Conversions of constants, and searches in lists of them, are done ahead upstream, and cost nothing.
    if (expr.name === '@in' && args[1]?.kind === 'list' && args[1].elements.length > 0 && isConstant(args[1]))
      return unpaid(step, this.plan(args[0] as Expr));
    if (!conversions.has(expr.name) || !args.every(isConstant)) return step;
    const value = step(newFrame(() => undefined, Number.POSITIVE_INFINITY));
    return value instanceof CelError ? step : () => value;
  }

  #dispatch(expr: CallNode, args: readonly Expr[]): Step {
    const steps = args.map((arg) => this.plan(arg));
    const types = args.map((arg) => this.#checked.typeOf(arg));
    const overloads = this.#checked.overloads(expr);
    const name = this.#fullName(expr);
    const costs = new Map(overloads.map((one) => [one, callCost(name, one.id)]));
    const [only] = overloads;
    const isSure = overloads.length === 1 && only !== undefined && types.every(({ kind }) => kind !== 'dyn');
    const choose = (values: readonly Value[]): Overload | undefined =>
      isSure ? only : overloads.find((one) => one.args.every((type, i) => isOfType(values[i] as Value, type)));
    return (frame) => {
      const values: Value[] = [];
      let failed: CelError | undefined;
      for (const step of steps) {
        const value = step(frame);
        if (value instanceof CelError) failed ??= value;
        values.push(value);
      }
      if (failed !== undefined) {
        spend(frame, 1);
        return failed;
      }
      const chosen = choose(values);
      const cost = chosen === undefined ? 1 : (costs.get(chosen)?.(values) ?? 1);
      const known = frame.notes && recall(frame, expr);
      if (known !== undefined) return known;
      const before = frame.cost;
      spend(frame, cost);
      if (chosen === undefined) return noOverload;
      const result = chosen.call(...(values as never[]));
      if (name === 'join') spend(frame, joinCost(result));
      remember(frame, expr, before, result);
      return result;
    };
  }

  #fullName(expr: CallNode): string {
    if (!this.#isSpaced(expr)) return expr.name;
    const spaces = (part: Expr): string =>
      part.kind === 'ident' ? part.name : `${spaces((part as SelectNode).operand)}.${(part as SelectNode).field}`;
    return `${spaces(expr.target as Expr)}.${expr.name}`;
  }

  #list(expr: ListNode): Step {
    const { elements } = expr;
    const steps = elements.map(({ value, isOptional: may }) => ({ step: this.plan(value), may }));
    const create = isConstant(expr) ? 0 : createList;
    return (frame) => {
      const values: Value[] = [];
      for (const { step, may } of steps) {
        const value = step(frame);
        if (value instanceof CelError) return value;
        const entry = may ? unwrap(value) : value;
        if (entry instanceof CelError) return entry;
        if (entry !== undefined) values.push(entry);
      }
      spend(frame, create);
      return new ArrayList(values);
    };
  }

  #map(expr: MapNode): Step {
    const { entries } = expr;
    const create = isConstant(expr) ? 0 : createMap;
    const steps = entries.map(({ key, value, isOptional: may }) => ({
      key: this.plan(key),
      value: this.plan(value),
      may,
    }));
    return (frame) => {
      let made = new EntryMap();
      for (const { key, value, may } of steps) {
        const keyValue = key(frame);
        if (keyValue instanceof CelError) return keyValue;
        const found = value(frame);
        if (found instanceof CelError) return found;
        const entry = may ? unwrap(found) : found;
        if (entry instanceof CelError) return entry;
        if (entry === undefined) continue;
        const next = made.insert(keyValue, entry);
        if (next instanceof CelError) return next;
        made = next;
      }
      spend(frame, create);
      return made;
    };
  }

  #struct({ typeName, fields }: StructNode): Step {
    const type = this.#environment.objectType(typeName.startsWith('.') ? typeName.slice(1) : typeName);
    const steps = fields.map(({ name, value, isOptional: may }) => ({ name, step: this.plan(value), may }));
    return (frame) => {
      const made = new Map<string, Value>();
      for (const { name, step, may } of steps) {
        const value = step(frame);
        if (value instanceof CelError) return value;
        const entry = may ? unwrap(value) : value;
        if (entry instanceof CelError) return entry;
        if (entry !== undefined) made.set(name, entry);
      }
      spend(frame, createStruct);
      return type?.make?.(made) ?? new CelError(`type conversion error: '${typeName}' cannot be made`);
    };
  }

  #fold(expr: FoldNode): Step {
    const range = this.plan(expr.range);
    const init = this.plan(expr.init);
    const accu = this.#scope.push(expr.accuVar) - 1;
    const isBind = expr.iterVar === '#unused';
    const first = this.#scope.push(expr.iterVar) - 1;
    const second = expr.iterVar2 === undefined ? -1 : this.#scope.push(expr.iterVar2) - 1;
    const condition = this.plan(expr.condition);
    const step = this.plan(expr.step);
    this.#scope.length = accu + 1;
    const result = this.plan(expr.result);
    this.#scope.length = accu;
    if (isBind) return bindStep(expr, { init, result, accu });
    // all() and exists() go on after an error, in search of what decides; others do not.
    const endsByError = expr.condition.kind === 'const';
    return foldStep(expr, { range, init, condition, step, result, accu, first, second, endsByError });
  }
}

const conversions = new Set(['bool', 'bytes', 'double', 'duration', 'dyn', 'int', 'string', 'timestamp', 'uint']);

/** A call that costs only what its argument does. */
function unpaid(step: Step, argument: Step): Step {
  return (frame) => {
    const before = frame.cost;
    argument(frame);
    const after = frame.cost;
    frame.cost = before;
    const value = step(frame);
    frame.cost = after;
    return value;
  };
}

/** Literals of constants are made once upstream, and cost nothing. */
function isConstant(expr: Expr): boolean {
  if (expr.kind === 'const') return true;
  if (expr.kind === 'list') return expr.elements.every(({ value, isOptional: may }) => !may && isConstant(value));
  if (expr.kind !== 'map') return false;
  return expr.entries.every(({ key, value, isOptional: may }) => !may && isConstant(key) && isConstant(value));
}

/** && (decided by false) and || (decided by true): an error matters only where the other side does not decide. */
function logical(left: Step, right: Step, decisive: boolean): Step {
  return (frame) => {
    const a = left(frame);
    if (a === decisive) return decisive;
    const b = right(frame);
    if (b === decisive) return decisive;
    if (a instanceof CelError) return a;
    if (b instanceof CelError) return b;
    return typeof a === 'boolean' && typeof b === 'boolean' ? !decisive : noOverload;
  };
}

const conditional =
  (condition: Step, yes: Step, no: Step): Step =>
  (frame) => {
    const value = condition(frame);
    if (value === true) return yes(frame);
    if (value === false) return no(frame);
    return value instanceof CelError ? value : noOverload;
  };

/** Upstream does not count the name of a variable that is a branch of a condition. */
function branch(step: Step, expr: Expr): Step {
  if (!isAttribute(expr)) return step;
  return (frame) => {
    const value = step(frame);
    frame.cost -= 1;
    return value;
  };
}

/** A variable, or what is selected from one. */
function isAttribute(expr: Expr): boolean {
  if (expr.kind === 'select') return !expr.isTest && isAttribute(expr.operand);
  return expr.kind === 'ident' || (expr.kind === 'call' && expr.name === '_[_]' && isAttribute(expr.args[0] as Expr));
}

function orElse(left: Step, right: Step, unwrapped: boolean): Step {
  return (frame) => {
    const a = left(frame);
    if (a instanceof CelError) return a;
    if (!(a instanceof Optional)) return noOverload;
    if (a.value === undefined) return right(frame);
    return unwrapped ? a.value : a;
  };
}

/** What an optional entry of a literal adds: its value, or nothing. */
function unwrap(value: Value): Value | undefined {
  return value instanceof Optional
    ? value.value
    : new CelError(`cannot initialize optional entry from non-optional value`);
}

/** Applies a look-up to a value or what an optional one holds; gives an optional. */
function optionally(value: Value, find: (whole: Value) => Value | undefined): Value {
  if (value instanceof CelError) return value;
  const whole = value instanceof Optional ? value.value : value;
  if (whole === undefined) return Optional.none;
  const found = find(whole);
  if (found instanceof CelError) return found;
  return found === undefined ? Optional.none : new Optional(found);
}

const noKey = (key: Value): CelError => new CelError(`no such key: ${shown(key)}`);

/** Undefined where it is not set. */
function tryField(value: Value, field: string): Value | undefined {
  if (isMap(value)) return value.get(field);
  return isObject(value) ? value.get(field) : noOverload;
}

function selectField(value: Value, field: string): Value {
  if (value instanceof Optional) return optionally(value, (whole) => tryField(whole, field));
  const found = tryField(value, field);
  return found === undefined ? noKey(field) : found;
}

function hasField(value: Value, field: string): Value {
  const whole = value instanceof Optional ? value.value : value;
  if (whole === undefined) return false;
  const found = tryField(whole, field);
  return found instanceof CelError ? found : found !== undefined;
}

/** The position that an index means, or undefined where it can be none. */
function position(value: Value): number | undefined {
  const plain = value instanceof Uint ? value.value : value;
  if (typeof plain !== 'bigint' && typeof plain !== 'number') return undefined;
  return Number.isInteger(Number(plain)) ? Number(plain) : undefined;
}

function tryIndex(value: Value, key: Value): Value | undefined {
  if (isMap(value)) return value.get(key);
  if (isObject(value)) return typeof key === 'string' ? value.get(key) : noOverload;
  if (!isList(value)) return noOverload;
  const at = position(key);
  if (at === undefined) return noOverload;
  return at >= 0 && at < value.size ? value.at(at) : undefined;
}

function index(operand: Step, key: Step, isOptionalIndex: boolean, cost: number): Step {
  return (frame) => {
    const value = operand(frame);
    const at = key(frame);
    spend(frame, cost);
    if (value instanceof CelError) return value;
    if (at instanceof CelError) return at;
    if (isOptionalIndex || value instanceof Optional) return optionally(value, (whole) => tryIndex(whole, at));
    const found = tryIndex(value, at);
    if (found !== undefined) return found;
    return isList(value) ? new CelError(`index out of bounds: ${shown(at)}`) : noKey(at);
  };
}

/** `value in container` of any kind; for the standard library. */
export function isIn(value: Value, container: Value): Value {
  if (isMap(container)) return container.get(value) !== undefined;
  if (!isList(container)) return noOverload;
  for (let i = 0; i < container.size; i++) if (equal(value, container.at(i))) return true;
  return false;
}

/** `size(value)`; for the standard library. */
export const size = (value: Value): bigint => BigInt(sizeOf(value));
