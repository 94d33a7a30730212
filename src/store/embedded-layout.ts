// How the embedded store lays out keys and values on disk.

import type { KeyValue, StoreEvent, ValueHead } from './store.ts';
import type { Change } from './tables.ts';

/** The version of this layout; a store with a later one is refused. Up to layout 1 no value was compressed, and those of then stay as they are. */
export const layoutVersion = 2;

/** Entries from this many bytes on are compressed; smaller ones are not worth the work. */
export const compressedFrom = 1000;

/** Up to this many bytes they are so at once, in some 50 us at most; lmdb compresses larger ones, each on a thread of node's pool. */
export const compressedHereTo = 64 << 10;

const revisionBytes = 8;

export function encodeKey(key: string): Buffer {
  return Buffer.from(key);
}

/** The first bytes after all keys with the prefix; undefined when there is no end. UTF-8 has no byte 0xff. */
export function prefixEnd(prefix: string): Buffer | undefined {
  const end = Buffer.from(prefix);
  const last = end.length - 1;
  const byte = end[last];
  if (byte === undefined) return undefined;
  end[last] = byte + 1;
  return end;
}

/** A revision or lease so that bytes sort as numbers. */
export function encodeNumber(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(revisionBytes);
  writeNumber(bytes, value, 0);
  return bytes;
}

export function decodeNumber(bytes: Buffer, offset = 0): number {
  return bytes.readUInt32BE(offset) * 2 ** 32 + bytes.readUInt32BE(offset + 4);
}

function writeNumber(bytes: Buffer, value: number, offset: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), offset);
  bytes.writeUInt32BE(value >>> 0, offset + 4);
}

// Revision (8), create revision, version and lease (doubles). Of stores written by earlier versions it is the revision alone, and they read no more than that.
const headBytes = 32;

/** What stands beside a key: where its value is, and what must be known of that to replace it. */
export function encodeHead({ modRevision, createRevision, version, lease }: ValueHead): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes);
  writeNumber(bytes, modRevision, 0);
  bytes.writeDoubleLE(createRevision, 8);
  bytes.writeDoubleLE(version, 16);
  bytes.writeDoubleLE(lease, 24);
  return bytes;
}

/** Undefined where an earlier version wrote it: the log has the rest. */
export function decodeHead(bytes: Buffer): ValueHead | undefined {
  if (bytes.length < headBytes) return undefined;
  return {
    modRevision: decodeNumber(bytes),
    createRevision: bytes.readDoubleLE(8),
    version: bytes.readDoubleLE(16),
    lease: bytes.readDoubleLE(24),
  };
}

/** What the log holds per revision: the change with the value it made. */
export interface LogEntry extends Change {
  /** Absent for a delete. */
  value: KeyValue | undefined;
}

// Type (1 byte; never 250 or above, by which lmdb knows what is compressed), previous revision (8), create revision, version and lease (doubles, exact up to 2^53), length of the key (2), key, value.
const keyAt = 35;

/** The length of the change's entry in the log. */
export function logEntryBytes({ key, current }: StoreEvent): number {
  return keyAt + Buffer.byteLength(key) + (current?.value.length ?? 0);
}

/** The entry, at the start of `target` where one is given. */
export function encodeLogEntry(event: StoreEvent, target?: Buffer): Buffer {
  const size = logEntryBytes(event);
  const bytes = target?.subarray(0, size) ?? Buffer.allocUnsafe(size);
  const { current } = event;
  const keyBytes = size - keyAt - (current?.value.length ?? 0);
  bytes[0] = event.type === 'put' ? 1 : 2;
  writeNumber(bytes, event.previous?.modRevision ?? 0, 1);
  bytes.writeDoubleLE(current?.createRevision ?? 0, 9);
  bytes.writeDoubleLE(current?.version ?? 0, 17);
  bytes.writeDoubleLE(current?.lease ?? 0, 25);
  bytes.writeUInt16LE(keyBytes, 33);
  bytes.write(event.key, keyAt);
  if (current !== undefined) bytes.set(current.value, keyAt + keyBytes);
  return bytes;
}

/** Keeps the bytes: they must be the caller's own. */
export function decodeLogEntry(revision: number, bytes: Buffer): LogEntry {
  const valueAt = keyAt + bytes.readUInt16LE(33);
  const key = bytes.toString('utf8', keyAt, valueAt);
  const previousRevision = decodeNumber(bytes, 1);
  if (bytes[0] !== 1) return { revision, type: 'delete', key, previousRevision, value: undefined };
  const value: KeyValue = {
    key,
    value: bytes.subarray(valueAt),
    createRevision: bytes.readDoubleLE(9),
    modRevision: revision,
    version: bytes.readDoubleLE(17),
    lease: bytes.readDoubleLE(25),
  };
  return { revision, type: 'put', key, previousRevision, value };
}

/** Key, NUL, revision: sorts by key, since keys hold no NUL, then by revision. */
export function encodeVersionKey(key: string, revision: number): Buffer {
  const length = Buffer.byteLength(key);
  const bytes = Buffer.allocUnsafe(length + 1 + revisionBytes);
  bytes.write(key, 0);
  bytes[length] = 0;
  writeNumber(bytes, revision, length + 1);
  return bytes;
}

export function keyOfVersionKey(bytes: Buffer): string {
  return bytes.toString('utf8', 0, bytes.length - 1 - revisionBytes);
}

export function revisionOfVersionKey(bytes: Buffer): number {
  return decodeNumber(bytes, bytes.length - revisionBytes);
}

/** Where versions of keys from `start` on begin; a start that ends in NUL is the place right after a key. */
export function versionStart(start: string): Buffer {
  return start.endsWith('\0') ? Buffer.from(`${start.slice(0, -1)}\u0001`) : Buffer.from(start);
}

export function encodeLeaseKey(lease: number, key: string): Buffer {
  return Buffer.concat([encodeNumber(lease), Buffer.from(key)]);
}

export function keyOfLeaseKey(bytes: Buffer): string {
  return bytes.toString('utf8', revisionBytes);
}
