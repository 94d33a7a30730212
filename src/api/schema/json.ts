// Parses request bodies: JSON with Go's error texts, a depth limit and the duplicate keys that strict field validation reports.
// Follows sigs.k8s.io/json (its fork of Go's scanner).
import { goQuote } from '../meta/go-format.ts';

/** The text is no JSON; `message` is worded as Go's decoder words it. */
export class JsonSyntaxError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'JsonSyntaxError';
  }
}

export interface ParsedBody {
  value: unknown;
  /** Messages such as `duplicate field "spec.containers[0].name"`, in the text's order. */
  duplicateFields: string[];
}

/** Nesting that a body may have. Deeper than any real object, shallow enough for every recursive walk. */
const maxDepth = 1000;
/** How many duplicates are told of; upstream stops at the same number. */
const maxMessages = 100;

/** One open object or array: its keys so far, and the step that leads from it to its current member. */
interface Open {
  keys: Set<string> | undefined;
  step: string;
  index: number;
}

/** An escape, or two that make one character. */
const escape = /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|[^])/g;

/** Half of a character is read as U+FFFD, as in Go. */
const wellFormed = (text: string): string =>
  text.replace(escape, (found) => (/^\\u[dD][89a-fA-F]..$/.test(found) ? '\\ufffd' : found));

const quote = 0x22;
const backslash = 0x5c;

const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/** The position after the string that starts at `start` (a quote), in text that is known to be JSON. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
}

function pathText(open: readonly Open[], key: string): string {
  let path = '';
  for (const { keys, step, index } of open.slice(0, -1)) path += keys ? `${path && '.'}${step}` : `[${index}]`;
  return `${path}${path && '.'}${key}`;
}

/** The duplicate keys of a text that JSON.parse accepted, nested no deeper than it may be. Linear. */
function findDuplicates(text: string): string[] {
  const open: Open[] = [];
  const found = new Set<string>();
  let top: Open | undefined;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const end = endOfString(text, at);
      if (top?.keys && top.step === '') {
        const raw = text.slice(at + 1, end - 1);
        const key = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
        top.step = key === '' ? '\0' : key;
        if (top.keys.has(key) && found.size < maxMessages) found.add(`duplicate field ${goQuote(pathText(open, key))}`);
        top.keys.add(key);
      }
      at = end - 1;
    } else if (code === 0x7b || code === 0x5b) {
      top = { keys: code === 0x7b ? new Set() : undefined, step: '', index: 0 };
      open.push(top);
    } else if (code === 0x7d || code === 0x5d) {
      open.pop();
      top = open.at(-1);
    } else if (code === 0x2c && top) {
      top.step = '';
      top.index++;
    }
  }
  return [...found];
}

/** How many keys the text has, all its objects together. Throws where it is nested too deep. */
function countKeys(text: string): number {
  let depth = 0;
  let keys = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at) - 1;
    else if (code === 0x3a) keys++;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > maxDepth) throw new JsonSyntaxError('exceeded max depth');
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return keys;
}

/** How many members the objects of a value have, all together. */
function countMembers(value: unknown): number {
  let members = 0;
  if (Array.isArray(value)) for (const item of value) members += countMembers(item);
  else if (typeof value === 'object' && value !== null)
    for (const key in value) members += 1 + countMembers((value as Record<string, unknown>)[key]);
  return members;
}

/**
 * Parses JSON. With `findDuplicateKeys` (field validation Strict or Warn) a second pass lists keys that an object has twice;
 * the last one wins, as in Go. Throws JsonSyntaxError.
 */
export function parseJsonStrict(text: string, findDuplicateKeys = true): ParsedBody {
  let value: unknown;
  try {
    value = JSON.parse(text.includes('\\u') ? wellFormed(text) : text);
  } catch {
    throw new JsonSyntaxError(goSyntaxError(text));
  }
  const keys = countKeys(text);
  // Of keys that are there twice one member is left: few texts have to be read for them.
  const isEachOnce = !findDuplicateKeys || keys === countMembers(value);
  return { value, duplicateFields: isEachOnce ? [] : findDuplicates(text) };
}

const shownCharacter = (character: string): string => {
  if (character === "'") return `'\\''`;
  if (character === '"') return `'"'`;
  return `'${goQuote(character).slice(1, -1)}'`;
};

/** A failure at one place of the text; end of input has its own words. */
function failAt(text: string, at: number, context: string): JsonSyntaxError {
  const point = text.codePointAt(at);
  if (point === undefined) return new JsonSyntaxError('unexpected end of JSON input');
  return new JsonSyntaxError(`invalid character ${shownCharacter(String.fromCodePoint(point))} ${context}`);
}

const skipSpace = (text: string, at: number): number => {
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
};

/** Reads a string; gives the position after it. */
function scanString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    const code = text.charCodeAt(at);
    if (Number.isNaN(code) || code < 0x20) throw failAt(text, at, 'in string literal');
    if (code === quote) return at + 1;
    if (code !== backslash) continue;
    at++;
    const escape = text.charAt(at);
    if (escape === 'u') {
      for (let i = 0; i < 4; i++)
        if (!/[0-9a-fA-F]/.test(text.charAt(++at))) throw failAt(text, at, 'in \\u hexadecimal character escape');
    } else if (escape === '' || !'"\\/bfnrt'.includes(escape)) throw failAt(text, at, 'in string escape code');
  }
}

function scanDigits(text: string, at: number, context: string): number {
  if (!/[0-9]/.test(text.charAt(at))) throw failAt(text, at, context);
  while (/[0-9]/.test(text.charAt(at))) at++;
  return at;
}

function scanNumber(text: string, start: number): number {
  let at = start;
  if (text.charAt(at) === '-') at++;
  at = text.charAt(at) === '0' ? at + 1 : scanDigits(text, at, 'in numeric literal');
  if (text.charAt(at) === '.') at = scanDigits(text, at + 1, 'after decimal point in numeric literal');
  if (/[eE]/.test(text.charAt(at))) {
    at++;
    if (/[+-]/.test(text.charAt(at))) at++;
    at = scanDigits(text, at, 'in exponent of numeric literal');
  }
  return at;
}

function scanWord(text: string, start: number, word: string): number {
  for (let i = 1; i < word.length; i++)
    if (text.charAt(start + i) !== word.charAt(i))
      throw failAt(text, start + i, `in literal ${word} (expecting ${shownCharacter(word.charAt(i))})`);
  return start + word.length;
}

/** The scalar at `at`; gives the position after it. */
function scanScalar(text: string, at: number): number {
  const first = text.charAt(at);
  if (first === '"') return scanString(text, at);
  if (first === '-' || (first >= '0' && first <= '9')) return scanNumber(text, at);
  const word = { t: 'true', f: 'false', n: 'null' }[first];
  if (word === undefined) throw failAt(text, at, 'looking for beginning of value');
  return scanWord(text, at, word);
}

/** Reads a key and its colon; gives the position of the value. */
function scanKey(text: string, at: number, context: string): number {
  if (text.charAt(at) !== '"') throw failAt(text, at, context);
  const colon = skipSpace(text, scanString(text, at));
  if (text.charAt(colon) !== ':') throw failAt(text, colon, 'after object key');
  return skipSpace(text, colon + 1);
}

/** After a value: closes what ends here, and gives where the next value starts, or undefined at the end of the text. */
function scanAfterValue(text: string, start: number, open: string[]): number | undefined {
  let at = skipSpace(text, start);
  for (;;) {
    const inside = open.at(-1);
    const next = text.charAt(at);
    if (inside === undefined) {
      if (at < text.length) throw failAt(text, at, 'after top-level value');
      return undefined;
    }
    if (next === inside) {
      open.pop();
      at = skipSpace(text, at + 1);
    } else if (next === ',') {
      at = skipSpace(text, at + 1);
      return inside === '}' ? scanKey(text, at, 'looking for beginning of object key string') : at;
    } else throw failAt(text, at, inside === '}' ? 'after object key:value pair' : 'after array element');
  }
}

/** What Go says of the first mistake in a text that is no JSON. */
function goSyntaxError(text: string): string {
  const open: string[] = [];
  try {
    let at: number | undefined = skipSpace(text, 0);
    while (at !== undefined) {
      const first = text.charAt(at);
      if (first === '{' || first === '[') {
        open.push(first === '{' ? '}' : ']');
        const inside = skipSpace(text, at + 1);
        if (text.charAt(inside) === open.at(-1)) at = scanAfterValue(text, inside, open);
        else at = first === '{' ? scanKey(text, inside, 'looking for beginning of object key string') : inside;
      } else at = scanAfterValue(text, scanScalar(text, at), open);
    }
  } catch (error) {
    if (error instanceof JsonSyntaxError) return error.message;
    throw error;
  }
  return 'unexpected end of JSON input';
}
