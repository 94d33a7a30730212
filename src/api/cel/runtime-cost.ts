// What a call costs when it is made, so that an expression can be stopped before it takes long.
// Follows cel-go interpreter/runtimecost.go and ext/{lists,sets}.go, and apiserver pkg/cel/library/cost.go of v1.36.

import { isList, isMap, sizeOf, type Value } from './values.ts';

export const stringFactor = 0.1;
export const regexFactor = 0.25;
export const createList = 10;
export const createMap = 30;
export const createStruct = 40;
export const authorizationCheck = 350_000;

/** Thrown where an expression has cost more than it may. */
export class CostExceeded extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}

const scan = (value: Value, factor = stringFactor): number => Math.ceil(sizeOf(value) * factor);

/** The cost of walking through a value. */
function traversal(value: Value): number {
  if (typeof value === 'string') return Math.floor(Buffer.byteLength(value) * stringFactor);
  if (value instanceof Uint8Array) return Math.floor(value.length * stringFactor);
  if (isList(value)) {
    let cost = 0;
    for (let i = 0; i < value.size; i++) cost += traversal(value.at(i));
    return cost;
  }
  if (isMap(value)) {
    let cost = 0;
    for (const key of value.keys()) cost += traversal(key) + traversal(value.get(key) ?? null);
    return cost;
  }
  return 1;
}

type Cost = (args: readonly Value[]) => number;

const first: Cost = ([a = null]) => scan(a);
const second: Cost = ([, b = null]) => scan(b);
const twice: Cost = ([a = null]) => scan(a, 2 * stringFactor);
const smaller: Cost = ([a = null, b = null]) => Math.ceil(Math.min(sizeOf(a), sizeOf(b)) * stringFactor);
const both: Cost = ([a = null, b = null]) => Math.ceil((sizeOf(a) + sizeOf(b)) * stringFactor);
const regex: Cost = ([text = null, pattern = null]) =>
  Math.ceil((1 + sizeOf(text)) * stringFactor) * scan(pattern, regexFactor);
const walk: Cost = ([a = null]) => traversal(a);
const product =
  (factor: number): Cost =>
  ([a = null, b = null]) =>
    1 + sizeOf(a) * sizeOf(b) * factor;
const contained: Cost = ([cidr = null, other = null]) =>
  Math.ceil(2 * sizeOf(cidr) * stringFactor) + (typeof other === 'string' ? scan(other) : 0);
/** What a list of that many elements costs to be made and filled. */
const made = (size: number): number => size + createList + 1;

/** Every element is compared with every other. */
function compared(list: Value): number {
  const head = isList(list) && list.size > 0 ? list.at(0) : null;
  const isLong = typeof head === 'string' || head instanceof Uint8Array;
  return made(Math.floor(sizeOf(list) ** 2 * (isLong ? 2 + stringFactor : 2)));
}

/** Costs by the function's name, known before it is called. */
const byName: ReadonlyMap<string, Cost> = new Map<string, Cost>([
  ['check', () => authorizationCheck],
  ...['isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf'].map((name) => [name, walk] as const),
  ...['url', 'lowerAscii', 'upperAscii', 'substring', 'trim'].map((name) => [name, first] as const),
  ...['replace', 'split'].map((name) => [name, twice] as const),
  ...['find', 'findAll', 'matches'].map((name) => [name, regex] as const),
  ...['cidr', 'isIP', 'isCIDR', 'quantity', 'isQuantity'].map((name) => [name, first] as const),
  ...['format', 'strings.quote'].map((name) => [name, first] as const),
  ...['startsWith', 'endsWith'].map((name) => [name, second] as const),
  ['ip', ([a = null]) => (typeof a === 'string' ? scan(a) : 1)],
  ['ip.isCanonical', twice],
  ['containsIP', contained],
  ['containsCIDR', (args) => contained(args) + scan(args[0] ?? null) + 1],
  ['contains', ([a = null, b = null]) => scan(a) * scan(b)],
  ['sets.contains', product(1)],
  ['sets.intersects', product(1)],
  ['sets.equivalent', product(2)],
  ['slice', ([, start = 0n, end = 0n]) => made(Math.max(0, Number(end) - Number(start)))],
  ['lists.range', ([n = 0n]) => made(Math.max(0, Number(n)))],
  ['reverse', ([a = null]) => made(sizeOf(a))],
  ['flatten', ([a = null, depth = 1n]) => made(sizeOf(a) * Math.max(0, Number(depth)))],
  ['distinct', ([a = null]) => compared(a)],
  ['sort', ([a = null]) => compared(a)],
  ['@sortByAssociatedKeys', ([, keys = null]) => compared(keys)],
  // What a validator of strings looks at.
  ['validate', ([, text = null]) => scan(text)],
]);

/** Costs that go by the form of the function. */
function byForm(id: string): Cost | undefined {
  if (id === 'equals' || id === 'not_equals' || /^(?:less|greater)(?:_equals)?_(?:string|bytes)$/.test(id))
    return smaller;
  if (id === 'add_string' || id === 'add_bytes') return both;
  if (id === 'in_list') return ([, list = null]) => sizeOf(list);
  return id === 'string_to_bytes' || id === 'bytes_to_string' ? first : undefined;
}

const one: Cost = () => 1;

/** The cost of a call, by the function's name and its form; of `join`, by its result, see joinCost. */
export const callCost = (name: string, id: string): Cost => byName.get(name) ?? byForm(id) ?? one;

/** `join` costs what it makes. */
export const joinCost = (result: Value): number => scan(result, 2 * stringFactor);
