// Turns an answer into status, headers and bytes.

import type { ListMeta } from '../../api/meta/types.ts';
import type { ObjectVersion } from '../registry/object-version.ts';
import type { ApiResponse, ObjectList, Rendering, WatchItem, WatchOutput } from '../request.ts';
import type { ResourceInfo } from '../resources.ts';
import { partialMetadata, tableHead, tableRow, tableTail } from '../table.ts';

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

/** The body of an answer that is neither a watch nor a stream. */
export function encodeBody(response: Exclude<ApiResponse, { type: 'watch' | 'stream' }>, now: number): Body {
  switch (response.type) {
    case 'json':
      return whole(json(response.body));
    case 'raw':
      return whole(response.bytes);
    case 'object':
      return whole(encodeOne(response.resource, response.object, response.rendering, now));
    case 'list':
      return encodeList(response.resource, response.list, response.rendering, now);
    default:
      return response satisfies never;
  }
}

function encodeOne(info: ResourceInfo, object: ObjectVersion, rendering: Rendering, now: number): Buffer {
  switch (rendering.as) {
    case 'object':
      return object.encode();
    case 'metadata':
      return Buffer.from(partialMetadata(object, rendering.version));
    case 'table': {
      const head = tableHead(info, rendering, { resourceVersion: String(object.revision) }, true);
      return Buffer.from(head + tableRow(info, object, rendering, now) + tableTail);
    }
    default:
      return rendering satisfies never;
  }
}

function encodeList(info: ResourceInfo, list: ObjectList, rendering: Rendering, now: number): Body {
  const metadata: ListMeta = { resourceVersion: String(list.revision) };
  if (list.continue !== '') metadata.continue = list.continue;
  if (list.remainingItemCount !== undefined) metadata.remainingItemCount = list.remainingItemCount;
  switch (rendering.as) {
    case 'object':
      return objectList(info, list.objects, metadata);
    case 'metadata': {
      const head = `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/${rendering.version}","metadata":${JSON.stringify(metadata)},"items":[`;
      return textList(head, list.objects, (object) => partialMetadata(object, rendering.version));
    }
    case 'table':
      return textList(tableHead(info, rendering, { ...metadata }, true), list.objects, (object) =>
        tableRow(info, object, rendering, now),
      );
    default:
      return rendering satisfies never;
  }
}

/** Objects side by side: only copies of what is there. */
function objectList(info: ResourceInfo, objects: readonly ObjectVersion[], metadata: ListMeta): Body {
  const head = Buffer.from(
    `{"kind":"${info.listKind}","apiVersion":"${info.apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`,
  );
  let length = head.length + 3 + Math.max(0, objects.length - 1);
  for (const object of objects) length += object.encodedLength();
  return { pieces: objectPieces(head, objects), length };
}

function* objectPieces(head: Buffer, objects: readonly ObjectVersion[]): Generator<Buffer> {
  let from = 0;
  do {
    let size = from === 0 ? head.length : 0;
    let to = from;
    for (; to < objects.length && size < pieceBytes; to++)
      size += (objects[to]?.encodedLength() ?? 0) + (to > 0 ? 1 : 0);
    const last = to === objects.length;
    const piece = Buffer.allocUnsafe(size + (last ? 3 : 0));
    let at = from === 0 ? head.copy(piece, 0) : 0;
    for (let i = from; i < to; i++) {
      if (i > 0) piece[at++] = comma;
      at = objects[i]?.encodeInto(piece, at) ?? at;
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

/** Frames of one item by rendering, made once for all watchers that are told it. */
const frames = new WeakMap<WatchItem, Map<string, Buffer>>();

const frame = (type: string, object: Buffer | string): Buffer =>
  Buffer.concat([
    Buffer.from(`{"type":"${type}","object":`),
    typeof object === 'string' ? Buffer.from(object) : object,
    Buffer.from('}\n'),
  ]);

/** Writes the frames of one watch; the first table of a watch carries the column definitions. */
export function watchEncoder(
  info: ResourceInfo,
  rendering: Rendering,
  now: () => number,
): (output: WatchOutput) => Buffer {
  let headers = true;
  const key = JSON.stringify(rendering);
  const encodeItem = (item: WatchItem): Buffer => {
    const withHeaders = rendering.as === 'table' && headers;
    headers = false;
    const cached = withHeaders ? undefined : frames.get(item)?.get(key);
    if (cached !== undefined) return cached;
    const bytes = frame(item.type, encodeWatched(info, item.object, rendering, now(), withHeaders));
    if (!withHeaders) {
      const known = frames.get(item) ?? new Map<string, Buffer>();
      frames.set(item, known.set(key, bytes));
    }
    return bytes;
  };
  return (output) => {
    switch (output.kind) {
      case 'event':
        return encodeItem(output.item);
      case 'bookmark':
        return frame('BOOKMARK', bookmark(info, rendering, output.revision, output.initialEventsEnd));
      case 'error':
        return frame('ERROR', JSON.stringify(output.status));
      default:
        return output satisfies never;
    }
  };
}

function encodeWatched(
  info: ResourceInfo,
  object: ObjectVersion,
  rendering: Rendering,
  now: number,
  headers: boolean,
): Buffer | string {
  if (rendering.as !== 'table') return encodeOne(info, object, rendering, now);
  const head = tableHead(info, rendering, { resourceVersion: String(object.revision) }, headers);
  return head + tableRow(info, object, rendering, now) + tableTail;
}

function bookmark(info: ResourceInfo, rendering: Rendering, revision: number, initialEventsEnd: boolean): string {
  const metadata = {
    resourceVersion: String(revision),
    ...(initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
  };
  switch (rendering.as) {
    case 'table':
      return tableHead(info, rendering, metadata, false) + tableTail;
    case 'metadata':
      return JSON.stringify({
        kind: 'PartialObjectMetadata',
        apiVersion: `meta.k8s.io/${rendering.version}`,
        metadata,
      });
    case 'object':
      return JSON.stringify({ kind: info.kind.kind, apiVersion: info.apiVersion, metadata });
    default:
      return rendering satisfies never;
  }
}
