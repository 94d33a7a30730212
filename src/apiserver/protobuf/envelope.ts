// The envelope around a protobuf object: four magic bytes, then runtime.Unknown with the type and the object's own bytes.
// Follows apimachinery pkg/runtime/generated.proto of v1.36.

import { expectField, ProtobufError, Reader } from './reader.ts';
import { BackwardWriter } from './writer.ts';

const magic = Buffer.from('k8s\0');
const writer = new BackwardWriter();

/** The bytes are no envelope. */
export class EnvelopeError extends ProtobufError {}

interface Opened {
  /** Both empty where the envelope does not say. */
  apiVersion: string;
  kind: string;
  raw: Buffer;
}

/** The pieces of an envelope around a message that is itself in pieces. */
export function sealEnvelope(apiVersion: string, kind: string, message: readonly Buffer[]): Buffer[] {
  const size = message.reduce((sum, piece) => sum + piece.length, 0);
  writer.open(2, size);
  const mark = writer.length;
  writer.text(2, kind);
  writer.text(1, apiVersion);
  writer.close(1, mark);
  writer.raw(magic);
  const head = writer.take();
  // Encoding and type of the content are always written, and always empty.
  writer.text(4, '');
  writer.text(3, '');
  return [head, ...message, writer.take()];
}

/** What is in an envelope. Throws EnvelopeError. */
export function openEnvelope(bytes: Buffer): Opened {
  if (bytes.length === 0) throw new EnvelopeError('empty data');
  if (bytes.length < magic.length || !bytes.subarray(0, magic.length).equals(magic))
    throw new EnvelopeError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  if (bytes.length === magic.length) throw new EnvelopeError('empty body');
  try {
    return readUnknown(new Reader(bytes.subarray(magic.length)));
  } catch (error) {
    throw error instanceof ProtobufError ? new EnvelopeError(error.message) : error;
  }
}

function readUnknown(reader: Reader): Opened {
  let [apiVersion, kind] = ['', ''];
  let raw: Buffer = Buffer.alloc(0);
  while (!reader.done) {
    const { field, wire } = expectField(reader, 'Unknown');
    if (field === 1 && wire === 2) {
      const type = new Reader(reader.chunk());
      while (!type.done) {
        const inner = expectField(type, 'TypeMeta');
        if (inner.field === 1 && inner.wire === 2) apiVersion = type.chunk().toString('utf8');
        else if (inner.field === 2 && inner.wire === 2) kind = type.chunk().toString('utf8');
        else type.skip(inner.wire);
      }
    } else if (field === 2 && wire === 2) raw = reader.chunk();
    else reader.skip(wire);
  }
  return { apiVersion, kind, raw };
}
