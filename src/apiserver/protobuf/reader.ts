// Walks over the fields of protobuf messages.

/** The bytes are no such message. */
export class ProtobufError extends Error {}

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
      if (byte === undefined) throw new ProtobufError('unexpected EOF');
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
    const length = Number(this.varint());
    const end = this.at + length;
    if (!Number.isSafeInteger(length) || end > this.bytes.length) throw new ProtobufError('unexpected EOF');
    const part = this.bytes.subarray(this.at, end);
    this.at = end;
    return part;
  }

  skip(wire: number): void {
    switch (wire) {
      case 0:
        this.varint();
        return;
      case 1:
        this.at += 8;
        return;
      case 2:
        this.chunk();
        return;
      case 5:
        this.at += 4;
        return;
      default:
        throw new ProtobufError(`proto: illegal wireType ${wire}`);
    }
  }
}
