// Where each field of the API's types goes in protobuf: the table of field numbers, read as messages.
// The numbers are facts of the generated.proto files of k8s.io/api, apimachinery, apiextensions-apiserver and kube-aggregator at v1.36.

import type { FieldSchema, Schema } from '../../api/schema/schema.ts';
import table from './field-numbers.json' with { type: 'json' };

/**
 * By definition: `name=number`, ordered. `?` marks scalars whose zero is a value of its own (pointers in Go), `*` lists in a message of
 * their own (Verbs), `@` inlined messages.
 */
const lines: Readonly<Record<string, string>> = table;

/** A field of a message. */
export interface MessageField {
  readonly number: number;
  /** In JSON; empty for a message whose fields are the outer type's own there. */
  readonly name: string;
  /** Undefined for an inlined message, and for a field that this version of the API does not show. */
  readonly schema: FieldSchema | undefined;
  /** Whether "", 0 and false differ from unset. */
  readonly presence: boolean;
  /** Whether it is a list that is field 1 of a message of its own, so that an empty one differs from none. */
  readonly boxed: boolean;
  readonly inline: Message | undefined;
}

/** A message; its fields by number, from the least. */
export interface Message {
  readonly fields: readonly MessageField[];
  readonly byNumber: ReadonlyMap<number, MessageField>;
}

/** Gives the message of each definition. */
export type Messages = (definition: string) => Message;

/** Whether the definition has a protobuf form. */
export const hasMessage = (definition: string): boolean => Object.hasOwn(lines, definition);

/** The messages of that schema, each made when it is first asked for. */
export function messagesOf(schema: Schema): Messages {
  const made = new Map<string, Message>();

  function message(name: string, outer: string): Message {
    const id = `${outer} ${name}`;
    const known = made.get(id);
    if (known !== undefined) return known;
    const shown = schema.definitions[outer]?.fields ?? {};
    const line = Object.hasOwn(lines, name) ? (lines[name] ?? '') : '';
    const fields = line.split(' ').flatMap((entry) => {
      const [label = '', number = ''] = entry.split('=');
      return label === '' ? [] : [field(label, Number(number), shown, outer)];
    });
    const result = { fields, byNumber: new Map(fields.map((each) => [each.number, each])) };
    made.set(id, result);
    return result;
  }

  function field(
    label: string,
    number: number,
    shown: Readonly<Record<string, FieldSchema>>,
    outer: string,
  ): MessageField {
    if (label.startsWith('@')) {
      const inline = message(label.slice(1), outer);
      return { number, name: '', schema: undefined, presence: false, boxed: false, inline };
    }
    const presence = label.endsWith('?');
    const boxed = label.endsWith('*');
    const name = presence || boxed ? label.slice(0, -1) : label;
    const schemaOf = Object.hasOwn(shown, name) ? shown[name] : undefined;
    return { number, name, schema: schemaOf, presence, boxed, inline: undefined };
  }

  return (definition) => message(definition, definition);
}
