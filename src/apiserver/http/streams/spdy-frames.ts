// SPDY/3.1 frames as the client of a container runtime's streaming server needs them: bytes to frames and frames to bytes. Pure.
// Follows the SPDY Protocol Draft 3.1, sections 2.2 and 2.6.

const version = 3;
const headerBytes = 8;
/** A control frame over this is nothing that a streaming server sends. */
const maxControlBytes = 64 * 1024;
/** Data goes out in frames of at most this, so that the other side never has to hold much. */
const maxDataBytes = 32 * 1024;

const controlType = { synStream: 1, synReply: 2, rstStream: 3, settings: 4, ping: 6, goAway: 7 } as const;
const flagFin = 0x01;

/** What the other side says. The content of a data frame may come in several parts; only the last can be `fin`. */
export type Frame =
  | { type: 'data'; stream: number; bytes: Buffer; fin: boolean }
  | { type: 'opened'; stream: number; fin: boolean }
  | { type: 'reset'; stream: number; status: number }
  | { type: 'ping'; id: number }
  | { type: 'goAway' }
  /** Settings, windows and headers: nothing to do about them. */
  | { type: 'other' };

/** The bytes are not SPDY/3.1, or more than this side takes. */
export class SpdyError extends Error {}

interface DataFrame {
  stream: number;
  fin: boolean;
  /** Bytes that are still to come. */
  left: number;
}

/** Gives the frames that are in the bytes of each call and of those before it. Throws SpdyError, after which it is of no more use. */
export function frameReader(): (chunk: Buffer) => Frame[] {
  /** The start of a frame that is not whole yet; of a data frame only the header is waited for. */
  let rest: Buffer = Buffer.alloc(0);
  let data: DataFrame | undefined;
  return (chunk) => {
    const frames: Frame[] = [];
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      if (data !== undefined) {
        if (bytes.length === 0 && data.left > 0) break;
        const part = bytes.subarray(0, data.left);
        bytes = bytes.subarray(part.length);
        data.left -= part.length;
        frames.push({ type: 'data', stream: data.stream, bytes: part, fin: data.fin && data.left === 0 });
        if (data.left === 0) data = undefined;
        continue;
      }
      if (bytes.length < headerBytes) break;
      const length = bytes.readUIntBE(5, 3);
      if ((bytes.readUInt8(0) & 0x80) === 0) {
        data = { stream: bytes.readUInt32BE(0), fin: (bytes.readUInt8(4) & flagFin) !== 0, left: length };
        bytes = bytes.subarray(headerBytes);
        continue;
      }
      if (length > maxControlBytes) throw new SpdyError(`a control frame of ${length} bytes`);
      if (bytes.length < headerBytes + length) break;
      frames.push(controlFrame(bytes.subarray(0, headerBytes + length)));
      bytes = bytes.subarray(headerBytes + length);
    }
    // A copy: what is kept must not hold on to the socket's whole buffer.
    rest = Buffer.from(bytes);
    return frames;
  };
}

function controlFrame(frame: Buffer): Frame {
  const spoken = frame.readUInt16BE(0) & 0x7fff;
  if (spoken !== version) throw new SpdyError(`SPDY version ${spoken}`);
  const body = frame.subarray(headerBytes);
  const word = (at: number): number => {
    if (body.length < at + 4) throw new SpdyError('a control frame is too short');
    return body.readUInt32BE(at);
  };
  switch (frame.readUInt16BE(2)) {
    case controlType.synStream:
      throw new SpdyError('a streaming server opens no streams');
    case controlType.synReply:
      return { type: 'opened', stream: word(0) & 0x7fffffff, fin: (frame.readUInt8(4) & flagFin) !== 0 };
    case controlType.rstStream:
      return { type: 'reset', stream: word(0) & 0x7fffffff, status: word(4) };
    case controlType.ping:
      return { type: 'ping', id: word(0) };
    case controlType.goAway:
      return { type: 'goAway' };
    default:
      return { type: 'other' };
  }
}

function control(type: number, flags: number, body: Buffer): Buffer {
  const frame = Buffer.alloc(headerBytes + body.length);
  frame.writeUInt16BE(0x8000 | version, 0);
  frame.writeUInt16BE(type, 2);
  frame[4] = flags;
  frame.writeUIntBE(body.length, 5, 3);
  body.copy(frame, headerBytes);
  return frame;
}

function words(...values: number[]): Buffer {
  const body = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) body.writeUInt32BE(value, 4 * i);
  return body;
}

/** An empty stored block: readers give out what came before it. */
const flushed = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]);

/**
 * Writes header blocks. All blocks of a connection are one zlib stream; its blocks are sent as they are, without compression, which
 * every reader takes and needs no state.
 */
export function headerBlocks(): (headers: Readonly<Record<string, string>>) => Buffer {
  /** CMF and FLG that announce a dictionary, and the Adler-32 of the draft's. */
  let start = Buffer.from([0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2]);
  return (headers) => {
    const texts = Object.entries(headers).flat();
    const parts = [
      words(texts.length / 2),
      ...texts.flatMap((text) => [words(Buffer.byteLength(text)), Buffer.from(text)]),
    ];
    const block = Buffer.concat(parts);
    // A stored block: not the last, its length and that length's complement.
    const stored = Buffer.alloc(5);
    stored.writeUInt16LE(block.length, 1);
    stored.writeUInt16LE(~block.length & 0xffff, 3);
    const whole = Buffer.concat([start, stored, block, flushed]);
    start = Buffer.alloc(0);
    return whole;
  };
}

/** Opens a stream of our own (an odd id), with a block made by `headerBlocks`. */
export function synStream(stream: number, block: Buffer): Buffer {
  // No stream that it belongs to; the highest priority and no slot.
  return control(controlType.synStream, 0, Buffer.concat([words(stream, 0), Buffer.from([0, 0]), block]));
}

/** Data of a stream, in as many frames as it takes; `fin` ends our side of it. */
export function dataFrames(stream: number, bytes: Buffer, fin: boolean): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length || frames.length === 0; at += maxDataBytes) {
    const part = bytes.subarray(at, at + maxDataBytes);
    const header = Buffer.alloc(headerBytes);
    header.writeUInt32BE(stream, 0);
    header[4] = fin && at + maxDataBytes >= bytes.length ? flagFin : 0;
    header.writeUIntBE(part.length, 5, 3);
    frames.push(header, part);
  }
  return frames;
}

/** The answer to a ping is the same ping. */
export const pong = (id: number): Buffer => control(controlType.ping, 0, words(id));
