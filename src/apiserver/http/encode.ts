// Turns an answer into status, headers and bytes.

import type { KubeObject, ListMeta } from '../../api/meta/types.ts';
import { listMeta } from '../list-meta.ts';
import type { ObjectVersion } from '../registry/object-version.ts';
import { slab } from '../../lib/slab.ts';
import type { ApiResponse, Media, ObjectList, Rendering } from '../request.ts';
import type { ResourceInfo } from '../resources.ts';
import { inRowOrder, partialMetadata, tableHead, tableRow, tableTail } from '../table.ts';
import { type PlainRendering, protobufList, protobufObject, protobufOf } from './encode-protobuf.ts';
import { indented, toYaml } from './human-forms.ts';

/** Response headers; an array sends the header several times. */
export type Headers = Record<string, string | string[]>;

/** Bytes in pieces: a list of many objects is made while it is sent. */
export type Body = { pieces: Iterable<Buffer>; length: number | undefined };

/** About how much of a list is made at once. */
const pieceBytes = 256 * 1024;

const whole = (bytes: Buffer): Body => ({ pieces: [bytes], length: bytes.length });
const comma = 0x2c;

/** A warning as RFC 7234 writes it. */
export function warningHeader(text: string): string {
  const quoted = text.replace(/\p{Cc}+/gu, ' ').replace(/[\\"]/g, (c) => `\\${c}`);
  return `299 - "${Buffer.from(quoted, 'utf8').toString('latin1')}"`;
}

/** Characters of all warnings together from which on each is cut, and to how many. */
const mostWarningText = 4 * 1024;
const mostOfOneWarning = 256;

/**
 * The warnings of an answer as headers, each text once; together they stay within what clients and HTTP/2 take.
 * Follows apiserver pkg/endpoints/filters/warning.go: past 4,096 characters each is cut to 256, and the rest left out.
 */
export function warningHeaders(texts: readonly string[]): string[] {
  const all = [...new Set(texts)];
  const total = all.reduce((sum, text) => sum + text.length, 0);
  if (total <= mostWarningText) return all.map(warningHeader);
  const headers: string[] = [];
  let written = 0;
  for (const text of all) {
    if (written >= mostWarningText) break;
    const cut = Array.from(text.slice(0, 2 * mostOfOneWarning))
      .slice(0, mostOfOneWarning)
      .join('');
    written += cut.length;
    headers.push(warningHeader(cut));
  }
  return headers;
}

const json = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value)}\n`);

/** How the bytes of an answer are written. */
export interface Form {
  media: Media;
  pretty: boolean;
}

/** The body of an answer that is neither a watch nor a stream. Answers of no resource take the form `plain`. */
export function encodeBody(
  response: Exclude<ApiResponse, { type: 'watch' | 'stream' }>,
  plain: Form,
  now: number,
): Body | Promise<Body> {
  if (response.rendering?.unfit !== undefined) throw response.rendering.unfit;
  switch (response.type) {
    case 'json':
      return plain.media === 'protobuf'
        ? whole(protobufOf(response.body as KubeObject))
        : inForm(whole(json(response.body)), plain);
    case 'raw':
      return whole(response.bytes);
    case 'object': {
      const { resource, object, rendering } = response;
      if (rendering.media === 'protobuf' && rendering.as !== 'table')
        return whole(protobufObject(resource, object, rendering));
      return inForm(whole(oneLine(resource, object, rendering, now)), rendering);
    }
    case 'list': {
      const { resource, list, rendering } = response;
      if (rendering.media === 'protobuf' && rendering.as !== 'table') return protobufBody(resource, list, rendering);
      return inForm(encodeList(resource, list, rendering, now), rendering);
    }
    default:
      return response satisfies never;
  }
}

async function protobufBody(resource: ResourceInfo, list: ObjectList, rendering: PlainRendering): Promise<Body> {
  const pieces = await protobufList(resource, list, listMeta(list), rendering);
  return { pieces: joined(pieces), length: pieces.reduce((sum, piece) => sum + piece.length, 0) };
}

/** Small pieces put together. */
function* joined(pieces: readonly Buffer[]): Generator<Buffer> {
  let waiting: Buffer[] = [];
  let size = 0;
  for (const piece of pieces) {
    waiting.push(piece);
    size += piece.length;
    if (size < pieceBytes) continue;
    yield Buffer.concat(waiting, size);
    waiting = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(waiting, size);
}

/** JSON as people or a client want it: as it is, indented, or as YAML. */
function inForm(body: Body, { media, pretty }: Partial<Form>): Body {
  if (media !== 'yaml' && pretty !== true) return body;
  const text = Buffer.concat([...body.pieces]).toString('utf8');
  return whole(Buffer.from(media === 'yaml' ? toYaml(text) : indented(text)));
}

/** Answers are written and forgotten. */
const answerBytes = slab();

/** One object as JSON with the end of its line, as Go's encoder writes it. */
function oneLine(info: ResourceInfo, object: ObjectVersion, rendering: Rendering, now: number): Buffer {
  if (rendering.as === 'table') return encodeOne(info, object, rendering, now, answerBytes);
  const bytes = encodeOne(info, object, rendering, now, (size) => answerBytes(size + 1));
  // What is not made in a place of its own size has none for the end.
  if (rendering.as !== 'object') return Buffer.concat([bytes, lineEnd]);
  bytes[bytes.length - 1] = 0x0a;
  return bytes;
}

const lineEnd = Buffer.from('\n');

/** One object as JSON; as it is, it takes its bytes from `allocate`. */
export function encodeOne(
  info: ResourceInfo,
  object: ObjectVersion,
  rendering: Rendering,
  now: number,
  allocate: (size: number) => Buffer,
): Buffer {
  switch (rendering.as) {
    case 'object': {
      const bytes = allocate(object.encodedLength());
      object.encodeInto(bytes, 0);
      return bytes;
    }
    case 'metadata':
      return Buffer.from(partialMetadata(object, rendering.version));
    case 'table': {
      const metadata = object.revision === 0 ? {} : { resourceVersion: String(object.revision) };
      const head = tableHead(info, rendering, metadata, true);
      return Buffer.from(head + tableRow(info, object, rendering, now) + tableTail);
    }
    default:
      return rendering satisfies never;
  }
}

function encodeList(info: ResourceInfo, list: ObjectList, rendering: Rendering, now: number): Body {
  const metadata = listMeta(list);
  switch (rendering.as) {
    case 'object':
      return objectList(info, list.objects, metadata);
    case 'metadata': {
      const head = `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/${rendering.version}","metadata":${JSON.stringify(metadata)},"items":`;
      // Upstream makes the list only with its first item.
      if (list.objects.length === 0) return whole(Buffer.from(`${head}null}\n`));
      return textList(`${head}[`, list.objects, (object) => partialMetadata(object, rendering.version));
    }
    case 'table':
      return textList(tableHead(info, rendering, { ...metadata }, true), inRowOrder(info, list.objects), (object) =>
        tableRow(info, object, rendering, now),
      );
    default:
      return rendering satisfies never;
  }
}

/** Objects side by side: only copies of what is there. */
function objectList(info: ResourceInfo, objects: readonly ObjectVersion[], given: ListMeta): Body {
  // Upstream's lists of custom resources have no Go type that leaves an empty token out.
  const metadata = info.kind.schema === undefined ? given : { continue: '', ...given };
  const head = Buffer.from(
    `{"kind":"${info.listKind}","apiVersion":"${info.apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`,
  );
  let length = head.length + 3 + Math.max(0, objects.length - 1);
  for (const object of objects) length += object.itemLength();
  return { pieces: objectPieces(head, objects), length };
}

function* objectPieces(head: Buffer, objects: readonly ObjectVersion[]): Generator<Buffer> {
  let from = 0;
  do {
    let size = from === 0 ? head.length : 0;
    let to = from;
    for (; to < objects.length && size < pieceBytes; to++) size += (objects[to]?.itemLength() ?? 0) + (to > 0 ? 1 : 0);
    const last = to === objects.length;
    const piece = Buffer.allocUnsafe(size + (last ? 3 : 0));
    let at = from === 0 ? head.copy(piece, 0) : 0;
    for (let i = from; i < to; i++) {
      if (i > 0) piece[at++] = comma;
      at = objects[i]?.itemInto(piece, at) ?? at;
    }
    if (last) piece.write(']}\n', at, 'latin1');
    yield piece;
    from = to;
  } while (from < objects.length);
}

function textList(head: string, objects: readonly ObjectVersion[], text: (object: ObjectVersion) => string): Body {
  // A short list is one piece of known length.
  if (objects.length <= 64) return whole(Buffer.from(`${head}${objects.map(text).join(',')}]}\n`));
  return { pieces: textPieces(head, objects, text), length: undefined };
}

function* textPieces(
  head: string,
  objects: readonly ObjectVersion[],
  text: (object: ObjectVersion) => string,
): Generator<Buffer> {
  for (let from = 0; from < objects.length; from += 100) {
    const rows = objects
      .slice(from, from + 100)
      .map(text)
      .join(',');
    yield Buffer.from(from === 0 ? head + rows : `,${rows}`);
  }
  yield Buffer.from(']}\n');
}
