import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dictionary } from './embedded-dictionary.ts';
import { createCompress } from './lz4.ts';

const maxBytes = 70_000;
const compress = createCompress(dictionary, maxBytes);

/** Reads a value back as the format has it, and holds it to the rules that readers may rely on. */
function decompress(block: Buffer): Buffer {
  const size = block.readUInt32BE(0) & 0xffffff;
  const out = Buffer.concat([dictionary, Buffer.alloc(size)]);
  let to = dictionary.length;
  let at = 4;
  const length = (nibble: number): number => {
    let total = nibble;
    if (nibble === 15) for (let byte = 255; byte === 255; total += byte) byte = block[at++]!;
    return total;
  };
  for (;;) {
    const token = block[at++]!;
    const literals = length(token >> 4);
    to += block.copy(out, to, at, at + literals);
    at += literals;
    if (at === block.length) {
      expect(token & 15).toBe(0);
      expect(literals).toBeGreaterThanOrEqual(5);
      break;
    }
    expect(to).toBeLessThanOrEqual(out.length - 12);
    const offset = block.readUInt16LE(at);
    at += 2;
    const match = length(token & 15) + 4;
    expect(offset).toBeGreaterThan(0);
    expect(offset).toBeLessThanOrEqual(to);
    for (let i = 0; i < match; i++, to++) out[to] = out[to - offset]!;
  }
  expect(to).toBe(out.length);
  return out.subarray(dictionary.length);
}

const text = (value: string): Buffer => Buffer.from(value);

test.each<[string, Buffer, number]>([
  ['one byte again and again', Buffer.alloc(maxBytes, 'x'), 300],
  ['what the dictionary ends with, and goes on', Buffer.concat([dictionary.subarray(-40), Buffer.alloc(60, 'ab')]), 40],
  ['what the dictionary begins with', dictionary.subarray(0, 400), 30],
  ['the whole dictionary', dictionary, 60],
  [
    'what is repeated too far back',
    Buffer.concat([text('first of all'), Buffer.alloc(66_000, 'x'), text('first of all and more')]),
    350,
  ],
  [
    'objects that are alike',
    text(JSON.stringify(Array.from({ length: 300 }, (_, i) => ({ name: `item-${i}`, uid: i * 7919 })))),
    4500,
  ],
])('%s is compressed, and read back', (_, value, atMost) => {
  const compressed = compress(value)!;
  expect(compressed[0]).toBe(254);
  expect(Buffer.compare(decompress(compressed), value)).toBe(0);
  expect(compressed.length).toBeLessThanOrEqual(atMost);
});

test('what would not get smaller is left as it is', () => {
  for (const value of [
    Buffer.alloc(0),
    text('short'),
    Buffer.from(Array.from({ length: 256 }, (_, i) => (i * 167) & 255)),
  ])
    expect(compress(value)).toBeUndefined();
});

test('any value is read back, whatever was compressed before it', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(fc.nat(dictionary.length), fc.nat(600)).map(([from, length]) => dictionary.subarray(from, from + length)),
    fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.nat(900))
      .map(([unit, count]) => Buffer.alloc(count, Buffer.from(unit))),
    fc.constantFrom('"name":"', '{"kind":"Pod",', 'value number ').map(text),
  );
  const value = fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.concat(pieces));
  fc.assert(
    fc.property(value, (bytes) => {
      const compressed = compress(bytes);
      if (compressed === undefined) return;
      expect(compressed.length).toBeLessThan(bytes.length);
      expect(Buffer.compare(decompress(compressed), bytes)).toBe(0);
    }),
    { numRuns: 300 },
  );
});
