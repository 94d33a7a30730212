// Prints values the way Go's %q, %#v, durations and encoding/json do, because API messages carry them.

import type { LabelSelector } from '../generated/types.ts';

const escapes: Record<string, string> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};

// What Go calls printable: letters, marks, numbers, punctuation, symbols and the plain space.
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** True for a character that Go's unicode.IsPrint accepts. */
export const isPrintable = (character: string): boolean => printable.test(character);

/** A string as Go's strconv.Quote gives it. */
export function goQuote(text: string): string {
  if (/^[ !#-[\]-~]*$/.test(text)) return `"${text}"`;
  let out = '"';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const escape = escapes[character];
    if (escape !== undefined) out += escape;
    else if (printable.test(character)) out += character;
    else if (code < 0x80) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (code < 0x1_0000) out += `\\u${code.toString(16).padStart(4, '0')}`;
    else out += `\\U${code.toString(16).padStart(8, '0')}`;
  }
  return `${out}"`;
}

/** A value as Go's json.Marshal gives it, which escapes <, > and & for HTML's sake. */
export function goJson(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A list of strings as Go's %#v prints it: []string{"a", "b"}. */
export const goStringSlice = (values: readonly string[]): string => `[]string{${values.map(goQuote).join(', ')}}`;

/** A label selector as the String method of its Go type prints it. */
export function goLabelSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.keys(matchLabels)
    .toSorted()
    .map((key) => `${key}: ${matchLabels[key]},`);
  const expressions = matchExpressions.map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  );
  const [asMap, asList] = [labels.join(''), expressions.join('')];
  return `&LabelSelector{MatchLabels:map[string]string{${asMap}},MatchExpressions:[]LabelSelectorRequirement{${asList}},}`;
}

const beyondAscii = /[\u0080-\uffff]/;

/** UTF-8 length of a string: what Go's len() tells. */
export function byteLength(text: string): number {
  return beyondAscii.test(text) ? new TextEncoder().encode(text).length : text.length;
}

/** A duration of whole ms (fractions are cut off) as Go prints it: 796ms, 1.594s, 1m20s, 1h0m0s. */
export function goDuration(ms: number): string {
  const whole = Math.trunc(ms);
  if (whole === 0) return '0s';
  if (Math.abs(whole) < 1000) return `${whole}ms`;
  const sign = whole < 0 ? '-' : '';
  const total = Math.abs(whole);
  const [hours, minutes, seconds] = [
    Math.floor(total / 3_600_000),
    Math.floor(total / 60_000) % 60,
    (total % 60_000) / 1000,
  ];
  const head = hours > 0 ? `${hours}h${minutes}m` : minutes > 0 ? `${minutes}m` : '';
  return `${sign}${head}${seconds}s`;
}

const durationUnitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  '\u00b5s': 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** ms of a duration as Go's time.ParseDuration reads it (`1m30s`, `1.5h`, `0`); undefined for any other text. */
export function parseGoDuration(text: string): number | undefined {
  const [, sign = '', body = ''] = /^([+-]?)(.*)$/.exec(text) ?? [];
  if (body === '0') return 0;
  if (!/^(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|\u00b5s|ms|s|m|h)/.test(body)) return undefined;
  let total = 0;
  let rest = body;
  while (rest !== '') {
    const [part, amount, unit] = /^(\d+(?:\.\d*)?|\.\d+)(ns|us|\u00b5s|ms|s|m|h)/.exec(rest) ?? [];
    if (part === undefined || unit === undefined) return undefined;
    total += Number(amount) * (durationUnitsMs[unit] ?? 0);
    rest = rest.slice(part.length);
  }
  return sign === '-' ? -total : total;
}
