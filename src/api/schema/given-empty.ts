// Remembers which lists and maps a client sent empty. Objects do not hold those that Go's encoder leaves out, but in Go an empty one is
// another value than none until it is stored: messages show it, and who sent it owns it.

const given = new WeakMap<object, Map<string, unknown>>();

/** Notes that `struct` came with an empty list or map in that field. */
export function noteEmpty(struct: object, field: string, value: unknown): void {
  const fields = given.get(struct);
  if (fields === undefined) given.set(struct, new Map([[field, value]]));
  else fields.set(field, value);
}

/** Whether a client sent an empty list or map in that field. */
export const wasGivenEmpty = (struct: object, field: string): boolean => given.get(struct)?.has(field) === true;

/** The field as Go has it: its value, else the empty list or map that was sent, else null. */
export function asGiven<T extends object, K extends keyof T & string>(struct: T, field: K): NonNullable<T[K]> | null {
  const value = struct[field] ?? (given.get(struct)?.get(field) as T[K]);
  return value ?? null;
}

/** A deep copy of JSON that remembers the same. */
export function cloneAsGiven<T>(value: T): T;
export function cloneAsGiven(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => cloneAsGiven(item));
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cloneAsGiven<unknown>(item)]));
  const fields = given.get(value);
  if (fields !== undefined) given.set(copy, new Map(fields));
  return copy;
}
