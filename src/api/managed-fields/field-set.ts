// Sets of field paths as managedFields carries them (FieldsV1), with the algebra that ownership and server-side apply need.
// Follows structured-merge-diff v6 fieldpath.
import { goQuote } from '../meta/go-format.ts';
import type { Json, JsonObject } from '../meta/types.ts';

/**
 * One place in a set: whether the field itself is in it, and what is in it below. Keys are path elements in FieldsV1's own writing:
 * f:<field>, k:<keys as JSON>, v:<value as JSON>, i:<index>. Never changed once built.
 */
export interface FieldSet {
  readonly member: boolean;
  readonly children: ReadonlyMap<string, FieldSet> | undefined;
}

export const emptySet: FieldSet = { member: false, children: undefined };
export const leafSet: FieldSet = { member: true, children: undefined };

const isEmptyNode = (set: FieldSet): boolean => !set.member && set.children === undefined;

/** True where no field is in the set. */
export const isEmptySet = isEmptyNode;

/** A set from its parts, which is the empty one where nothing is left. */
function made(member: boolean, children: Map<string, FieldSet> | undefined): FieldSet {
  const kept = children && children.size > 0 ? children : undefined;
  if (kept === undefined) return member ? leafSet : emptySet;
  return { member, children: kept };
}

/** Fields in either set. */
export function unionSets(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmptyNode(b)) return a;
  if (isEmptyNode(a)) return b;
  if (!a.children || !b.children) return made(a.member || b.member, new Map(a.children ?? b.children));
  const children = new Map(a.children);
  for (const [element, child] of b.children) {
    const own = children.get(element);
    children.set(element, own ? unionSets(own, child) : child);
  }
  return { member: a.member || b.member, children };
}

/** Fields in both sets. */
export function intersectSets(a: FieldSet, b: FieldSet): FieldSet {
  let children: Map<string, FieldSet> | undefined;
  for (const [element, child] of a.children ?? []) {
    const other = b.children?.get(element);
    const common = other ? intersectSets(child, other) : emptySet;
    if (!isEmptyNode(common)) (children ??= new Map()).set(element, common);
  }
  return made(a.member && b.member, children);
}

/** True where all fields of `b` are in `a`. */
export function includesSet(a: FieldSet, b: FieldSet): boolean {
  if (b.member && !a.member) return false;
  for (const [element, child] of b.children ?? []) {
    const own = a.children?.get(element);
    if (own === undefined || !includesSet(own, child)) return false;
  }
  return true;
}

/** Fields in `a` and not in `b`, one by one: a field stays though `b` has its parent. */
export function subtractSets(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptyNode(b) || isEmptyNode(a)) return a;
  const member = a.member && !b.member;
  if (!a.children || !b.children) return member === a.member ? a : made(member, new Map(a.children));
  const children = new Map<string, FieldSet>();
  let changed = member !== a.member;
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    const rest = other ? subtractSets(child, other) : child;
    if (rest !== child) changed = true;
    if (!isEmptyNode(rest)) children.set(element, rest);
  }
  return changed ? made(member, children) : a;
}

/** Fields in `a` that neither are in `b` nor lie below a field of `b`. */
export function subtractTrees(a: FieldSet, b: FieldSet): FieldSet {
  if (!a.children || !b.children) return a;
  const children = new Map<string, FieldSet>();
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    if (other?.member) continue;
    const rest = other ? subtractTrees(child, other) : child;
    if (!isEmptyNode(rest)) children.set(element, rest);
  }
  return made(a.member, children);
}

/** Below a set that restricts: any path element. */
export const anyElement = '*';

/** Fields in `a` that are in `b`, lie below a field of `b`, or above one. */
export function restrictToTrees(a: FieldSet, b: FieldSet): FieldSet {
  if (b.member) return a;
  const children = new Map<string, FieldSet>();
  for (const [element, child] of a.children ?? []) {
    const other = b.children?.get(element) ?? b.children?.get(anyElement);
    const kept = other ? restrictToTrees(child, other) : emptySet;
    if (!isEmptyNode(kept)) children.set(element, kept);
  }
  return made(a.member, children);
}

/** The set of these paths, each a list of path elements. */
export function setOfPaths(paths: readonly (readonly string[])[]): FieldSet {
  let set = emptySet;
  for (const path of paths) {
    const single = path.reduceRight<FieldSet>(
      (below, element) => ({ member: false, children: new Map([[element, below]]) }),
      leafSet,
    );
    set = unionSets(set, single);
  }
  return set;
}

/** True where both hold the same fields. */
export function sameSets(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  if (a.member !== b.member || (a.children?.size ?? 0) !== (b.children?.size ?? 0)) return false;
  for (const [element, child] of a.children ?? []) {
    const other = b.children?.get(element);
    if (!other || !sameSets(child, other)) return false;
  }
  return true;
}

/** A path element as messages print it: .name, [name="x"], [="x"], [0]. */
export function elementText(element: string): string {
  const rest = element.slice(2);
  switch (element.slice(0, 2)) {
    case 'k:':
      return `[${parseKey(element)
        .map(([name, value]) => `${name}=${valueText(value)}`)
        .join(',')}]`;
    case 'v:':
      return `[=${valueText(JSON.parse(rest))}]`;
    case 'i:':
      return `[${rest}]`;
    default:
      return `.${rest}`;
  }
}

const valueText = (value: unknown): string => (typeof value === 'string' ? goQuote(value) : JSON.stringify(value));

/** The paths of a set as messages print them, in canonical order: the fields of a place before what lies below them. */
export function pathTexts(set: FieldSet, above = ''): string[] {
  const elements = sortedElements((set.children ?? new Map<string, FieldSet>()).keys());
  const place = (element: string): FieldSet => set.children?.get(element) ?? emptySet;
  return [
    ...elements.filter((element) => place(element).member).map((element) => above + elementText(element)),
    ...elements.flatMap((element) => pathTexts(place(element), above + elementText(element))),
  ];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The most common keys, which need no parsing: {"name":"x"}. */
const singleKey = /^k:\{"(\w+)":"([^"\\]*)"\}$/;

/** Clients may write their own sets: what could not be put in order later is refused here. */
function checkElement(element: string): void {
  if (element.startsWith('f:')) return;
  switch (element.slice(0, 2)) {
    case 'k:':
      if (!singleKey.test(element) && !isObject(JSON.parse(element.slice(2)))) break;
      return;
    case 'v:':
      JSON.parse(element.slice(2));
      return;
    case 'i:':
      if (/^i:-?\d+$/.test(element)) return;
  }
  throw new Error(`unknown path element ${element}`);
}

function parseNode(value: unknown, depth: number): FieldSet {
  if (!isObject(value) || depth > 200) throw new Error('a field set must be an object');
  let member = false;
  let children: Map<string, FieldSet> | undefined;
  let any = false;
  for (const element of Object.keys(value)) {
    any = true;
    if (element === '.') {
      member = true;
      continue;
    }
    checkElement(element);
    (children ??= new Map()).set(element, parseNode(value[element], depth + 1));
  }
  return made(member || !any, children);
}

/** Reads FieldsV1. Throws where it is none. */
export function parseFieldsV1(fields: unknown): FieldSet {
  const set = parseNode(fields, 0);
  // No one owns the whole object: an empty text is the empty set.
  return set.member ? made(false, new Map(set.children)) : set;
}

/** Values of keys and sets: numbers before text, each in its own order; no others occur. */
function compareValues(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : typeof b === 'number' ? 1 : 0;
  const [left, right] = [String(a), String(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

type Key = readonly (readonly [string, unknown])[];

function parseKey(element: string): Key {
  const single = singleKey.exec(element);
  return single ? [[single[1] ?? '', single[2]]] : Object.entries(JSON.parse(element.slice(2)) as JsonObject);
}

function compareKeys(left: Key, right: Key): number {
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [leftName, leftValue] = left[i] ?? ['', null];
    const [rightName, rightValue] = right[i] ?? ['', null];
    if (leftName !== rightName) return leftName < rightName ? -1 : 1;
    const order = compareValues(leftValue, rightValue);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** By UTF-16 code units. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Sorts the list in place; most are in order already. */
export function inOrder<T>(list: T[], compare: (a: T, b: T) => number): T[] {
  for (let i = 1; i < list.length; i++) if (compare(list[i - 1] as T, list[i] as T) > 0) return list.sort(compare);
  return list;
}

/** Path elements in order: fields by name, then keys, values and indexes. */
export function sortedElements(elements: Iterable<string>): string[] {
  const all = [...elements];
  return all.every((element) => element.startsWith('f')) ? inOrder(all, byText) : sortedByKind(all);
}

function sortedByKind(elements: readonly string[]): string[] {
  const fields: string[] = [];
  const keys: { element: string; key: Key }[] = [];
  const values: { element: string; value: unknown }[] = [];
  for (const element of elements) {
    const kind = element.charAt(0);
    if (kind === 'f') fields.push(element);
    else if (kind === 'k') keys.push({ element, key: parseKey(element) });
    else values.push({ element, value: JSON.parse(element.slice(2)) });
  }
  inOrder(fields, byText);
  inOrder(keys, (a, b) => compareKeys(a.key, b.key));
  inOrder(
    values,
    (a, b) =>
      compareValues(a.element.charAt(0) === 'v' ? 0 : 1, b.element.charAt(0) === 'v' ? 0 : 1) ||
      compareValues(a.value, b.value),
  );
  return [...fields, ...keys.map((k) => k.element), ...values.map((v) => v.element)];
}

/** A field with nothing below it, as FieldsV1 writes it. */
export const emptyFields: { [key: string]: Json } = Object.freeze({});

function formatNode(set: FieldSet, includeSelf: boolean): JsonObject {
  if (set.children === undefined) return emptyFields;
  const out: JsonObject = {};
  if (includeSelf && set.member) out['.'] = emptyFields;
  for (const element of sortedElements(set.children.keys())) {
    const child = set.children.get(element);
    out[element] = child?.children === undefined ? emptyFields : formatNode(child, true);
  }
  return out;
}

/** Writes FieldsV1, in canonical order. The empty objects in it are shared, and frozen. */
export const formatFieldsV1 = (set: FieldSet): JsonObject => formatNode(set, false);
