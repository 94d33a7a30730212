// Shows a protobuf answer field by field, in the order of its bytes, so that order and presence can be compared where lengths cannot.
import type { FieldSchema } from '../../../../src/api/schema/schema.ts';
import { loadSchema } from '../../../../src/api/schema/load.ts';
import { type Message, messagesOf } from '../../../../src/apiserver/protobuf/field-numbers.ts';
import { Reader } from '../../../../src/apiserver/protobuf/reader.ts';

const messages = messagesOf(loadSchema());
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
/** Fields that no two servers share. */
const own =
  /(^|\.)(uid|resourceVersion|creationTimestamp|time|lastTransitionTime|lastPhaseTransitionTime|nodePort|continue|expirationTimestamp|token)(\.|$)/;

/** The fields of an answer: its envelope, then its object's. What is no such answer is shown as text. */
export function answerLines(bytes: Buffer): string[] {
  if (!bytes.subarray(0, 4).equals(Buffer.from('k8s\0'))) return [bytes.toString('utf8')];
  const lines: string[] = [];
  const reader = new Reader(bytes.subarray(4));
  let type = '';
  while (!reader.done) {
    const { field, wire } = reader.tag();
    if (wire !== 2) throw new Error(`field ${field} of an envelope has wire type ${wire}`);
    const chunk = reader.chunk();
    if (field === 2) lines.push(...objectLines(chunk, type));
    else if (field === 1) {
      type = typeOf(chunk);
      lines.push(`type ${type}`);
    } else lines.push(`envelope ${field} ${chunk.toString('utf8')}`);
  }
  return lines;
}

/** The events of a watch's body, and what is left after them. */
export function frameLines(bytes: Buffer): { events: string[][]; rest: number } {
  const events: string[][] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) break;
    events.push(eventLines(bytes.subarray(at + 4, end)));
    at = end;
  }
  return { events, rest: bytes.length - at };
}

function eventLines(frame: Buffer): string[] {
  const lines: string[] = [];
  const reader = new Reader(frame);
  while (!reader.done) {
    const { field, wire } = reader.tag();
    if (wire !== 2) throw new Error(`field ${field} of an event has wire type ${wire}`);
    const chunk = reader.chunk();
    if (field !== 2) lines.push(`${field} ${chunk.toString('utf8')}`);
    else {
      const object = new Reader(chunk);
      while (!object.done) {
        const inner = object.tag();
        lines.push(`object ${inner.field}`, ...answerLines(object.chunk()));
      }
    }
  }
  return lines;
}

/** `v1 Pod`, with the order of its fields. */
function typeOf(bytes: Buffer): string {
  const reader = new Reader(bytes);
  const parts: string[] = [];
  while (!reader.done) {
    const { field } = reader.tag();
    parts.push(`${field}=${reader.chunk().toString('utf8')}`);
  }
  return parts.join(' ');
}

function objectLines(bytes: Buffer, type: string): string[] {
  const [, apiVersion = '', kind = ''] = /^1=(\S*) 2=(\S*)$/.exec(type) ?? [];
  const lines: string[] = [];
  if (kind === 'PartialObjectMetadata') walkNumbered(bytes, { 1: `${meta}.ObjectMeta` }, lines);
  else if (kind === 'PartialObjectMetadataList') walkMetadataList(bytes, apiVersion, lines);
  else {
    const slash = apiVersion.indexOf('/');
    const group = slash < 0 ? '' : apiVersion.slice(0, slash);
    const version = apiVersion.slice(slash + 1);
    const definition = loadSchema().ofKind(group, version, kind)?.name;
    const item = loadSchema().ofKind(group, version, kind.replace(/List$/, ''))?.name;
    if (kind.endsWith('List') && item !== undefined) walkNumbered(bytes, { 1: `${meta}.ListMeta`, 2: item }, lines);
    else if (definition === undefined) lines.push(bytes.toString('hex'));
    else walk(bytes, messages(definition), '', lines);
  }
  return lines;
}

function walkMetadataList(bytes: Buffer, apiVersion: string, lines: string[]): void {
  const isOld = apiVersion.endsWith('v1beta1');
  const reader = new Reader(bytes);
  while (!reader.done) {
    const { field } = reader.tag();
    const chunk = reader.chunk();
    lines.push(`${field}:`);
    if (field === (isOld ? 2 : 1)) walk(chunk, messages(`${meta}.ListMeta`), 'list', lines);
    else walkNumbered(chunk, { 1: `${meta}.ObjectMeta` }, lines);
  }
}

function walkNumbered(bytes: Buffer, definitions: Readonly<Record<number, string>>, lines: string[]): void {
  const reader = new Reader(bytes);
  while (!reader.done) {
    const { field } = reader.tag();
    const chunk = reader.chunk();
    lines.push(`${field}:`);
    const definition = definitions[field];
    if (definition === undefined) lines.push(chunk.toString('hex'));
    else walk(chunk, messages(definition), `${field}`, lines);
  }
}

function walk(bytes: Buffer, message: Message, at: string, lines: string[]): void {
  const reader = new Reader(bytes);
  while (!reader.done) {
    const { field, wire } = reader.tag();
    const known = message.byNumber.get(field);
    const path = `${at}.${known?.name || field}`;
    if (wire !== 2) {
      const value = wire === 0 ? reader.varint() : skipped(reader, wire);
      lines.push(`${path} ${own.test(path) ? 'its own' : value}`);
      continue;
    }
    const chunk = reader.chunk();
    if (known?.inline !== undefined) {
      lines.push(`${path} {`);
      walk(chunk, known.inline, path, lines);
    } else value(chunk, known?.schema, path, lines);
  }
}

function skipped(reader: Reader, wire: number): string {
  const from = reader.at;
  reader.skip(wire);
  return reader.bytes.subarray(from, reader.at).toString('hex');
}

function value(chunk: Buffer, schema: FieldSchema | undefined, path: string, lines: string[]): void {
  const type = schema?.type === 'array' ? schema.items : schema;
  if (schema?.type === 'map') {
    lines.push(`${path} {`);
    const reader = new Reader(chunk);
    while (!reader.done) {
      const { field, wire } = reader.tag();
      if (wire !== 2) lines.push(`${path}[${field}] ${reader.varint()}`);
      else value(reader.chunk(), field === 1 ? { type: 'string' } : schema.items, `${path}[${field}]`, lines);
    }
  } else if (type?.type === 'ref') {
    lines.push(`${path} {`);
    walk(chunk, messages(type.ref ?? ''), path, lines);
  } else if (own.test(path)) lines.push(`${path} its own${chunk.length === 0 ? ', empty' : ''}`);
  else if (type?.type === 'string') lines.push(`${path} ${JSON.stringify(chunk.toString('utf8'))}`);
  else if (type?.type === 'any' && type.ref?.endsWith('FieldsV1') === true) {
    const reader = new Reader(chunk);
    reader.tag();
    lines.push(`${path} ${reader.chunk().toString('utf8')}`);
  } else lines.push(`${path} ${chunk.toString('hex')}`);
}
