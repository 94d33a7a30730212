// Cuts the text of a CEL expression into tokens. Follows the grammar of cel-go parser/gen/CEL.g4 and parser/unescape.go.

import type { Literal } from './ast.ts';
import { isInt64, isUint64, Uint } from './values.ts';

/** What the grammar calls a token in its messages. */
export interface Token {
  type: 'symbol' | 'identifier' | 'escaped' | 'literal' | 'end';
  /** As it stands in the text; `<EOF>` at the end. */
  text: string;
  offset: number;
  /** Of a literal that is not a word. An integer may stand right after a minus sign: its range is checked by the parser. */
  value?: Literal;
}

export class SyntaxProblem extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

const symbols2 = new Set(['==', '!=', '<=', '>=', '&&', '||']);
const symbols1 = new Set('[]{}().,-!?:+*/%<>'.split(''));
const isDigit = (c: string | undefined): boolean => c !== undefined && c >= '0' && c <= '9';
const isHex = (c: string | undefined): boolean => c !== undefined && /^[0-9a-fA-F]$/.test(c);
const isWordStart = (c: string | undefined): boolean => c !== undefined && /^[A-Za-z_]$/.test(c);
const isWord = (c: string | undefined): boolean => c !== undefined && /^[A-Za-z0-9_]$/.test(c);
const badToken = (offset: number, text: string): SyntaxProblem =>
  new SyntaxProblem(offset, `Syntax error: token recognition error at: '${text}'`);

/** The tokens of the expression, given as code points; the last is the end. Throws a SyntaxProblem. */
export function tokenize(source: readonly string[]): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    const c = source[at] ?? '';
    if (c === ' ' || c === '\t' || c === '\r' || c === '\n' || c === '\f') {
      at++;
      continue;
    }
    if (c === '/' && source[at + 1] === '/') {
      while (at < source.length && source[at] !== '\n') at++;
      continue;
    }
    const { token, next } = readToken(source, at, c);
    tokens.push(token);
    at = next;
  }
  tokens.push({ type: 'end', text: '<EOF>', offset: source.length });
  return tokens;
}

interface Read {
  token: Token;
  next: number;
}

function readToken(source: readonly string[], at: number, c: string): Read {
  const two = c + (source[at + 1] ?? '');
  const text = readText(source, at);
  if (text !== undefined) return text;
  if (isDigit(c) || (c === '.' && isDigit(source[at + 1]))) return readNumber(source, at);
  if (isWordStart(c)) return readWord(source, at);
  if (symbols2.has(two)) return { token: { type: 'symbol', text: two, offset: at }, next: at + 2 };
  if (symbols1.has(c)) return { token: { type: 'symbol', text: c, offset: at }, next: at + 1 };
  if (c === '`') return readEscaped(source, at);
  throw badToken(at, c);
}

const words = new Map<string, Literal>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

function readWord(source: readonly string[], at: number): Read {
  let next = at;
  while (isWord(source[next])) next++;
  const text = source.slice(at, next).join('');
  const value = words.get(text);
  if (value !== undefined) return { token: { type: 'literal', text, offset: at, value }, next };
  return { token: { type: text === 'in' ? 'symbol' : 'identifier', text, offset: at }, next };
}

function readEscaped(source: readonly string[], at: number): Read {
  const end = source.indexOf('`', at + 1);
  const text = source.slice(at + 1, end < 0 ? at + 1 : end).join('');
  if (!/^[A-Za-z0-9_.\-/ ]+$/.test(text)) throw badToken(at, '`');
  return { token: { type: 'escaped', text, offset: at }, next: end + 1 };
}

function readNumber(source: readonly string[], at: number): Read {
  const done = (next: number, value: Literal | undefined, what: string): Read => {
    const text = source.slice(at, next).join('');
    if (value === undefined) throw new SyntaxProblem(at, `invalid ${what} literal`);
    return { token: { type: 'literal', text, offset: at, value }, next };
  };
  const integer = (next: number): Read => {
    const value = BigInt(source.slice(at, next).join(''));
    if (source[next] === 'u' || source[next] === 'U')
      return done(next + 1, isUint64(value) ? new Uint(value) : undefined, 'uint');
    return done(next, isInt64(-value) ? value : undefined, 'int');
  };
  let next = at;
  if (source[at] === '0' && source[at + 1] === 'x' && isHex(source[at + 2])) {
    next += 2;
    while (isHex(source[next])) next++;
    return integer(next);
  }
  while (isDigit(source[next])) next++;
  let isDouble = false;
  if (source[next] === '.' && isDigit(source[next + 1])) {
    isDouble = true;
    next++;
    while (isDigit(source[next])) next++;
  }
  const exponent = source[next] === 'e' || source[next] === 'E' ? next + 1 : -1;
  const digits = exponent > 0 && (source[exponent] === '+' || source[exponent] === '-') ? exponent + 1 : exponent;
  if (exponent > 0 && isDigit(source[digits])) {
    isDouble = true;
    next = digits;
    while (isDigit(source[next])) next++;
  }
  if (!isDouble) return integer(next);
  const value = Number(source.slice(at, next).join(''));
  return done(next, Number.isFinite(value) ? value : undefined, 'double');
}

/** A string or bytes, with its prefixes (r, b, br), or undefined where none starts here. */
function readText(source: readonly string[], at: number): Read | undefined {
  const prefix = /^(?:[rR]|[bB][rR]?)?(?=["'])/.exec(source.slice(at, at + 3).join(''))?.[0];
  if (prefix === undefined) return undefined;
  const isRaw = /r/i.test(prefix);
  const isBytes = /b/i.test(prefix);
  const open = at + prefix.length;
  const quote = source[open] ?? '';
  const isTriple = source[open + 1] === quote && source[open + 2] === quote;
  const start = open + (isTriple ? 3 : 1);
  const end = findEnd(source, start, quote, isTriple, isRaw);
  if (end < 0) throw badToken(at, source.slice(at).join(''));
  const next = end + (isTriple ? 3 : 1);
  // Line ends are the same whatever machine wrote them.
  const body = source.slice(start, end).join('').replaceAll(/\r\n?/g, '\n');
  const value = isRaw ? (isBytes ? Buffer.from(body) : body) : unescape(body, isBytes, at);
  const text = source.slice(at, next).join('');
  return {
    token: { type: 'literal', text, offset: at, value: isBytes ? new Uint8Array(value as Uint8Array) : value },
    next,
  };
}

function findEnd(source: readonly string[], start: number, quote: string, isTriple: boolean, isRaw: boolean): number {
  for (let i = start; i < source.length; i++) {
    const c = source[i];
    if (c === '\\' && !isRaw) i++;
    else if (!isTriple && (c === '\n' || c === '\r')) return -1;
    else if (c === quote && (!isTriple || (source[i + 1] === quote && source[i + 2] === quote))) return i;
  }
  return -1;
}

const plainEscapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
  '?': '?',
};
const codeEscape = /\\(?:[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([^xXuU0-9]))/guy;

/** The text with its escapes resolved; in bytes, numbers of one byte are that byte. */
function unescape(body: string, isBytes: boolean, offset: number): string | Uint8Array {
  const bytes: Uint8Array[] = [];
  let text = '';
  const plain = (part: string): void => {
    if (isBytes) bytes.push(Buffer.from(part));
    else text += part;
  };
  let at = 0;
  while (at < body.length) {
    const slash = body.indexOf('\\', at);
    plain(body.slice(at, slash < 0 ? undefined : slash));
    if (slash < 0) break;
    codeEscape.lastIndex = slash;
    const [whole, hex, short, long, octal, letter] = codeEscape.exec(body) ?? [];
    const bad = badToken(offset, whole ?? body.slice(slash, slash + 2));
    if (whole === undefined || (isBytes && (short ?? long) !== undefined)) throw bad;
    if (letter !== undefined) {
      const escaped = plainEscapes[letter];
      if (escaped === undefined) throw bad;
      plain(escaped);
    } else {
      const code = octal === undefined ? Number.parseInt(hex ?? short ?? long ?? '', 16) : Number.parseInt(octal, 8);
      if (isBytes) bytes.push(Uint8Array.of(code));
      else if (code > 0x10_ffff || (code >= 0xd800 && code <= 0xdfff))
        throw new SyntaxProblem(offset, 'invalid unicode code point');
      else text += String.fromCodePoint(code);
    }
    at = slash + whole.length;
  }
  return isBytes ? Buffer.concat(bytes) : text;
}
