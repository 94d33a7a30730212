// Answers in protobuf: objects, lists, Statuses and the frames of watches.
// Follows apimachinery pkg/runtime/serializer/protobuf and util/framer, and apiserver endpoints/handlers/response.go of v1.36.

import { loadSchema } from '../../api/schema/load.ts';
import type { KubeObject, ListMeta } from '../../api/meta/types.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import { protobufEncoder, type ProtobufEncoder } from '../protobuf/encode.ts';
import { sealEnvelope } from '../protobuf/envelope.ts';
import { BackwardWriter } from '../protobuf/writer.ts';
import type { ObjectVersion } from '../registry/object-version.ts';
import type { ObjectList, Rendering, WatchOutput } from '../request.ts';
import type { ResourceInfo } from '../resources.ts';

/** Objects of a list made into messages before others get their turn. */
const slice = 100;

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

let made: ProtobufEncoder | undefined;
const encoder = (): ProtobufEncoder => (made ??= protobufEncoder(loadSchema()));
const messageOf = (definition: string, object: object): Buffer => encoder().message(definition, object);

const writer = new BackwardWriter();

/** A message that holds others, each in a field of its own. */
function holding(...fields: readonly (readonly [number, Buffer])[]): Buffer {
  for (const [number, bytes] of fields.toReversed()) writer.bytes(number, bytes);
  return writer.take();
}

/** The definition of an object that is no stored one (a Status, a review), when it has a protobuf form. */
function definitionOf({ apiVersion = '', kind = '' }: KubeObject): string | undefined {
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  const found = loadSchema().ofKind(group, apiVersion.slice(slash + 1), kind)?.name;
  return found !== undefined && encoder().knows(found) ? found : undefined;
}

/** Whether an object has a protobuf form. */
export const hasProtobufForm = (object: KubeObject): boolean => definitionOf(object) !== undefined;

/** An object of the API that is not stored. It must have a protobuf form. */
export function protobufOf(object: KubeObject): Buffer {
  const message = messageOf(definitionOf(object) ?? '', object);
  return Buffer.concat(sealEnvelope(object.apiVersion ?? '', object.kind ?? '', [message]));
}

const metadataMessage = (metadata: object): Buffer => holding([1, messageOf(`${meta}.ObjectMeta`, metadata)]);

export type PlainRendering = Exclude<Rendering, { as: 'table' }>;

/** One stored object in its envelope. */
export function protobufObject(info: ResourceInfo, object: ObjectVersion, rendering: PlainRendering): Buffer {
  return Buffer.concat(envelope(info, rendering, partOf(object, rendering)));
}

const partOf = (object: ObjectVersion, rendering: PlainRendering): Buffer =>
  rendering.as === 'object' ? object.message(messageOf) : metadataMessage(object.object().metadata);

function envelope(info: ResourceInfo, rendering: PlainRendering, message: Buffer): Buffer[] {
  if (rendering.as === 'object') return sealEnvelope(info.apiVersion, info.kind.kind, [message]);
  return sealEnvelope(`meta.k8s.io/${rendering.version}`, 'PartialObjectMetadata', [message]);
}

/** A list in its envelope, in pieces. */
export async function protobufList(
  info: ResourceInfo,
  list: ObjectList,
  metadata: ListMeta,
  rendering: PlainRendering,
): Promise<Buffer[]> {
  // The old list of metadata has its fields the other way about.
  const isOld = rendering.as === 'metadata' && rendering.version === 'v1beta1';
  const head = holding([isOld ? 2 : 1, messageOf(`${meta}.ListMeta`, metadata)]);
  const itemField = isOld ? 1 : 2;
  const pieces = isOld ? [] : [head];
  for (const [i, object] of list.objects.entries()) {
    if (i > 0 && i % slice === 0) await nextTurn();
    const item = partOf(object, rendering);
    writer.open(itemField, item.length);
    pieces.push(writer.take(), item);
  }
  if (isOld) pieces.push(head);
  if (rendering.as === 'object') return sealEnvelope(info.apiVersion, info.listKind, pieces);
  return sealEnvelope(`meta.k8s.io/${rendering.version}`, 'PartialObjectMetadataList', pieces);
}

/** One frame of a watch: its length in four bytes, then a WatchEvent with the object in its envelope. */
export function protobufFrame(type: string, object: Buffer): Buffer {
  const mark = writer.length;
  writer.bytes(1, object);
  writer.close(2, mark);
  writer.text(1, type);
  const head = Buffer.allocUnsafe(4);
  head.writeUInt32BE(writer.length);
  writer.raw(head);
  return writer.take();
}

/** The object of an output of a watch, in its envelope. */
export function protobufWatched(info: ResourceInfo, rendering: PlainRendering, output: WatchOutput): Buffer {
  switch (output.kind) {
    case 'event':
      return protobufObject(info, output.item.object, rendering);
    case 'bookmark': {
      const metadata = bookmarkMetadata(output.revision, output.initialEventsEnd);
      const message =
        rendering.as === 'object' ? messageOf(info.kind.definition, { metadata }) : metadataMessage(metadata);
      return Buffer.concat(envelope(info, rendering, message));
    }
    case 'error':
      return protobufOf(output.status);
    default:
      return output satisfies never;
  }
}

/** What a bookmark says. */
export function bookmarkMetadata(revision: number, initialEventsEnd: boolean): Record<string, unknown> {
  return {
    resourceVersion: String(revision),
    ...(initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
  };
}
