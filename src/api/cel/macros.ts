// What the macros of CEL stand for: all, exists, map, filter, has and the others. Follows cel-go parser/macro.go,
// ext/comprehensions.go, ext/lists.go and cel/library.go.

import { accumulator, type ConstNode, type Expr, type FoldNode, type Literal } from './ast.ts';

/** A macro whose arguments are not of its form. */
export class MacroProblem extends Error {
  readonly offset: number;

  constructor(at: Expr | undefined, message: string) {
    super(message);
    this.offset = at?.offset ?? 0;
  }
}

/** A call of a macro: its arguments, and where everything made from it is said to stand. */
interface Use {
  target: Expr;
  args: readonly Expr[];
  offset: number;
}

const constant = (value: Literal, offset: number): ConstNode => ({ kind: 'const', value, offset });
const ident = (name: string, offset: number): Expr => ({ kind: 'ident', name, offset });
const call = (name: string, args: readonly Expr[], offset: number, target?: Expr): Expr => ({
  kind: 'call',
  name,
  target,
  args,
  offset,
});
const list = (offset: number, ...values: Expr[]): Expr => ({
  kind: 'list',
  elements: values.map((value) => ({ value, isOptional: false })),
  offset,
});
const emptyMap = (offset: number): Expr => ({ kind: 'map', entries: [], offset });
const accu = (offset: number): Expr => ident(accumulator, offset);

function variable(arg: Expr | undefined, message: string): string {
  if (arg?.kind !== 'ident') throw new MacroProblem(arg, message);
  if (arg.name === accumulator || arg.name === '__result__')
    throw new MacroProblem(arg, 'iteration variable overwrites accumulator variable');
  return arg.name;
}

/** What every fold over one or two variables has. */
interface Body {
  init: Expr;
  condition?: Expr;
  step: Expr;
  result?: Expr;
}

function fold({ target, offset }: Use, vars: readonly [string, string?], body: Body): FoldNode {
  return {
    kind: 'fold',
    range: target,
    iterVar: vars[0],
    iterVar2: vars[1],
    accuVar: accumulator,
    condition: constant(true, offset),
    result: accu(offset),
    ...body,
    offset,
  };
}

const arg = ({ args }: Use, i: number): Expr => args[i] as Expr;
const simpleName = 'argument must be a simple name';
const one = (use: Use, message = simpleName): [string] => [variable(use.args[0], message)];

function two(use: Use): [string, string] {
  const [first, second] = use.args;
  for (const each of [first, second]) if (each?.kind !== 'ident') throw new MacroProblem(each, simpleName);
  if ((first as { name: string }).name === (second as { name: string }).name)
    throw new MacroProblem(second, `duplicate variable name: ${(first as { name: string }).name}`);
  return [variable(first, simpleName), variable(second, simpleName)];
}

type Expand = (use: Use) => Expr;

const bodies = {
  all: (use: Use, predicate: Expr): Body => ({
    init: constant(true, use.offset),
    condition: call('@not_strictly_false', [accu(use.offset)], use.offset),
    step: call('_&&_', [accu(use.offset), predicate], use.offset),
  }),
  exists: (use: Use, predicate: Expr): Body => ({
    init: constant(false, use.offset),
    condition: call('@not_strictly_false', [call('!_', [accu(use.offset)], use.offset)], use.offset),
    step: call('_||_', [accu(use.offset), predicate], use.offset),
  }),
  existsOne: ({ offset }: Use, predicate: Expr): Body => ({
    init: constant(0n, offset),
    step: call('_?_:_', [predicate, call('_+_', [accu(offset), constant(1n, offset)], offset), accu(offset)], offset),
    result: call('_==_', [accu(offset), constant(1n, offset)], offset),
  }),
  /** Gathers into `init` by `step`, where the filter (if any) holds. */
  gather: ({ offset }: Use, init: Expr, step: Expr, filter: Expr | undefined): Body => ({
    init,
    step: filter === undefined ? step : call('_?_:_', [filter, step, accu(offset)], offset),
  }),
};

const append = (offset: number, value: Expr): Expr => call('_+_', [accu(offset), list(offset, value)], offset);
const notIdent = 'argument is not an identifier';

function map(use: Use): Expr {
  const filter = use.args.length === 3 ? arg(use, 1) : undefined;
  const step = append(use.offset, arg(use, use.args.length - 1));
  return fold(use, one(use, notIdent), bodies.gather(use, list(use.offset), step, filter));
}

/** transformList, transformMap and transformMapEntry: with a filter between the variables and the transformation, or not. */
const transform =
  (init: (offset: number) => Expr, step: (use: Use, value: Expr, key: string) => Expr): Expand =>
  (use) => {
    const vars = two(use);
    const filter = use.args.length === 4 ? arg(use, 2) : undefined;
    const value = arg(use, use.args.length - 1);
    return fold(use, vars, bodies.gather(use, init(use.offset), step(use, value, vars[0]), filter));
  };
const insert = 'cel.@mapInsert';
const transformList = transform(list, ({ offset }, value) => append(offset, value));
const transformMap = transform(emptyMap, ({ offset }, value, key) =>
  call(insert, [accu(offset), ident(key, offset), value], offset),
);
const transformMapEntry = transform(emptyMap, ({ offset }, value) => call(insert, [accu(offset), value], offset));

/** A fold over nothing whose accumulator is the variable. */
function bind(name: string, value: Expr, body: Expr, offset: number): Expr {
  return {
    kind: 'fold',
    range: list(offset),
    iterVar: '#unused',
    iterVar2: undefined,
    accuVar: name,
    init: value,
    condition: constant(false, offset),
    step: ident(name, offset),
    result: body,
    offset,
  };
}

/** optMap and optFlatMap. */
const mapOptional =
  (name: string, wrap: (expr: Expr, offset: number) => Expr): Expand =>
  (use) => {
    const { target, offset } = use;
    const bound = variable(use.args[0], `${name}() variable name must be a simple identifier`);
    const mapped = bind(bound, call('value', [], offset, target), arg(use, 1), offset);
    return call(
      '_?_:_',
      [call('hasValue', [], offset, target), wrap(mapped, offset), call('optional.none', [], offset)],
      offset,
    );
  };

function has({ args: [tested], offset }: Use): Expr {
  if (tested?.kind !== 'select') throw new MacroProblem(tested, 'invalid argument to has() macro');
  return { ...tested, isTest: true, offset };
}

/** list.sortBy(x, key): sorts the list by the keys that are worked out for it. */
function sortBy(use: Use): Expr {
  const { target, offset } = use;
  if (target.kind !== 'select' && !['list', 'ident', 'call', 'fold'].includes(target.kind))
    throw new MacroProblem(
      target,
      'sortBy can only be applied to a list, identifier, comprehension, call or select expression',
    );
  const name = '@__sortBy_input__';
  const source: Use = { target: ident(name, offset), args: use.args, offset };
  return bind(name, target, call('@sortByAssociatedKeys', [map(source)], offset, ident(name, offset)), offset);
}

const existsOne: Expand = (use) => fold(use, one(use), bodies.existsOne(use, arg(use, 1)));
const existsOne2: Expand = (use) => fold(use, two(use), bodies.existsOne(use, arg(use, 2)));

/** By name and number of arguments; called on something. */
const memberMacros = new Map<string, Expand>([
  ['all/2', (use) => fold(use, one(use), bodies.all(use, arg(use, 1)))],
  ['all/3', (use) => fold(use, two(use), bodies.all(use, arg(use, 2)))],
  ['exists/2', (use) => fold(use, one(use), bodies.exists(use, arg(use, 1)))],
  ['exists/3', (use) => fold(use, two(use), bodies.exists(use, arg(use, 2)))],
  ['exists_one/2', existsOne],
  ['existsOne/2', existsOne],
  ['exists_one/3', existsOne2],
  ['existsOne/3', existsOne2],
  ['map/2', map],
  ['map/3', map],
  [
    'filter/2',
    (use) => {
      const vars = one(use, notIdent);
      return fold(use, vars, bodies.gather(use, list(use.offset), append(use.offset, arg(use, 0)), arg(use, 1)));
    },
  ],
  ['transformList/3', transformList],
  ['transformList/4', transformList],
  ['transformMap/3', transformMap],
  ['transformMap/4', transformMap],
  ['transformMapEntry/3', transformMapEntry],
  ['transformMapEntry/4', transformMapEntry],
  ['optMap/2', mapOptional('optMap', (expr, offset) => call('optional.of', [expr], offset))],
  ['optFlatMap/2', mapOptional('optFlatMap', (expr) => expr)],
  ['sortBy/2', sortBy],
]);

/** A macro that not every expression may use: what a call stands for, or undefined where it is another one. */
export type ExtraMacro = (
  name: string,
  target: Expr | undefined,
  args: readonly Expr[],
  offset: number,
) => Expr | undefined;

/** cel.bind(x, value, body): the body with x for the value. Follows cel-go ext/bindings.go. */
export const bindMacro: ExtraMacro = (name, target, args, offset) => {
  const [bound, value, body] = args;
  if (name !== 'bind' || target?.kind !== 'ident' || target.name !== 'cel') return undefined;
  if (value === undefined || body === undefined || args.length !== 3) return undefined;
  return bind(variable(bound, 'cel.bind() variable names must be simple identifiers'), value, body, offset);
};

/** What the call stands for, or undefined where it is no macro. Throws a MacroProblem. */
export function expandMacro(
  name: string,
  target: Expr | undefined,
  args: readonly Expr[],
  offset: number,
): Expr | undefined {
  if (target === undefined)
    return name === 'has' && args.length === 1 ? has({ target: args[0] as Expr, args, offset }) : undefined;
  return memberMacros.get(`${name}/${args.length}`)?.({ target, args, offset });
}
