// Reads and writes PEM as Go does, so that a text has the same blocks here and there. Follows encoding/pem of Go 1.26.

export interface PemBlock {
  /** What stands behind BEGIN: `CERTIFICATE`. */
  type: string;
  /** Whether there are lines `Key: value` before the data. */
  hasHeaders: boolean;
  der: Buffer<ArrayBuffer>;
}

const beginMark = '-----BEGIN ';
const endMark = '\n-----END ';
const dashes = '-----';

const wholeBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The line at that place, without blanks at its end, and where the next one begins. */
function lineAt(text: string, at: number): { line: string; next: number } {
  const end = text.indexOf('\n', at);
  const raw = end < 0 ? text.slice(at) : text.slice(at, end).replace(/\r$/, '');
  return { line: raw.replace(/[ \t]+$/, ''), next: end < 0 ? text.length : end + 1 };
}

/** What is between a BEGIN line and the end mark that closes it. */
type Found =
  | { block: PemBlock; next: number }
  /** No block: others may follow. */
  | 'skip'
  /** No block, and nothing is looked at any more. */
  | 'stop';

/** Reads the block whose type begins at `at` and whose end mark stands at `end`. */
function readBlock(text: string, at: number, end: number): Found {
  const afterEnd = end + endMark.length;
  const first = lineAt(text, at);
  if (!first.line.endsWith(dashes)) return 'skip';
  const type = first.line.slice(0, -dashes.length);
  let body = first.next;
  let hasHeaders = false;
  for (;;) {
    if (body >= text.length) return 'stop';
    const { line, next } = lineAt(text, body);
    if (!line.includes(':')) break;
    hasHeaders = true;
    body = next;
  }
  if (hasHeaders && end < body) return body > afterEnd ? 'stop' : 'skip';
  const closing = type + dashes;
  if (!text.startsWith(closing, afterEnd)) return 'skip';
  if (lineAt(text, afterEnd + closing.length).line !== '') return 'skip';
  const base64 = body < end ? text.slice(body, end).replace(/[ \t\r\n]/g, '') : '';
  if (!wholeBase64.test(base64)) return 'skip';
  return { block: { type, hasHeaders, der: Buffer.from(base64, 'base64') }, next: lineAt(text, afterEnd).next };
}

/** The blocks of a PEM text in their order. What is between them, and what is no whole block, does not count. */
export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  let from = 0;
  for (;;) {
    const end = text.indexOf(endMark, from);
    if (end < 0) return blocks;
    // The last BEGIN before it: one that is never closed is passed over.
    const begin = text.slice(from, end).lastIndexOf(beginMark);
    const opens = begin === 0 || (begin > 0 && text[from + begin - 1] === '\n');
    const found = opens ? readBlock(text, from + begin + beginMark.length, end) : 'skip';
    if (found === 'stop') return blocks;
    if (found === 'skip') {
      from = end + endMark.length;
      continue;
    }
    blocks.push(found.block);
    from = found.next;
  }
}

/** One block as PEM, in lines of 64 characters. */
export function pemText(type: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`${beginMark}${type}${dashes}`, ...lines, `-----END ${type}${dashes}`, ''].join('\n');
}
