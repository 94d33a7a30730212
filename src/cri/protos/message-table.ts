// Turns compact tables of protobuf messages into the JSON namespace that proto-loader takes, so that no .proto file is read or parsed at start.

/** Message name → "number name[: type[]]" fields, separated by commas. The default type is string; `map` is map<string, string>. */
export type MessageTable = Readonly<Record<string, string>>;
/** Enum name → values in wire order. Values are our own words: only numbers travel. */
export type EnumTable = Readonly<Record<string, readonly string[]>>;
/** Service name → method → "Request Response" or "Request stream Response". */
export type ServiceTable = Readonly<Record<string, Readonly<Record<string, string>>>>;

interface FieldJson {
  id: number;
  type: string;
  rule?: 'repeated';
  keyType?: 'string';
}

function field(text: string): [string, FieldJson] {
  const match = /^(\d+) (\w+)(?:: ([\w.]+)(\[\])?)?$/.exec(text.trim());
  if (!match) throw new Error(`bad field in a message table: ${JSON.stringify(text)}`);
  const [, id = '', name = '', type = 'string', repeated] = match;
  if (type === 'map') return [name, { id: Number(id), type: 'string', keyType: 'string' }];
  return [name, { id: Number(id), type, ...(repeated ? { rule: 'repeated' as const } : {}) }];
}

function message(text: string): { fields: Record<string, FieldJson> } {
  return { fields: text.trim() === '' ? {} : Object.fromEntries(text.split(',').map(field)) };
}

function service(methods: Readonly<Record<string, string>>): { methods: Record<string, object> } {
  const entries = Object.entries(methods).map(([name, text]) => {
    const [requestType = '', ...rest] = text.split(' ');
    const responseStream = rest[0] === 'stream';
    return [name, { requestType, responseType: rest.at(-1) ?? '', ...(responseStream ? { responseStream } : {}) }];
  });
  return { methods: Object.fromEntries(entries) };
}

/** The namespace `path` ("runtime.v1") holding the tables' types, as protobuf JSON. */
export function protoJson(
  path: string,
  tables: { messages: MessageTable; enums?: EnumTable; services?: ServiceTable },
): { nested: Record<string, object> } {
  const nested: Record<string, object> = {};
  for (const [name, text] of Object.entries(tables.messages)) nested[name] = message(text);
  for (const [name, values] of Object.entries(tables.enums ?? {}))
    nested[name] = { values: Object.fromEntries(values.map((value, number) => [value, number])) };
  for (const [name, methods] of Object.entries(tables.services ?? {})) nested[name] = service(methods);
  return path
    .split('.')
    .reverse()
    .reduce<{ nested: Record<string, object> }>((inner, part) => ({ nested: { [part]: inner } }), { nested });
}
