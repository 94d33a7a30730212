// Writes objects as protobuf, from the JSON that they are kept as, by the schema and the table of field numbers.
// Follows apimachinery pkg/runtime/serializer/protobuf of v1.36 and the generated.proto files of the API.

import type { FieldSchema, Schema } from '../../api/schema/schema.ts';
import { hasMessage, type Message, type MessageField, messagesOf } from './field-numbers.ts';
import { type Fields, holdsJson, isAlwaysThere, isFields, schemaChoice } from './free-form.ts';
import { BackwardWriter } from './writer.ts';

const noFields: Fields = {};

/** Turns objects into protobuf messages. */
export interface ProtobufEncoder {
  /** True when objects of that definition can be written. */
  knows(definition: string): boolean;
  /** The message of an object, without an envelope. The object must fit its definition. */
  message(definition: string, object: object): Buffer;
}

export function protobufEncoder(schema: Schema): ProtobufEncoder {
  const messages = messagesOf(schema);
  const writer = new BackwardWriter();

  function writeFields({ fields }: Message, object: Fields): void {
    for (let i = fields.length - 1; i >= 0; i--) {
      const field = fields[i];
      if (field === undefined) continue;
      if (field.inline !== undefined) writeInline(field, field.inline, object);
      else if (field.schema !== undefined) {
        const value = object[field.name];
        if (value !== undefined && value !== null) {
          if (field.boxed) writeMessage(field.number, field.schema, value);
          else writeField(field.number, field.schema, value);
        } else if (!field.presence) writeUnset(field.number, field.schema, field.name);
      }
    }
  }

  /** What Go's structs embed is always there. */
  function writeInline({ number }: MessageField, inline: Message, object: Fields): void {
    const mark = writer.length;
    writeFields(inline, object);
    writer.close(number, mark);
  }

  /** What is no pointer, list or map in Go is written even where nothing set it. */
  function writeUnset(number: number, field: FieldSchema, name: string): void {
    switch (field.type) {
      case 'string':
        writer.text(number, '');
        return;
      case 'integer':
      case 'boolean':
        writer.integer(number, 0);
        return;
      case 'number':
        writer.double(number, 0);
        return;
      case 'ref':
        if (isAlwaysThere(field.ref) || isFields(field.zero)) writeMessage(number, field, noFields);
        return;
      case 'quantity':
      case 'int-or-string':
        if (field.zero !== undefined && field.zero !== null) writeMessage(number, field, field.zero);
        return;
      case 'time':
      case 'micro-time':
      case 'any':
        // The zero time, and JSON that is none, are messages of no bytes.
        if (field.zero === null || name === 'creationTimestamp') writer.close(number, writer.length);
        return;
      default:
    }
  }

  function writeField(number: number, field: FieldSchema, value: unknown): void {
    const { items } = field;
    if (field.type === 'array' && items !== undefined && Array.isArray(value))
      for (let i = value.length - 1; i >= 0; i--) writeValue(number, items, value[i]);
    else if (field.type === 'map' && items !== undefined && isFields(value)) writeMap(number, items, value);
    else writeValue(number, field, value);
  }

  function writeMap(number: number, items: FieldSchema, map: Fields): void {
    const keys = Object.keys(map).sort();
    for (let i = keys.length - 1; i >= 0; i--) {
      const key = keys[i] ?? '';
      const mark = writer.length;
      const value = map[key];
      if (value !== null && value !== undefined) writeValue(2, items, value);
      writer.text(1, key);
      writer.close(number, mark);
    }
  }

  function writeValue(number: number, field: FieldSchema, value: unknown): void {
    switch (field.type) {
      case 'string':
        writer.text(number, String(value));
        return;
      case 'bytes':
        writer.bytes(number, Buffer.from(String(value), 'base64'));
        return;
      case 'integer':
        writer.integer(number, Number(value));
        return;
      case 'boolean':
        writer.integer(number, value === true ? 1 : 0);
        return;
      case 'number':
        writer.double(number, Number(value));
        return;
      default:
        writeMessage(number, field, value);
    }
  }

  /** Values that are messages of their own. */
  function writeMessage(number: number, field: FieldSchema, value: unknown): void {
    const mark = writer.length;
    switch (field.type) {
      case 'ref':
        if (isFields(value)) writeFields(messages(field.ref ?? ''), value);
        break;
      case 'time':
        writeTime(String(value), false);
        break;
      case 'micro-time':
        writeTime(String(value), true);
        break;
      case 'quantity':
        writer.text(1, String(value));
        break;
      case 'int-or-string':
        writeIntOrString(value);
        break;
      case 'array':
        // Lists that are messages: values of a map (ExtraValue), and verbs.
        writeField(1, field, value);
        break;
      case 'any':
        writeAny(field, value);
        break;
      default:
        throw new TypeError(`a field of type ${field.type} has no protobuf form`);
    }
    writer.close(number, mark);
  }

  /** RFC 3339 as seconds and nanoseconds; times without micro have no fractions. */
  function writeTime(text: string, micro: boolean): void {
    const fraction = micro ? (/\.(\d+)/.exec(text)?.[1] ?? '') : '';
    writer.integer(2, Number(fraction.slice(0, 6).padEnd(6, '0')) * 1000);
    writer.integer(1, Math.floor(Date.parse(text) / 1000));
  }

  function writeIntOrString(value: unknown): void {
    const isText = typeof value === 'string';
    writer.text(3, isText ? value : '');
    writer.integer(2, isText ? 0 : Number(value));
    writer.integer(1, isText ? 1 : 0);
  }

  function writeAny(field: FieldSchema, value: unknown): void {
    const choice = schemaChoice(field.ref);
    if (choice !== undefined) {
      if (!isFields(value)) writeField(choice.other.number, choice.other.schema, value);
      else {
        writeField(choice.schema.number, choice.schema.schema, value);
        if (choice.other.schema.type === 'boolean') writer.integer(choice.other.number, 1);
      }
    } else if (holdsJson(field.ref)) writer.bytes(1, Buffer.from(JSON.stringify(value)));
  }

  return {
    knows: (definition) => hasMessage(definition) && schema.definitions[definition] !== undefined,
    message(definition, object) {
      try {
        writeFields(messages(definition), object as Fields);
        return writer.take();
      } finally {
        writer.reset();
      }
    },
  };
}
