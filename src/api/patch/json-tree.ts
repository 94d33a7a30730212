// Small operations on plain JSON values that every kind of patch shares.

/** A JSON object as patches see it. */
export type Tree = Record<string, unknown>;

export const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Sets an own property, also where its name is __proto__. */
export function setKey(target: Tree, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

/** The own property, never an inherited one. */
export const getKey = (target: Tree, key: string): unknown => (Object.hasOwn(target, key) ? target[key] : undefined);

/** A deep copy. */
export function cloneTree<T>(value: T): T;
export function cloneTree(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => cloneTree(item));
  if (!isTree(value)) return value;
  const copy: Tree = {};
  for (const key of Object.keys(value)) setKey(copy, key, cloneTree(value[key]));
  return copy;
}

/** A deep copy but for the parts of `kept`, which it shares. */
export function cloneBut<T>(value: T, kept: ReadonlySet<unknown>): T;
export function cloneBut(value: unknown, kept: ReadonlySet<unknown>): unknown {
  if (!isTree(value)) return kept.has(value) ? value : cloneTree(value);
  if (kept.has(value)) return value;
  const copy: Tree = {};
  for (const key of Object.keys(value)) setKey(copy, key, cloneBut(value[key], kept));
  return copy;
}

/** Strict equality of JSON values; the order of keys does not count. */
export function sameTree(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!sameTree(a[i], b[i])) return false;
    return true;
  }
  if (!isTree(a) || !isTree(b)) return false;
  // Without lists of keys, for this is done to every part of every object that is written.
  for (const key in a) if (!Object.hasOwn(b, key) || !sameTree(a[key], b[key])) return false;
  for (const key in b) if (!Object.hasOwn(a, key)) return false;
  return true;
}

/** A value as Go's %v prints it: map[a:1 b:[x y]]. */
export function goValue(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`;
  if (!isTree(value)) return typeof value === 'string' ? value : JSON.stringify(value);
  const pairs = Object.keys(value)
    .sort()
    .map((key) => `${key}:${goValue(value[key])}`);
  return `map[${pairs.join(' ')}]`;
}

/** The name of the Go type that a decoded JSON value has. */
export function goTypeName(value: unknown): string {
  if (value === null || value === undefined) return '%!s(<nil>)';
  if (Array.isArray(value)) return '[]interface {}';
  if (isTree(value)) return 'map[string]interface {}';
  switch (typeof value) {
    case 'number':
      return Number.isInteger(value) ? 'int64' : 'float64';
    case 'boolean':
      return 'bool';
    default:
      return typeof value;
  }
}
