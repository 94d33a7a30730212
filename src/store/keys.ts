// The rules and the order of keys: compared as UTF-8 bytes, not as JavaScript compares strings.

/** Bytes; backends may not take longer keys (LMDB's limit is just under 2,000). */
export const maxKeyBytes = 1024;

/** Throws a RangeError when no backend could hold the key: empty, too long, not well-formed, or with a NUL (the separator on disk). */
export function checkKey(key: string): void {
  if (key.length === 0) throw new RangeError('key is not provided');
  if (key.length > maxKeyBytes / 3 && Buffer.byteLength(key) > maxKeyBytes)
    throw new RangeError(`key of ${Buffer.byteLength(key)} bytes is larger than the limit of ${maxKeyBytes} bytes`);
  if (key.includes('\0') || !key.isWellFormed()) throw new RangeError(`key ${JSON.stringify(key)} is not valid`);
}

/** Orders by UTF-8 bytes. It differs from `<` where a surrogate pair meets U+E000 to U+FFFF, since pairs encode to more. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    if (x >= 0xd800 && y >= 0xd800) return rank(x) - rank(y);
    return x - y;
  }
  return a.length - b.length;
}

/** Moves surrogates above the rest of the basic plane, for units from U+D800 on. */
function rank(unit: number): number {
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** The smallest string after the key: where a range goes on. */
export function successor(key: string): string {
  return `${key}\0`;
}
