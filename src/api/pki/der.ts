// Reads ASN.1 in DER, strictly: one element after another, each with its tag.

/** An element: its identifier byte, what it holds, and all its bytes. */
export interface DerElement {
  tag: number;
  content: Buffer;
  whole: Buffer;
}

export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Thrown where bytes are not what they should be. */
export class DerError extends Error {}

/** The content's length and where it begins; lengths are in their shortest form. */
function lengthOf(bytes: Buffer): { length: number; start: number } {
  const first = bytes[1];
  if (first === undefined) throw new DerError('truncated');
  if (first < 0x80) return { length: first, start: 2 };
  const count = first & 0x7f;
  if (count === 0 || count > 4 || bytes.length < 2 + count) throw new DerError('bad length');
  const length = bytes.readUIntBE(2, count);
  if (length < 0x80 || bytes[2] === 0) throw new DerError('length is not minimal');
  return { length, start: 2 + count };
}

/** Takes elements off the bytes in turn. Throws a DerError on what is no element. */
export class DerReader {
  #rest: Buffer;

  constructor(bytes: Buffer) {
    this.#rest = bytes;
  }

  get isEmpty(): boolean {
    return this.#rest.length === 0;
  }

  /** The identifier byte of the next element. */
  get nextTag(): number | undefined {
    return this.#rest[0];
  }

  /** The next element, which must have that tag. */
  take(tag: number): DerElement {
    const bytes = this.#rest;
    if (bytes[0] !== tag) throw new DerError(`expected tag ${tag}`);
    const { length, start } = lengthOf(bytes);
    const end = start + length;
    if (end > bytes.length) throw new DerError('truncated');
    this.#rest = bytes.subarray(end);
    return { tag, content: bytes.subarray(start, end), whole: bytes.subarray(0, end) };
  }

  /** The next element if it has that tag. */
  takeIf(tag: number): DerElement | undefined {
    return this.nextTag === tag ? this.take(tag) : undefined;
  }
}

/** The elements within one of that tag, which is all that the bytes hold. */
export function derContents(bytes: Buffer, tag: number): DerReader {
  const outer = new DerReader(bytes);
  const { content } = outer.take(tag);
  if (!outer.isEmpty) throw new DerError('trailing data');
  return new DerReader(content);
}

/** The bytes of a whole number: in the shortest form. */
export function derInteger({ content }: DerElement): Buffer {
  const [first, second] = content;
  if (first === undefined) throw new DerError('empty integer');
  const padded = second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
  if (padded) throw new DerError('integer is not minimal');
  return content;
}

/** True or false: no other byte stands for them. */
export function derBoolean({ content }: DerElement): boolean {
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw new DerError('bad boolean');
  return content[0] === 0xff;
}

/** An object identifier, as the hexadecimal text of its bytes. */
export function derObjectId({ content }: DerElement): string {
  const isWhole = content.length > 0 && (content.at(-1) ?? 0x80) < 0x80;
  // No number in it begins with a byte that adds nothing.
  const isShort = content.every((byte, i) => byte !== 0x80 || (i > 0 && (content[i - 1] ?? 0) >= 0x80));
  if (!isWhole || !isShort) throw new DerError('malformed object identifier');
  return content.toString('hex');
}

/** Checks bits: the first byte tells how many of the last one are unused, and those are 0. */
export function checkDerBits({ content }: DerElement): void {
  const [unused = 8] = content;
  const isEmpty = content.length === 1;
  const last = content.at(-1) ?? 0;
  if (unused > 7 || (isEmpty && unused > 0) || (!isEmpty && (last & ((1 << unused) - 1)) !== 0))
    throw new DerError('malformed bits');
}
