// How the embedded store lays out keys and values on disk.

import type { KeyValue } from './store.ts';
import type { Change, Superseded } from './tables.ts';

/** The version of this layout; a store with a later one is refused. */
export const layoutVersion = 1;

// createRevision, modRevision, version, lease and endRevision as doubles, which are exact up to 2^53.
const headerBytes = 40;
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

/** `endRevision` is 0 for a current value. */
export function encodeValue(value: KeyValue, endRevision: number): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + value.value.length);
  bytes.writeDoubleLE(value.createRevision, 0);
  bytes.writeDoubleLE(value.modRevision, 8);
  bytes.writeDoubleLE(value.version, 16);
  bytes.writeDoubleLE(value.lease, 24);
  bytes.writeDoubleLE(endRevision, 32);
  bytes.set(value.value, headerBytes);
  return bytes;
}

/** Keeps the bytes: they must be the caller's own. */
export function decodeValue(key: string, bytes: Buffer): KeyValue {
  return {
    key,
    value: bytes.subarray(headerBytes),
    createRevision: bytes.readDoubleLE(0),
    modRevision: bytes.readDoubleLE(8),
    version: bytes.readDoubleLE(16),
    lease: bytes.readDoubleLE(24),
  };
}

export function decodeSuperseded(key: string, bytes: Buffer): Superseded {
  return { ...decodeValue(key, bytes), endRevision: bytes.readDoubleLE(32) };
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

export function encodeChange(change: Omit<Change, 'revision'>): Buffer {
  const bytes = Buffer.allocUnsafe(1 + revisionBytes + Buffer.byteLength(change.key));
  bytes[0] = change.type === 'put' ? 1 : 2;
  writeNumber(bytes, change.previousRevision, 1);
  bytes.write(change.key, 1 + revisionBytes);
  return bytes;
}

export function decodeChange(revision: number, bytes: Buffer): Change {
  return {
    revision,
    type: bytes[0] === 1 ? 'put' : 'delete',
    previousRevision: decodeNumber(bytes, 1),
    key: bytes.toString('utf8', 1 + revisionBytes),
  };
}
