// Reads objects that clients send as protobuf, into the JSON that they stand for, by the schema and a table of field numbers.
// Follows apimachinery pkg/runtime/serializer/protobuf of v1.36 (the k8s\0 envelope) and the generated.proto files of the API.

import type { FieldSchema, Schema } from '../../api/schema/schema.ts';
import numbers from './field-numbers.json' with { type: 'json' };

/** Field numbers by definition; a name after @ is a message whose fields are the outer type's own in JSON. */
const table: Readonly<Record<string, Readonly<Record<string, number>>>> = numbers;

/** The bytes are no such message. */
export class ProtobufError extends Error {}

type Fields = Record<string, unknown>;

interface FieldReader {
  name: string;
  schema: FieldSchema | undefined;
  /** For an inlined message. */
  inline: Map<number, FieldReader> | undefined;
}

const magic = Buffer.from('k8s\0');

/** Walks over the fields of one message. */
class Reader {
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

/** Turns protobuf bodies into JSON. */
export interface ProtobufDecoder {
  /** True when bodies of that kind can be read. */
  knows(apiVersion: string, kind: string): boolean;
  /** The object in an envelope. Throws ProtobufError. */
  decode(bytes: Buffer): Fields;
}

/** How deep messages may nest. */
const maxDepth = 100;

export function protobufDecoder(schema: Schema): ProtobufDecoder {
  const readers = new Map<string, Map<number, FieldReader>>();

  /** The readers of a definition's fields by number. */
  function readersOf(name: string, outer = name): Map<number, FieldReader> {
    const id = `${outer} ${name}`;
    const known = readers.get(id);
    if (known !== undefined) return known;
    const made = new Map<number, FieldReader>();
    readers.set(id, made);
    const fields = schema.definitions[outer]?.fields ?? {};
    for (const [field, number] of Object.entries(table[name] ?? {})) {
      if (field.startsWith('@'))
        made.set(number, { name: '', schema: undefined, inline: readersOf(field.slice(1), outer) });
      else made.set(number, { name: field, schema: fields[field], inline: undefined });
    }
    return made;
  }

  function readMessage(bytes: Buffer, fields: Map<number, FieldReader>, into: Fields, depth: number): void {
    if (depth > maxDepth) throw new ProtobufError('proto: message nested too deep');
    const reader = new Reader(bytes);
    while (!reader.done) {
      const { field, wire } = reader.tag();
      const found = fields.get(field);
      if (found === undefined) reader.skip(wire);
      else if (found.inline !== undefined) readMessage(reader.chunk(), found.inline, into, depth + 1);
      else if (found.schema === undefined) reader.skip(wire);
      else readField(reader, wire, found.name, found.schema, into, depth);
    }
  }

  function readField(
    reader: Reader,
    wire: number,
    name: string,
    field: FieldSchema,
    into: Fields,
    depth: number,
  ): void {
    if (field.type === 'array') {
      const list = into[name];
      const items = field.items ?? { type: 'any' };
      const values = Array.isArray(list) ? list : [];
      into[name] = values;
      // Numbers may come packed.
      if (wire === 2 && (items.type === 'integer' || items.type === 'boolean')) {
        const packed = new Reader(reader.chunk());
        while (!packed.done) values.push(readValue(packed, 0, items, depth));
      } else values.push(readValue(reader, wire, items, depth));
    } else if (field.type === 'map') {
      const map = into[name];
      const values: Fields = typeof map === 'object' && map !== null ? { ...map } : {};
      const [key, value] = readEntry(reader.chunk(), field.items ?? { type: 'any' }, depth);
      Object.defineProperty(values, key, { value, enumerable: true, configurable: true, writable: true });
      into[name] = values;
    } else {
      const value = readValue(reader, wire, field, depth);
      // Go writes unset strings as empty ones; JSON leaves them out.
      if (value !== '') into[name] = value;
    }
  }

  function readEntry(bytes: Buffer, items: FieldSchema, depth: number): [string, unknown] {
    const reader = new Reader(bytes);
    let key = '';
    let value: unknown = items.type === 'string' || items.type === 'bytes' ? '' : undefined;
    while (!reader.done) {
      const { field, wire } = reader.tag();
      if (field === 1) key = reader.chunk().toString('utf8');
      else if (field === 2) value = readValue(reader, wire, items, depth);
      else reader.skip(wire);
    }
    return [key, value];
  }

  function readValue(reader: Reader, wire: number, field: FieldSchema, depth: number): unknown {
    switch (field.type) {
      case 'string':
        return expectChunk(reader, wire).toString('utf8');
      case 'bytes':
        return expectChunk(reader, wire).toString('base64');
      case 'integer':
        return integer(reader, wire, field);
      case 'boolean':
        return reader.varint() !== 0n;
      case 'number': {
        if (wire !== 1) throw new ProtobufError('proto: wrong wireType for a double');
        const value = reader.bytes.readDoubleLE(reader.at);
        reader.at += 8;
        return value;
      }
      case 'ref': {
        const value: Fields = {};
        readMessage(expectChunk(reader, wire), readersOf(field.ref ?? ''), value, depth + 1);
        return value;
      }
      case 'time':
      case 'micro-time':
        return time(expectChunk(reader, wire), field.type === 'micro-time');
      case 'quantity':
        return firstText(expectChunk(reader, wire));
      case 'int-or-string':
        return intOrString(expectChunk(reader, wire));
      case 'duration':
        return durationText(expectChunk(reader, wire));
      case 'any':
      case 'deduced':
        return rawJson(expectChunk(reader, wire));
      case 'array':
      case 'map':
        throw new ProtobufError('proto: a list of lists is not known');
      default:
        return field.type satisfies never;
    }
  }

  return {
    knows(apiVersion, kind) {
      return definitionOf(apiVersion, kind) !== undefined;
    },
    decode(bytes) {
      const { apiVersion, kind, raw } = openEnvelope(bytes);
      const definition = definitionOf(apiVersion, kind);
      if (definition === undefined)
        throw new ProtobufError(`no kind "${kind}" is registered for version "${apiVersion}"`);
      const object: Fields = { apiVersion, kind };
      readMessage(raw, readersOf(definition), object, 0);
      return object;
    },
  };

  function definitionOf(apiVersion: string, kind: string): string | undefined {
    const slash = apiVersion.indexOf('/');
    const found = schema.ofKind(slash < 0 ? '' : apiVersion.slice(0, slash), apiVersion.slice(slash + 1), kind)?.name;
    return found !== undefined && Object.hasOwn(table, found) ? found : undefined;
  }
}

function expectChunk(reader: Reader, wire: number): Buffer {
  if (wire !== 2) throw new ProtobufError(`proto: wrong wireType = ${wire}`);
  return reader.chunk();
}

function integer(reader: Reader, wire: number, field: FieldSchema): number {
  if (wire !== 0) throw new ProtobufError(`proto: wrong wireType = ${wire}`);
  const value = reader.varint();
  return Number(field.format === 'int64' ? BigInt.asIntN(64, value) : BigInt.asIntN(32, value));
}

/** The number fields of a small message. */
function numbersOf(bytes: Buffer): Map<number, bigint> {
  const reader = new Reader(bytes);
  const found = new Map<number, bigint>();
  while (!reader.done) {
    const { field, wire } = reader.tag();
    if (wire === 0) found.set(field, BigInt.asIntN(64, reader.varint()));
    else reader.skip(wire);
  }
  return found;
}

/** Seconds and nanoseconds as RFC 3339; an empty message is the zero time, which JSON writes as null. */
function time(bytes: Buffer, micro: boolean): string | null {
  const parts = numbersOf(bytes);
  const seconds = parts.get(1) ?? 0n;
  if (bytes.length === 0 || seconds === -62135596800n) return null;
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  const micros = Number((parts.get(2) ?? 0n) / 1000n);
  return micro ? `${text}.${String(micros).padStart(6, '0')}Z` : `${text}Z`;
}

/** Field 1 as text: how quantities travel. */
function firstText(bytes: Buffer): string {
  const reader = new Reader(bytes);
  let found = '';
  while (!reader.done) {
    const { field, wire } = reader.tag();
    if (field === 1 && wire === 2) found = reader.chunk().toString('utf8');
    else reader.skip(wire);
  }
  return found === '' ? '0' : found;
}

function intOrString(bytes: Buffer): string | number {
  const reader = new Reader(bytes);
  let isText = false;
  let number = 0;
  let text = '';
  while (!reader.done) {
    const { field, wire } = reader.tag();
    if (field === 1) isText = reader.varint() === 1n;
    else if (field === 2) number = Number(BigInt.asIntN(32, reader.varint()));
    else if (field === 3) text = reader.chunk().toString('utf8');
    else reader.skip(wire);
  }
  return isText ? text : number;
}

/** Nanoseconds as Go prints a duration, to the precision that the API's durations have. */
function durationText(bytes: Buffer): string {
  const nanos = numbersOf(bytes).get(1) ?? 0n;
  return `${Number(nanos) / 1e9}s`;
}

/** RawExtension and FieldsV1 hold JSON as bytes in field 1. */
function rawJson(bytes: Buffer): unknown {
  const reader = new Reader(bytes);
  let raw = Buffer.alloc(0);
  while (!reader.done) {
    const { field, wire } = reader.tag();
    if (field === 1 && wire === 2) raw = Buffer.from(reader.chunk());
    else reader.skip(wire);
  }
  if (raw.length === 0) return null;
  try {
    return JSON.parse(raw.toString('utf8')) as unknown;
  } catch (error) {
    throw new ProtobufError(error instanceof Error ? error.message : String(error));
  }
}

/** runtime.Unknown behind the magic bytes: the type, and the object's own bytes. */
function openEnvelope(bytes: Buffer): { apiVersion: string; kind: string; raw: Buffer } {
  if (bytes.length < magic.length || !bytes.subarray(0, magic.length).equals(magic))
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  const reader = new Reader(bytes.subarray(magic.length));
  let [apiVersion, kind] = ['', ''];
  let raw: Buffer = Buffer.alloc(0);
  while (!reader.done) {
    const { field, wire } = reader.tag();
    if (field === 1 && wire === 2) {
      const type = new Reader(reader.chunk());
      while (!type.done) {
        const inner = type.tag();
        if (inner.field === 1 && inner.wire === 2) apiVersion = type.chunk().toString('utf8');
        else if (inner.field === 2 && inner.wire === 2) kind = type.chunk().toString('utf8');
        else type.skip(inner.wire);
      }
    } else if (field === 2 && wire === 2) raw = reader.chunk();
    else reader.skip(wire);
  }
  return { apiVersion, kind, raw };
}
