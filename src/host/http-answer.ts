// Reads one HTTP/1.x answer as it comes over a connection: its status, its Location and the beginning of its body.
// Probes come by the hundred each second: this costs a fraction of what Node's own client does for each.

import { goQuote } from '../api/meta/go-format.ts';
import type { HttpAnswer } from '../lib/dialer.ts';

/** What was sent is no HTTP answer; the message is Go's. */
export class MalformedAnswer extends Error {}

export interface AnswerReader {
  /** Takes what came. True once the answer is whole, or as much of it as is wanted. Throws MalformedAnswer. */
  push(chunk: Buffer): boolean;
  /** The connection has ended. Throws MalformedAnswer when something was missing. */
  end(): void;
  /** The status and all headers have come. */
  hasHead(): boolean;
  /** Once `push` gave true or `end` returned. */
  answer(): HttpAnswer;
}

const maxHeadBytes = 2 ** 20;
const lineFeed = 0x0a;
const broken = (why: string): MalformedAnswer =>
  new MalformedAnswer(`net/http: HTTP/1.x transport connection broken: ${why}`);

/** How the body's end is told: after so many bytes, in chunks, or by the end of the connection. */
type Framing = { by: 'length'; left: number } | { by: 'chunks'; left: number } | { by: 'close' };

interface Head {
  status: number;
  location: string | undefined;
  framing: Framing;
}

/** Reads the answer to a GET up to `maxBodyBytes` of its body. */
export function createAnswerReader(maxBodyBytes: number): AnswerReader {
  let head: Head | undefined;
  let pending: Buffer = Buffer.alloc(0);
  const body: Buffer[] = [];
  let size = 0;

  const keep = (bytes: Buffer): void => {
    if (bytes.length === 0) return;
    body.push(bytes);
    size += bytes.length;
  };

  /** Takes the body's bytes out of `pending`; true when it has ended. */
  const takeBody = (framing: Framing): boolean => {
    switch (framing.by) {
      case 'close':
        keep(pending);
        pending = Buffer.alloc(0);
        return false;
      case 'length': {
        const part = pending.subarray(0, framing.left);
        keep(part);
        pending = pending.subarray(part.length);
        framing.left -= part.length;
        return framing.left === 0;
      }
      case 'chunks':
        return takeChunks(framing);
      default:
        return framing satisfies never;
    }
  };

  /** `left` counts what is missing of the present chunk, its line end included; 0 means that a size is next. */
  const takeChunks = (framing: { left: number }): boolean => {
    for (;;) {
      if (framing.left === 0) {
        const lineEnd = pending.indexOf(lineFeed);
        if (lineEnd < 0) return false;
        const text = pending.toString('latin1', 0, lineEnd).replace(/;.*/, '').trim();
        if (!/^[0-9a-f]{1,8}$/i.test(text)) throw broken('invalid byte in chunk length');
        pending = pending.subarray(lineEnd + 1);
        const length = Number.parseInt(text, 16);
        if (length === 0) return true;
        framing.left = length + 2;
      }
      if (pending.length === 0) return false;
      const part = pending.subarray(0, framing.left);
      keep(part.subarray(0, Math.max(0, framing.left - 2)));
      framing.left -= part.length;
      pending = pending.subarray(part.length);
    }
  };

  /** Takes heads out of `pending`, past those that only say to wait; undefined while it has not come whole. */
  const takeHead = (): Head | undefined => {
    for (;;) {
      const firstEnd = pending.indexOf(lineFeed);
      if (firstEnd >= 0) statusOf(pending.toString('latin1', 0, firstEnd).replace(/\r$/, ''));
      const end = endOfHead(pending);
      if (end < 0) {
        if (pending.length > maxHeadBytes)
          throw new MalformedAnswer(`net/http: server response headers exceeded ${maxHeadBytes} bytes; aborted`);
        return undefined;
      }
      const found = headOf(pending.toString('latin1', 0, end));
      pending = pending.subarray(end);
      if (found.status >= 200 || found.status === 101) return found;
    }
  };

  return {
    push(chunk) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      head ??= takeHead();
      return head !== undefined && (takeBody(head.framing) || size >= maxBodyBytes);
    },
    end() {
      if (head === undefined) {
        if (pending.length === 0) throw new MalformedAnswer('EOF');
        statusOf(pending.toString('latin1').split(/\r?\n/, 1)[0] ?? '');
        throw broken('unexpected EOF');
      }
      if (head.framing.by !== 'close') throw new MalformedAnswer('unexpected EOF');
    },
    hasHead: () => head !== undefined,
    answer: () => ({
      status: head?.status ?? 0,
      location: head?.location,
      body: Buffer.concat(body).subarray(0, maxBodyBytes).toString(),
    }),
  };
}

/** Where the body begins; -1 while the empty line has not come. */
function endOfHead(bytes: Buffer): number {
  const usual = bytes.indexOf('\r\n\r\n');
  if (usual >= 0) return usual + 4;
  const bare = bytes.indexOf('\n\n');
  return bare < 0 ? -1 : bare + 2;
}

function statusOf(line: string): number {
  const [, major, rest] = /^HTTP\/(\d)\.\d +(.*)$/.exec(line) ?? [];
  if (major === undefined || rest === undefined) throw broken(`malformed HTTP response ${goQuote(line)}`);
  const code = rest.split(' ', 1)[0] ?? '';
  if (!/^\d{3}$/.test(code)) throw broken(`malformed HTTP status code ${goQuote(code)}`);
  return Number(code);
}

function headOf(text: string): Head {
  const [first = '', ...lines] = text.split(/\r?\n/).filter((line) => line !== '');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) throw broken(`malformed MIME header line: ${line}`);
    const name = line.slice(0, colon).toLowerCase();
    if (!headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  const status = statusOf(first);
  return { status, location: headers.get('location'), framing: framingOf(status, headers) };
}

function framingOf(status: number, headers: ReadonlyMap<string, string>): Framing {
  if (status < 200 || status === 204 || status === 304) return { by: 'length', left: 0 };
  if (headers.get('transfer-encoding')?.toLowerCase() === 'chunked') return { by: 'chunks', left: 0 };
  const length = headers.get('content-length');
  if (length === undefined) return { by: 'close' };
  if (!/^\d+$/.test(length)) throw broken(`bad Content-Length ${goQuote(length)}`);
  return { by: 'length', left: Number(length) };
}
