// Writes the frames of watches, each made once for all watchers that are told it in the same form.

import type { KubeObject } from '../../api/meta/types.ts';
import { loadSchema } from '../../api/schema/load.ts';
import { fillNullFields, fillUnsetFields } from '../../api/schema/unset-fields.ts';
import type { ObjectVersion } from '../registry/object-version.ts';
import type { Rendering, WatchItem, WatchOutput } from '../request.ts';
import type { ResourceInfo } from '../resources.ts';
import { partialMetadata, rowOf, tableHead, tableRow, tableTail } from '../table.ts';
import { encodeOne } from './encode.ts';
import { bookmarkMetadata, type PlainRendering, protobufFrame, protobufWatched } from './encode-protobuf.ts';

/** Items whose frames are remembered. An event is told to all its watchers in a row, as one of three items; later ones are few. */
const remembered = 4;

/** Frames of the items that were told last by rendering, made once for all watchers that are told the same. */
let recent: { item: WatchItem; byForm: Map<string, Buffer> }[] = [];

/** The frame that was asked for last. */
let last: { item: WatchItem; form: string; bytes: Buffer } | undefined;

function framesOf(item: WatchItem): Map<string, Buffer> {
  const known = recent.find((each) => each.item === item);
  if (known !== undefined) return known.byForm;
  const byForm = new Map<string, Buffer>();
  recent = [{ item, byForm }, ...recent.slice(0, remembered - 1)];
  return byForm;
}

const frame = (type: string, object: Buffer | string): Buffer =>
  Buffer.concat([
    Buffer.from(`{"type":"${type}","object":`),
    typeof object === 'string' ? Buffer.from(object) : object,
    Buffer.from('}\n'),
  ]);

/** The same of a whole object, written once: most frames are such. */
function objectFrame(type: string, object: ObjectVersion): Buffer {
  const head = `{"type":"${type}","object":`;
  const bytes = Buffer.allocUnsafe(head.length + object.encodedLength() + 2);
  bytes.write(head, 0, 'latin1');
  bytes.write('}\n', object.encodeInto(bytes, head.length), 'latin1');
  return bytes;
}

const isProtobuf = (rendering: Rendering): rendering is PlainRendering =>
  rendering.media === 'protobuf' && rendering.as !== 'table';

/** Writes the frames of one watch; the first table of a watch carries the column definitions. */
export function watchEncoder(
  info: ResourceInfo,
  rendering: Rendering,
  now: () => number,
): (output: WatchOutput) => Buffer {
  let headers = true;
  const key = JSON.stringify(rendering);
  const encodeItem = (item: WatchItem): Buffer => {
    if (last !== undefined && last.item === item && last.form === key && !headers) return last.bytes;
    const withHeaders = rendering.as === 'table' && headers;
    headers = false;
    if (withHeaders) return makeFrame(item, true);
    const frames = framesOf(item);
    const bytes = frames.get(key) ?? makeFrame(item, false);
    frames.set(key, bytes);
    last = { item, form: key, bytes };
    return bytes;
  };
  const makeFrame = (item: WatchItem, withHeaders: boolean): Buffer => {
    if (rendering.as === 'object' && rendering.media !== 'protobuf') return objectFrame(item.type, item.object);
    if (isProtobuf(rendering))
      return protobufFrame(item.type, protobufWatched(info, rendering, { kind: 'event', item }));
    return frame(item.type, encodeWatched(info, item.object, rendering, now(), withHeaders));
  };
  return (output) => {
    if (output.kind !== 'event' && isProtobuf(rendering))
      return protobufFrame(output.kind.toUpperCase(), protobufWatched(info, rendering, output));
    switch (output.kind) {
      case 'event':
        return encodeItem(output.item);
      case 'bookmark': {
        const withHeaders = headers;
        headers = false;
        return frame('BOOKMARK', bookmark(info, rendering, output, now(), withHeaders));
      }
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
  if (rendering.as !== 'table') return encodeOne(info, object, rendering, now, Buffer.allocUnsafe);
  const head = tableHead(info, rendering, { resourceVersion: String(object.revision) }, headers);
  return head + tableRow(info, object, rendering, now) + tableTail;
}

type Bookmark = Extract<WatchOutput, { kind: 'bookmark' }>;

/** An object of the kind of which only the metadata says anything, in the form of the others. */
function bookmark(
  info: ResourceInfo,
  rendering: Rendering,
  { revision, initialEventsEnd }: Bookmark,
  now: number,
  headers: boolean,
): string {
  const metadata = bookmarkMetadata(revision, initialEventsEnd);
  const text = (): string => JSON.stringify(emptyObject(info, metadata, fillNullFields));
  const metadataJson = (): string => JSON.stringify(metadata);
  switch (rendering.as) {
    case 'table': {
      const head = tableHead(info, rendering, { resourceVersion: String(revision) }, headers);
      const object = (): KubeObject => emptyObject(info, metadata);
      return head + rowOf(info, { object, text, metadataJson }, rendering, now) + tableTail;
    }
    case 'metadata':
      return partialMetadata({ metadataJson }, rendering.version);
    case 'object':
      return text();
    default:
      return rendering satisfies never;
  }
}

/** With what upstream's encoder never leaves out. */
function emptyObject(
  { kind, apiVersion }: ResourceInfo,
  metadata: object,
  complete: typeof fillNullFields = () => {},
): KubeObject {
  const object = { kind: kind.kind, apiVersion, metadata };
  if (kind.schema !== undefined) return object;
  fillUnsetFields(loadSchema(), kind.definition, object);
  complete(loadSchema(), kind.definition, object);
  return object;
}
