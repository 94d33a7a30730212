// Puts the fields of an object into the order in which upstream's encoder writes them: messages that quote an object show it.

import type { FieldSchema, Schema } from '../../api/schema/schema.ts';
import { type Message, messagesOf } from './field-numbers.ts';
import exceptions from './go-order.json' with { type: 'json' };

/** The structs of k8s.io/api v1.36 whose fields do not stand in the order of their protobuf numbers: their fields in order. */
const orders: Readonly<Record<string, string>> = exceptions;

const typeMeta = ['kind', 'apiVersion'];

/** The fields of one struct in Go's order, those of embedded structs among them. */
function namesOf(message: Message): string[] {
  return message.fields.flatMap(({ name, inline }) => (inline === undefined ? [name] : namesOf(inline)));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The struct that the field holds; what is a schema or something else is one where it is an object. */
function structOf({ type, ref = '' }: FieldSchema): string | undefined {
  if (type === 'ref') return ref;
  return /\.JSONSchemaPropsOr\w+$/.test(ref) ? ref.replace(/Or\w+$/, '') : undefined;
}

/** A copy of the object whose keys are in that order. What is unknown comes last. */
function inOrder(object: Readonly<Record<string, unknown>>, names: Iterable<string>): Record<string, unknown> {
  const keys = new Set([...names, ...Object.keys(object)].filter((key) => Object.hasOwn(object, key)));
  return Object.fromEntries([...keys].map((key) => [key, object[key]]));
}

/** A copy of a value of free JSON with the keys of every object sorted, as Go writes maps. */
export function inKeyOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inKeyOrder);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, inKeyOrder(value[key])]),
  );
}

/** A copy of an object of the definition in the order of Go's encoder: structs by their fields, maps by their keys. */
export function inGoOrder(schema: Schema, definition: string, object: unknown): unknown {
  const messages = messagesOf(schema);

  function ordered(field: FieldSchema, value: unknown): unknown {
    const name = structOf(field);
    if (name !== undefined && isObject(value)) return struct(name, value);
    if (name !== undefined && Array.isArray(value)) return value.map((item) => ordered(field, item));
    const { items } = field;
    if (items === undefined) return value;
    if (Array.isArray(value)) return value.map((item) => ordered(items, item));
    if (!isObject(value)) return value;
    const sorted = inOrder(value, Object.keys(value).sort());
    return Object.fromEntries(Object.entries(sorted).map(([key, item]) => [key, ordered(items, item)]));
  }

  function struct(name: string, value: Record<string, unknown>): unknown {
    const fields = schema.definitions[name]?.fields;
    if (fields === undefined) return value;
    // Kind and version of an object have no number: they are told around it.
    const numbered = namesOf(messages(name));
    const names = orders[name]?.split(' ') ?? [...typeMeta.filter((key) => !numbered.includes(key)), ...numbered];
    const sorted = inOrder(value, names);
    return Object.fromEntries(
      Object.entries(sorted).map(([key, item]) => {
        const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
        return [key, field === undefined ? item : ordered(field, item)];
      }),
    );
  }

  return isObject(object) ? struct(definition, object) : object;
}
