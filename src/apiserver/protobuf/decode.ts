// Reads objects that clients send as protobuf, into the JSON that they stand for, by the schema and a table of field numbers.
// Follows apimachinery pkg/runtime/serializer/protobuf of v1.36 (the k8s\0 envelope) and the generated.proto files of the API.

import type { FieldSchema, Schema } from '../../api/schema/schema.ts';
import { openEnvelope } from './envelope.ts';
import { hasMessage, type Message, messagesOf } from './field-numbers.ts';
import { holdsJson, isAlwaysThere, isFields, schemaChoice } from './free-form.ts';
import { expectField, ProtobufError, Reader } from './reader.ts';

type Fields = Record<string, unknown>;

/** Turns protobuf bodies into JSON. */
export interface ProtobufDecoder {
  /** True when bodies of that kind can be read. */
  knows(apiVersion: string, kind: string): boolean;
  /**
   * The object in an envelope; its type is `wanted` where the envelope has none, and of a type that is not known there is nothing else.
   * Throws EnvelopeError and MessageError.
   */
  decode(bytes: Buffer, wanted?: TypeMeta): Fields;
}

interface TypeMeta {
  apiVersion: string;
  kind: string;
}

/** What is in the envelope is no object of its type. */
export class MessageError extends ProtobufError {
  readonly type: TypeMeta;
  constructor(message: string, type: TypeMeta) {
    super(message);
    this.type = type;
  }
}

/** What must be known of a field to read it. */
interface ReadField {
  name: string;
  schema: FieldSchema;
  presence: boolean;
  boxed?: boolean;
}

/** How deep messages may nest. */
const maxDepth = 100;

export function protobufDecoder(schema: Schema): ProtobufDecoder {
  const messages = messagesOf(schema);

  function readMessage(bytes: Buffer, type: string, { byNumber }: Message, into: Fields, depth: number): void {
    if (depth > maxDepth) throw new ProtobufError('proto: message nested too deep');
    const reader = new Reader(bytes);
    while (!reader.done) {
      const { field, wire } = expectField(reader, type.slice(type.lastIndexOf('.') + 1));
      const found = byNumber.get(field);
      if (found === undefined) reader.skip(wire);
      else if (found.inline !== undefined) readMessage(expectChunk(reader, wire), type, found.inline, into, depth + 1);
      else if (found.schema === undefined) reader.skip(wire);
      else {
        const { name, schema, presence, boxed } = found;
        readNamed(reader, wire, { name, schema, presence, boxed }, into, depth);
      }
    }
  }

  /** A field whose name is told where it is of another type. */
  function readNamed(...[reader, wire, field, into, depth]: Parameters<typeof readField>): void {
    try {
      readField(reader, wire, field, into, depth);
    } catch (error) {
      if (error instanceof WireTypeError && !error.isNamed) throw error.of(field);
      throw error;
    }
  }

  function readField(
    reader: Reader,
    wire: number,
    { name, schema: field, presence, boxed }: ReadField,
    into: Fields,
    depth: number,
  ): void {
    if (field.type === 'array' && boxed !== true) {
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
      const [key, value] = readEntry(expectChunk(reader, wire), field.items ?? { type: 'any' }, depth);
      Object.defineProperty(values, key, { value, enumerable: true, configurable: true, writable: true });
      into[name] = values;
    } else {
      const value = readValue(reader, wire, field, depth, into[name]);
      if (presence || !isUnset(field, value)) into[name] = value;
    }
  }

  function readEntry(bytes: Buffer, items: FieldSchema, depth: number): [string, unknown] {
    const reader = new Reader(bytes);
    let key = '';
    let value = zeroOf(items);
    while (!reader.done) {
      const { field, wire } = reader.tag();
      if (field === 1) key = reader.chunk().toString('utf8');
      else if (field === 2) value = readValue(reader, wire, items, depth);
      else reader.skip(wire);
    }
    return [key, value];
  }

  /** `merged` is what the message had in that field already. */
  function readValue(reader: Reader, wire: number, field: FieldSchema, depth: number, merged?: unknown): unknown {
    switch (field.type) {
      case 'string':
        return expectChunk(reader, wire).toString('utf8');
      case 'bytes':
        return expectChunk(reader, wire).toString('base64');
      case 'integer':
        return integer(reader, wire, field);
      case 'boolean':
        if (wire !== 0) throw new WireTypeError(wire);
        return reader.varint() !== 0n;
      case 'number': {
        if (wire !== 1) throw new WireTypeError(wire);
        const value = reader.bytes.readDoubleLE(reader.at);
        reader.at += 8;
        return value;
      }
      case 'ref': {
        const value: Fields = isFields(merged) ? { ...merged } : {};
        readMessage(expectChunk(reader, wire), field.ref ?? '', messages(field.ref ?? ''), value, depth + 1);
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
        return readAny(expectChunk(reader, wire), field, depth);
      case 'array':
        return readList(expectChunk(reader, wire), field, depth);
      case 'map':
      case 'deduced':
        throw new ProtobufError(`proto: a field of type ${field.type} is not known`);
      default:
        return field.type satisfies never;
    }
  }

  /** A list that is a message with the list in field 1 (ExtraValue, Verbs). */
  function readList(bytes: Buffer, field: FieldSchema, depth: number): unknown {
    const reader = new Reader(bytes);
    const into: Fields = { list: [] };
    while (!reader.done) {
      const { field: number, wire } = reader.tag();
      if (number === 1) readField(reader, wire, { name: 'list', schema: field, presence: true }, into, depth + 1);
      else reader.skip(wire);
    }
    return into['list'];
  }

  function readAny(bytes: Buffer, field: FieldSchema, depth: number): unknown {
    if (holdsJson(field.ref)) return rawJson(bytes);
    const choice = schemaChoice(field.ref);
    if (choice === undefined) return {};
    const reader = new Reader(bytes);
    const into: Fields = {};
    while (!reader.done) {
      const { field: number, wire } = reader.tag();
      if (number === choice.schema.number)
        readField(reader, wire, { name: 'schema', schema: choice.schema.schema, presence: true }, into, depth);
      else if (number === choice.other.number)
        readField(reader, wire, { name: 'other', schema: choice.other.schema, presence: true }, into, depth);
      else reader.skip(wire);
    }
    return into['schema'] ?? into['other'] ?? (choice.other.schema.type === 'boolean' ? false : null);
  }

  return {
    knows(apiVersion, kind) {
      return definitionOf(apiVersion, kind) !== undefined;
    },
    decode(bytes, wanted = noType) {
      const opened = openEnvelope(bytes);
      const apiVersion = opened.apiVersion || wanted.apiVersion;
      const kind = opened.kind || wanted.kind;
      const object: Fields = { apiVersion, kind };
      const definition = definitionOf(apiVersion, kind);
      try {
        if (definition !== undefined) readMessage(opened.raw, definition, messages(definition), object, 0);
      } catch (error) {
        // A time beyond all calendars, too, is none.
        if (error instanceof ProtobufError || error instanceof RangeError)
          throw new MessageError(error.message, { apiVersion, kind });
        throw error;
      }
      return object;
    },
  };

  function definitionOf(apiVersion: string, kind: string): string | undefined {
    // Options travel in the version of whatever they are for.
    if (kind === 'DeleteOptions') return deleteOptions;
    const slash = apiVersion.indexOf('/');
    const found = schema.ofKind(slash < 0 ? '' : apiVersion.slice(0, slash), apiVersion.slice(slash + 1), kind)?.name;
    return found !== undefined && hasMessage(found) ? found : undefined;
  }
}

const deleteOptions = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';

const noType: TypeMeta = { apiVersion: '', kind: '' };

/** A field is written as another type. */
class WireTypeError extends ProtobufError {
  readonly wire: number;
  readonly isNamed: boolean;
  constructor(wire: number, name = '') {
    super(`proto: wrong wireType = ${wire} for field ${name}`);
    this.wire = wire;
    this.isNamed = name !== '';
  }

  /** The same with Go's name of the field. */
  of({ name, schema }: { name: string; schema: FieldSchema }): WireTypeError {
    const goName = schema.ref?.endsWith('Meta') === true ? schema.ref.slice(schema.ref.lastIndexOf('.') + 1) : name;
    return new WireTypeError(this.wire, goName.charAt(0).toUpperCase() + goName.slice(1));
  }
}

const scalars: ReadonlySet<string> = new Set(['string', 'bytes', 'integer', 'number', 'boolean']);
const isZero = (value: unknown): boolean => value === '' || value === 0 || value === false;

/** Whether the value is what Go writes for an unset field; JSON leaves it out, or has null for it. */
function isUnset({ type, ref }: FieldSchema, value: unknown): boolean {
  if (value === null) return true;
  if (scalars.has(type)) return isZero(value);
  return isAlwaysThere(ref) && Object.keys(value as Fields).length === 0;
}

/** The value of a map entry that has none on the wire. */
function zeroOf(items: FieldSchema): unknown {
  switch (items.type) {
    case 'string':
    case 'bytes':
      return '';
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    case 'ref':
      return {};
    case 'array':
      return [];
    case 'quantity':
      return '0';
    default:
      return null;
  }
}

function expectChunk(reader: Reader, wire: number): Buffer {
  if (wire !== 2) throw new WireTypeError(wire);
  return reader.chunk();
}

function integer(reader: Reader, wire: number, field: FieldSchema): number {
  if (wire !== 0) throw new WireTypeError(wire);
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
