// The types that decode themselves in Go: quantities, int-or-string, times and base64, with the error texts of their decoders.
import { canonicalQuantity } from '../meta/quantity.ts';
import { formatMicroTime, formatTime, parseTime } from '../meta/time.ts';

/** A value that its type's own decoder refused. */
export class DecodeError extends Error {}

/** How Go names a JSON value's kind in errors. */
export function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (value === null) return 'null';
  const type = typeof value;
  return type === 'boolean' ? 'bool' : type;
}

const mismatch = (value: unknown, context: string, type: string): DecodeError =>
  new DecodeError(
    `json: cannot unmarshal ${typeof value === 'number' && type === 'int32' ? `number ${value}` : jsonKind(value)} into ${context} of type ${type}`,
  );

const plain = /^(?:0|[1-9][0-9]{0,2})(?:m|k|Ki|Mi|Gi)?$/;
const seen = new Map<string, string>();

/** The canonical text of a quantity; a plain number counts too. Throws QuantityError with upstream's words. */
export function decodeQuantity(value: unknown): string {
  if (typeof value === 'number') return canonicalQuantity(value);
  // Any other JSON text is no quantity either, and the decoder says so in the same words.
  const text = typeof value === 'string' ? value.trim() : jsonKind(value);
  if (plain.test(text)) return text === '0' || !text.startsWith('0') ? text : '0';
  const known = seen.get(text);
  if (known !== undefined) return known;
  const canonical = canonicalQuantity(text);
  if (seen.size > 1000) seen.clear();
  seen.set(text, canonical);
  return canonical;
}

/** A port or percentage: a string, or an int32. `context` names the field for the error. */
export function decodeIntOrString(value: unknown, context: () => string): unknown {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isInteger(value) && (value | 0) === value) return value;
  throw mismatch(value, context(), 'int32');
}

const alphabet = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** What is wrong with a base64 text, or undefined. Line breaks are skipped, as Go does. */
export function decodeBytes(text: string): string | undefined {
  if (alphabet.test(text)) return undefined;
  const at = corruptAt(text);
  return at < 0 ? undefined : `illegal base64 data at input byte ${at}`;
}

/** The offset that Go's decoder names for corrupt base64, or -1. */
function corruptAt(text: string): number {
  const isBreak = (at: number): boolean => text.charAt(at) === '\n' || text.charAt(at) === '\r';
  const skip = (at: number): number => {
    while (isBreak(at)) at++;
    return at;
  };
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    if (isBreak(at)) continue;
    if (/[A-Za-z0-9+/]/.test(text.charAt(at))) {
      count++;
      continue;
    }
    const filled = count % 4;
    if (text.charAt(at) !== '=' || filled < 2) return at;
    let end = at + 1;
    if (filled === 2) {
      end = skip(end);
      if (end >= text.length) return text.length;
      if (text.charAt(end) !== '=') return end - 1;
      end++;
    }
    end = skip(end);
    return end < text.length ? end : -1;
  }
  return count % 4 === 0 ? -1 : text.length - (count % 4);
}

/** The parts of Go's time layouts, in order: how the layout writes it, and what a text must start with. */
const layoutParts: readonly [string, RegExp][] = [
  ['2006', /^\d{4}/],
  ['-', /^-/],
  ['01', /^\d{2}/],
  ['-', /^-/],
  ['02', /^\d{2}/],
  ['T', /^T/],
  ['15', /^\d{2}/],
  [':', /^:/],
  ['04', /^\d{2}/],
  [':', /^:/],
  ['05', /^\d{2}/],
];
const zone: [string, RegExp] = ['Z07:00', /^(?:Z|[+-]\d{2}:\d{2})/];
const ranges: Readonly<Record<string, [number, number, string]>> = {
  '01': [1, 12, 'month'],
  '02': [1, 31, 'day'],
  '15': [0, 23, 'hour'],
  '04': [0, 59, 'minute'],
  '05': [0, 59, 'second'],
};

/** Why Go's time.Parse refuses a text. */
function timeError(text: string, micro: boolean): string {
  const layout = `2006-01-02T15:04:05${micro ? '.000000' : ''}Z07:00`;
  const parts = [...layoutParts, ...(micro ? [['.000000', /^\.\d{6}/] as [string, RegExp]] : []), zone];
  let rest = text;
  for (const [part, pattern] of parts) {
    if (part === 'Z07:00' && !micro) rest = rest.replace(/^[.,]\d+/, '');
    const found = pattern.exec(rest)?.[0];
    if (found === undefined)
      return `parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(part)}`;
    const range = ranges[part];
    if (range && (Number(found) < range[0] || Number(found) > range[1]))
      return `parsing time ${JSON.stringify(text)}: ${range[2]} out of range`;
    rest = rest.slice(found.length);
  }
  if (rest !== '') return `parsing time ${JSON.stringify(text)}: extra text: ${JSON.stringify(rest)}`;
  return `parsing time ${JSON.stringify(text)}: day out of range`;
}

const canonicalTime = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;
const microText = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}(?:Z|[+-]\d{2}:\d{2})$/;

/** False for the 30th of February, which JavaScript takes as the 2nd of March. */
const dayExists = (text: string): boolean =>
  Number(text.slice(8, 10)) <= new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();

/** A metav1.Time (whole seconds) or MicroTime (six digits), in UTC. */
export function decodeTime(value: unknown, micro: boolean, context: () => string): string {
  if (typeof value !== 'string') throw mismatch(value, context(), 'string');
  if (!micro && canonicalTime.test(value)) return value;
  const ms = micro && !microText.test(value) ? undefined : parseTime(value);
  if (ms === undefined || !dayExists(value)) throw new DecodeError(timeError(value, micro));
  return micro ? formatMicroTime(ms) : formatTime(Math.floor(ms / 1000) * 1000);
}
