// Writes the OpenAPI v2 document as protobuf, the only form in which kubectl up to 1.27 reads it.
// Field numbers follow gnostic's OpenAPIv2.proto.

type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);
const node = (value: unknown): Node => (isNode(value) ? value : {});
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left > 127) {
    bytes.push((left & 127) | 128);
    left = Math.floor(left / 128);
  }
  return Buffer.from([...bytes, left]);
}

const none = Buffer.alloc(0);
const chunk = (field: number, bytes: Buffer): Buffer =>
  Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
const text = (field: number, value: unknown): Buffer =>
  typeof value === 'string' && value !== '' ? chunk(field, Buffer.from(value)) : none;
const texts = (field: number, values: unknown): Buffer => Buffer.concat(list(values).map((v) => text(field, v)));
const flag = (field: number, value: unknown): Buffer =>
  value === true ? Buffer.concat([varint(field * 8), varint(1)]) : none;
const message = (...parts: readonly Buffer[]): Buffer => Buffer.concat(parts);
const each = (field: number, values: readonly unknown[], encode: (value: unknown) => Buffer): Buffer =>
  Buffer.concat(values.map((value) => chunk(field, encode(value))));

/** Any JSON, as YAML text: which JSON is. */
const any = (value: unknown): Buffer => text(2, JSON.stringify(value));
const named = (name: string, value: Buffer): Buffer => message(text(1, name), chunk(2, value));

/** Every x-… key of an object. */
const extensions = (field: number, value: Node): Buffer =>
  Buffer.concat(
    Object.entries(value)
      .filter(([key]) => key.startsWith('x-'))
      .map(([key, extension]) => chunk(field, named(key, any(extension)))),
  );

function schema(value: unknown): Buffer {
  const s = node(value);
  const { properties, items, additionalProperties } = s;
  return message(
    text(1, s['$ref']),
    text(2, s['format']),
    text(4, s['description']),
    s['default'] === undefined ? none : chunk(5, any(s['default'])),
    flag(18, s['uniqueItems']),
    texts(19, s['required']),
    each(20, list(s['enum']), any),
    additionalProperties === undefined ? none : chunk(21, additional(additionalProperties)),
    s['type'] === undefined ? none : chunk(22, text(1, s['type'])),
    items === undefined ? none : chunk(23, chunk(1, schema(items))),
    isNode(properties) ? chunk(25, namedSchemas(properties)) : none,
    extensions(31, s),
  );
}

const additional = (value: unknown): Buffer => (typeof value === 'boolean' ? flag(2, value) : chunk(1, schema(value)));
const namedSchemas = (schemas: Node): Buffer =>
  each(1, Object.entries(schemas), (entry) => {
    const [name, value] = entry as [string, unknown];
    return named(name, schema(value));
  });

function parameter(value: unknown): Buffer {
  const p = node(value);
  const own = p['in'] === 'body' ? chunk(1, bodyParameter(p)) : chunk(2, nonBodyParameter(p));
  return chunk(1, own);
}

const bodyParameter = (p: Node): Buffer =>
  message(
    text(1, p['description']),
    text(2, p['name']),
    text(3, p['in']),
    flag(4, p['required']),
    chunk(5, schema(p['schema'])),
  );

function nonBodyParameter(p: Node): Buffer {
  const common = message(flag(1, p['required']), text(2, p['in']), text(3, p['description']), text(4, p['name']));
  if (p['in'] === 'path') return chunk(4, message(common, text(5, p['type']), flag(19, p['uniqueItems'])));
  return chunk(3, message(common, text(6, p['type']), flag(20, p['uniqueItems'])));
}

function response(value: unknown): Buffer {
  const r = node(value);
  const shape = r['schema'] === undefined ? none : chunk(2, chunk(1, schema(r['schema'])));
  return chunk(1, message(text(1, r['description']), shape));
}

function operation(value: unknown): Buffer {
  const o = node(value);
  const responses = Object.entries(node(o['responses']));
  return message(
    texts(1, o['tags']),
    text(3, o['description']),
    text(5, o['operationId']),
    texts(6, o['produces']),
    texts(7, o['consumes']),
    each(8, list(o['parameters']), parameter),
    chunk(9, Buffer.concat(responses.map(([code, answer]) => chunk(1, named(code, response(answer)))))),
    texts(10, o['schemes']),
    extensions(13, o),
  );
}

const methods: readonly (readonly [string, number])[] = [
  ['get', 2],
  ['put', 3],
  ['post', 4],
  ['delete', 5],
  ['options', 6],
  ['head', 7],
  ['patch', 8],
];

function pathItem(value: unknown): Buffer {
  const item = node(value);
  const operations = methods.map(([method, field]) =>
    item[method] === undefined ? none : chunk(field, operation(item[method])),
  );
  return message(...operations, each(9, list(item['parameters']), parameter), extensions(10, item));
}

/** The whole document; security is left out, for no client reads it here. */
export function encodeOpenApiV2(document: Node): Buffer {
  const info = node(document['info']);
  const paths = Object.entries(node(document['paths'])).map(([path, item]) => chunk(2, named(path, pathItem(item))));
  return message(
    text(1, document['swagger']),
    chunk(2, message(text(1, info['title']), text(2, info['version']))),
    chunk(8, Buffer.concat(paths)),
    chunk(9, namedSchemas(node(document['definitions']))),
  );
}
