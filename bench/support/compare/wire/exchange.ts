// Sends a request to both servers and keeps where what they answer on the wire differs: headers and bytes, too.
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import type { Address } from '../../api/answer.ts';
import { type Difference, difference, type Json } from '../difference.ts';

/** What is asked; the body as it goes over the wire. */
export interface WireRequest {
  what: string;
  method: string;
  path: string;
  body?: string | Buffer;
  headers?: Readonly<Record<string, string>>;
  /** ms until an answer that goes on is cut off; 8 s where not said. */
  patienceMs?: number;
}

/** What came back. */
export interface WireAnswer {
  code: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** Whether the server ended the answer itself. */
  ended: boolean;
}

/** Both servers, and what has been compared between them. */
export interface Comparison {
  readonly real: Address;
  readonly peapod: Address;
  /** Asks both the same, and compares what `show` makes of the answers. */
  ask(asked: WireRequest, show: (answer: WireAnswer) => Json): Promise<Pair<WireAnswer>>;
  /** The same where each is asked something else. */
  askEach(what: string, asked: Pair<WireRequest>, show: (answer: WireAnswer) => Json): Promise<Pair<WireAnswer>>;
  /** Compares what each said in other ways. */
  compare(what: string, shown: Pair<Json>, codes?: Pair<number>): void;
  /** Forgets the history of both but for the newest revision. */
  compact(): Promise<void>;
  readonly found: readonly Difference[];
  readonly same: number;
}

/** The real server's, and Peapod's. */
export type Pair<T> = readonly [real: T, peapod: T];

const defaultPatienceMs = 8000;
export const agent = new Agent({ keepAlive: true, maxSockets: 256 });

/** Never rejects: a connection that breaks is an answer, too. */
export function exchange(
  { port, ca, cert, key }: Address,
  { method, path, body, headers = {}, patienceMs = defaultPatienceMs }: WireRequest,
): Promise<WireAnswer> {
  return new Promise((resolve) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const options = { agent, host: '127.0.0.1', port, ca, cert, key, method, path };
    const timer = setTimeout(() => sent.destroy(new Error('no end in time')), patienceMs);
    const sent = request({ ...options, headers: { ...length, ...headers } }, (response) => {
      const pieces: Buffer[] = [];
      let ended = false;
      response.on('data', (piece: Buffer) => pieces.push(piece)).on('end', () => (ended = true));
      response.on('error', () => {});
      response.on('close', () => {
        clearTimeout(timer);
        const whole = Buffer.concat(pieces);
        resolve({ code: response.statusCode ?? 0, headers: response.headers, body: whole, ended });
      });
    });
    sent.on('error', (error) => {
      clearTimeout(timer);
      resolve({ code: 0, headers: {}, body: Buffer.from(error.message), ended: false });
    });
    sent.end(body);
  });
}

export function comparison(real: Address, peapod: Address, compact: () => Promise<void>): Comparison {
  const found: Difference[] = [];
  let same = 0;
  const compare = (what: string, [theirs, ours]: Pair<Json>, [code, own]: Pair<number> = [200, 200]): void => {
    const differs = difference(
      what,
      { code, text: JSON.stringify(theirs), warnings: [] },
      { code: own, text: JSON.stringify(ours), warnings: [] },
    );
    if (differs === undefined) same++;
    else found.push(differs);
  };
  const askEach: Comparison['askEach'] = async (what, [of, asked], show) => {
    const [theirs, ours] = await Promise.all([exchange(real, of), exchange(peapod, asked)]);
    compare(what, [show(theirs), show(ours)], [theirs.code, ours.code]);
    return [theirs, ours];
  };
  return {
    real,
    peapod,
    compact,
    found,
    get same() {
      return same;
    },
    compare,
    ask: (asked, show) => askEach(asked.what, [asked, asked], show),
    askEach,
  };
}

/** JSON where it is such, text otherwise. */
export function parsed(body: Buffer): Json {
  const text = body.toString('utf8');
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
