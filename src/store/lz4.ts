// Compresses short values as LZ4 blocks that build on a dictionary, in the form that lmdb reads.

/** Log2 of the entries of the table of places: 16 KiB, which stays in the processor's cache. */
const tableBits = 12;
/** The format's own limits: how far back a match may be, how short, and how much of the end must be literals. */
const farthest = 65_535;
const shortest = 4;
const literalEnd = 5;
const noMatchBefore = 12;
/** Bytes without a match after which the search begins to take longer steps. */
const patience = 64;
/** What lmdb begins a compressed value with, before its length in 3 bytes. */
const marker = 254;
const headerBytes = 4;

/** Gives the value as a compressed one of lmdb, in memory of its own; undefined where that would not be smaller. */
export type Compress = (value: Uint8Array) => Buffer | undefined;

/**
 * Makes a function that compresses values of at most `maxBytes` with that dictionary, which must be shorter than 64 KiB. It takes a microsecond
 * for each KB or so of JSON: less than to hand the value to another thread. The format is that of lz4's lz4_Block_format.md.
 */
export function createCompress(dictionary: Uint8Array, maxBytes: number): Compress {
  const start = dictionary.length;
  // The value goes behind the dictionary, so that matches are found in both alike.
  const window = Buffer.alloc(start + maxBytes);
  window.set(dictionary);
  const words = new DataView(window.buffer, window.byteOffset, window.length);
  const places = new Int32Array(1 << tableBits);
  const places0 = placesOf(words, start);
  // As much as a value can grow, and the header.
  const target = Buffer.alloc(headerBytes + maxBytes + Math.ceil(maxBytes / 255) + 16);

  return (value) => {
    const end = start + value.length;
    window.set(value, start);
    places.set(places0);
    let to = headerBytes;
    let literalsFrom = start;
    for (let at = start; at <= end - noMatchBefore; ) {
      const word = words.getUint32(at, true);
      const slot = slotOf(word);
      const found = places[slot] ?? 0;
      places[slot] = at;
      if (at - found > farthest || words.getUint32(found, true) !== word) {
        at += 1 + Math.floor((at - literalsFrom) / patience);
        continue;
      }
      const length = matchLength(window, words, found, at, end - literalEnd);
      to = writeSequence(target, to, window, literalsFrom, at, at - found, length);
      at += length;
      literalsFrom = at;
      places[slotOf(words.getUint32(at - 2, true))] = at - 2;
    }
    to = writeSequence(target, to, window, literalsFrom, end, 0, 0);
    if (to >= value.length) return undefined;
    target.writeUInt32BE(value.length, 0);
    target[0] = marker;
    return Buffer.from(target.subarray(0, to));
  };
}

/** The place in the table for what begins with these four bytes: Knuth's multiplicative hash. */
function slotOf(word: number): number {
  return Math.imul(word, 2_654_435_761) >>> (32 - tableBits);
}

/** Where in the first `size` bytes what hashes to each slot was last seen; too far away where nowhere. */
function placesOf(words: DataView, size: number): Int32Array {
  const places = new Int32Array(1 << tableBits).fill(-farthest - 1);
  for (let at = 0; at + shortest <= size; at++) places[slotOf(words.getUint32(at, true))] = at;
  return places;
}

/** How many bytes from `at` on, up to `end`, are those from `found` on; the first four are known to be. */
function matchLength(window: Buffer, words: DataView, found: number, at: number, end: number): number {
  let length = shortest;
  while (at + length + 4 <= end && words.getUint32(found + length, true) === words.getUint32(at + length, true))
    length += 4;
  while (at + length < end && window[found + length] === window[at + length]) length++;
  return length;
}

/** Writes the literals and the match after them, of which the last sequence has none; gives the place behind them. */
function writeSequence(
  target: Buffer,
  at: number,
  window: Buffer,
  from: number,
  end: number,
  offset: number,
  match: number,
): number {
  const literals = end - from;
  const more = match === 0 ? 0 : match - shortest;
  target[at] = (Math.min(literals, 15) << 4) | Math.min(more, 15);
  let to = writeLength(target, at + 1, literals);
  // Few bytes are copied faster one by one.
  if (literals > 24) window.copy(target, to, from, end);
  else for (let i = 0; i < literals; i++) target[to + i] = window[from + i] ?? 0;
  to += literals;
  if (match === 0) return to;
  target[to] = offset & 0xff;
  target[to + 1] = offset >> 8;
  return writeLength(target, to + 2, more);
}

/** What of a length is beyond the 15 that its four bits can tell. */
function writeLength(target: Buffer, at: number, length: number): number {
  if (length < 15) return at;
  let to = at;
  let left = length - 15;
  for (; left >= 255; left -= 255) target[to++] = 255;
  target[to++] = left;
  return to;
}
