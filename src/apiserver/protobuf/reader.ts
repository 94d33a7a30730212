// Walks over the fields of protobuf messages.

/** The bytes are no such message. */
export class ProtobufError extends Error {}

const cutOff = (): ProtobufError => new ProtobufError('unexpected EOF');
const negative = (): ProtobufError => new ProtobufError('proto: negative length found during unmarshaling');

/** A length is an int64 in Go. */
const maxLength = 2n ** 63n;

/** Walks over the fields of one message. */
export class Reader {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw cutOff();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new ProtobufError('proto: integer overflow');
  }

  tag(): { field: number; wire: number } {
    const tag = Number(this.varint());
    return { field: tag >>> 3, wire: tag & 7 };
  }

  chunk(): Buffer {
    const length = this.varint();
    if (length + BigInt(this.at) >= maxLength) throw negative();
    const from = this.at;
    this.#advance(Number(length));
    return this.bytes.subarray(from, this.at);
  }

  skip(wire: number): void {
    switch (wire) {
      case 0:
        this.varint();
        return;
      case 1:
        this.#advance(8);
        return;
      case 2:
        this.chunk();
        return;
      case 3:
        this.#skipGroup();
        return;
      case 4:
        throw new ProtobufError('proto: unexpected end of group');
      case 5:
        this.#advance(4);
        return;
      default:
        throw new ProtobufError(`proto: illegal wireType ${wire}`);
    }
  }

  #advance(bytes: number): void {
    if (this.at + bytes > this.bytes.length) throw cutOff();
    this.at += bytes;
  }

  /** Up to the end of the group that has begun, and of those in it. */
  #skipGroup(): void {
    for (let depth = 1; depth > 0; ) {
      const { wire } = this.tag();
      if (wire === 3) depth++;
      else if (wire === 4) depth--;
      else this.skip(wire);
    }
  }
}

/** The next field of a message of that type. Throws ProtobufError for what can be none. */
export function expectField(reader: Reader, type: string): { field: number; wire: number } {
  const { field, wire } = reader.tag();
  if (wire === 4) throw new ProtobufError(`proto: ${type}: wiretype end group for non-group`);
  if (field <= 0) throw new ProtobufError(`proto: ${type}: illegal tag ${field} (wire type ${wire})`);
  return { field, wire };
}
