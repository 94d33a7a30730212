// Writes protobuf from the end to the start, so that the length of a message is known when it is due.

/** Room to begin with; a bigger object makes more. */
const startBytes = 64 * 1024;

/** Wire types. */
const varintType = 0;
const fixed64Type = 1;
const lengthType = 2;

/** One at a time: what is written last comes first. */
export class BackwardWriter {
  #buffer = Buffer.allocUnsafeSlow(startBytes);
  #at = startBytes;

  /** Bytes written so far: a mark to give to close(). */
  get length(): number {
    return this.#buffer.length - this.#at;
  }

  /** A copy of what was written; the writer is empty after it. */
  take(): Buffer {
    const bytes = Buffer.allocUnsafe(this.length);
    this.#buffer.copy(bytes, 0, this.#at);
    this.#at = this.#buffer.length;
    return bytes;
  }

  /** Forgets what was written. */
  reset(): void {
    this.#at = this.#buffer.length;
  }

  #need(bytes: number): void {
    if (this.#at >= bytes) return;
    const used = this.length;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, this.#buffer.length + bytes));
    this.#buffer.copy(grown, grown.length - used, this.#at);
    this.#at = grown.length - used;
    this.#buffer = grown;
  }

  #varint(value: number): void {
    this.#need(10);
    if (value < 128) {
      this.#buffer[--this.#at] = value;
      return;
    }
    let size = 0;
    for (let left = value; left > 0; left = Math.floor(left / 128)) size++;
    this.#at -= size;
    let left = value;
    for (let i = 0; i < size; i++) {
      this.#buffer[this.#at + i] = (left % 128) | (i < size - 1 ? 128 : 0);
      left = Math.floor(left / 128);
    }
  }

  /** A negative number takes ten bytes, as two's complement of 64 bits. */
  #negative(value: number): void {
    this.#need(10);
    let left = BigInt.asUintN(64, BigInt(value));
    this.#at -= 10;
    for (let i = 0; i < 10; i++) {
      this.#buffer[this.#at + i] = Number(left & 127n) | (i < 9 ? 128 : 0);
      left >>= 7n;
    }
  }

  #tag(field: number, wire: number): void {
    this.#varint(field * 8 + wire);
  }

  /** An integer field. */
  integer(field: number, value: number): void {
    if (value < 0) this.#negative(value);
    else this.#varint(value);
    this.#tag(field, varintType);
  }

  double(field: number, value: number): void {
    this.#need(8);
    this.#at -= 8;
    this.#buffer.writeDoubleLE(value, this.#at);
    this.#tag(field, fixed64Type);
  }

  /** A string field, in UTF-8. */
  text(field: number, value: string): void {
    const size = Buffer.byteLength(value);
    this.#need(size);
    this.#at -= size;
    this.#buffer.write(value, this.#at, size);
    this.#varint(size);
    this.#tag(field, lengthType);
  }

  bytes(field: number, value: Uint8Array): void {
    this.#need(value.length);
    this.#at -= value.length;
    this.#buffer.set(value, this.#at);
    this.#varint(value.length);
    this.#tag(field, lengthType);
  }

  /** The head of a field of `size` bytes, which follow elsewhere. */
  open(field: number, size: number): void {
    this.#varint(size);
    this.#tag(field, lengthType);
  }

  /** Makes what was written since `mark` (a former `length`) the message in that field. */
  close(field: number, mark: number): void {
    this.open(field, this.length - mark);
  }

  /** Bytes with no field of their own. */
  raw(value: Uint8Array): void {
    this.#need(value.length);
    this.#at -= value.length;
    this.#buffer.set(value, this.#at);
  }
}
