// SPDY frames: what is written can be read by any SPDY reader, and whatever is read never hangs or crashes.
import { inflateRawSync } from 'node:zlib';
import { property, uint8Array, uniqueArray, array, integer, assert as assertProperty } from 'fast-check';
import { expect, test } from 'vitest';
import { dataFrames, type Frame, frameReader, headerBlocks, pong, SpdyError, synStream } from './spdy-frames.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

test.each<[string, string, Frame[]]>([
  ['data', '00000003 01 000002 6869', [{ type: 'data', stream: 3, bytes: Buffer.from('hi'), fin: true }]],
  ['data without content', '00000003 01 000000', [{ type: 'data', stream: 3, bytes: Buffer.alloc(0), fin: true }]],
  ['a reply', '80030002 00 000004 00000001', [{ type: 'opened', stream: 1, fin: false }]],
  ['a reset', '80030003 00 000008 00000005 00000001', [{ type: 'reset', stream: 5, status: 1 }]],
  ['a ping', '80030006 00 000004 00000002', [{ type: 'ping', id: 2 }]],
  ['an end of all', '80030007 00 000008 00000001 00000000', [{ type: 'goAway' }]],
  [
    'settings and windows',
    '80030004 00 000004 00000000 80030009 00 000008 00000001 00000010',
    [{ type: 'other' }, { type: 'other' }],
  ],
])('%s', (_name, hex, expected) => {
  expect(frameReader()(bytes(hex))).toEqual(expected);
  // The same in single bytes: nothing but the parts of data differs.
  const read = frameReader();
  const frames = [...bytes(hex)].flatMap((byte) => read(Buffer.from([byte])));
  expect(joined(frames)).toEqual(joined(expected));
});

/** Data of one frame that came in parts, as one. */
function joined(frames: readonly Frame[]): Frame[] {
  const out: Frame[] = [];
  for (const frame of frames) {
    const last = out.at(-1);
    if (frame.type === 'data' && last?.type === 'data' && !last.fin && last.stream === frame.stream)
      out[out.length - 1] = { ...frame, bytes: Buffer.concat([last.bytes, frame.bytes]) };
    else out.push(frame);
  }
  return out;
}

test.each([
  ['another version', '80020002 00 000004 00000001'],
  ['a stream that the server opens', '80030001 00 00000a 00000002 00000000 0000'],
  ['a control frame without end', '80030004 00 ffffff'],
  ['a reset that is too short', '80030003 00 000004 00000005'],
])('%s is refused', (_name, hex) => {
  expect(() => frameReader()(bytes(hex))).toThrow(SpdyError);
});

test('no bytes crash or hang the reader, and it keeps no more than a frame', () => {
  const anything = array(uint8Array({ maxLength: 40 }), { maxLength: 30 });
  assertProperty(
    property(anything, (chunks) => {
      const read = frameReader();
      try {
        for (const chunk of chunks) read(Buffer.from(chunk));
      } catch (error) {
        expect(error).toBeInstanceOf(SpdyError);
      }
    }),
    { numRuns: 500 },
  );
});

test('data that is written in any pieces is read as it was', () => {
  assertProperty(
    property(
      uint8Array({ maxLength: 100_000 }),
      uniqueArray(integer({ min: 1, max: 100_000 }), { maxLength: 8 }),
      (content, cuts) => {
        const wire = Buffer.concat(dataFrames(7, Buffer.from(content), true));
        const read = frameReader();
        const edges = [0, ...cuts.filter((cut) => cut < wire.length).toSorted((a, b) => a - b), wire.length];
        const frames = edges.slice(1).flatMap((end, i) => read(wire.subarray(edges[i], end)));
        const parts = frames.map((frame) => (frame.type === 'data' ? frame.bytes : Buffer.alloc(0)));
        expect(Buffer.concat(parts).equals(Buffer.from(content))).toBe(true);
        expect(frames.filter((frame) => frame.type === 'data' && frame.fin)).toHaveLength(1);
        expect(frames.at(-1)).toMatchObject({ fin: true });
      },
    ),
    { numRuns: 50 },
  );
});

test('header blocks are one zlib stream with the dictionary of the draft', () => {
  const block = headerBlocks();
  const first = synStream(1, block({ streamtype: 'error' }));
  const second = synStream(3, block({ streamtype: 'stdout', port: '80' }));
  expect(first.subarray(0, 8).toString('hex')).toBe(`8003000100${(first.length - 8).toString(16).padStart(6, '0')}`);
  const blocks = [first, second].map((frame) => frame.subarray(18));
  // CMF and FLG are a multiple of 31 and announce a dictionary; then its Adler-32.
  expect(blocks[0]!.readUInt16BE(0) % 31).toBe(0);
  expect(blocks[0]!.subarray(2, 6).toString('hex')).toBe('e3c6a7c2');
  const last = Buffer.from([0x01, 0x00, 0x00, 0xff, 0xff]);
  const plain = inflateRawSync(Buffer.concat([blocks[0]!.subarray(6), blocks[1]!, last]));
  expect(plain.toString('latin1')).toBe(
    '\0\0\0\x01\0\0\0\x0astreamtype\0\0\0\x05error\0\0\0\x02\0\0\0\x0astreamtype\0\0\0\x06stdout\0\0\0\x04port\0\0\0\x0280',
  );
});

test('a ping is answered with itself', () => {
  expect(pong(2).toString('hex')).toBe('800300060000000400000002');
});
