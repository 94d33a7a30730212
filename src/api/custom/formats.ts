// The string formats that schemas of custom resources may ask for.
// Follows kube-openapi pkg/validation/strfmt and apiextensions-apiserver pkg/apiserver/validation/formats.go of v1.36.
import { byteLength, parseGoDuration } from '../meta/go-format.ts';
import type { CustomSchema } from './custom-schema.ts';

const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const ipv4 = new RegExp(`^${octet}(?:\\.${octet}){3}$`);

/** Eight groups of hexadecimal digits, of which one run of zeros may be left out, and the last two written as IPv4. */
function isIpv6(text: string): boolean {
  const tail = /^(.*:)([^:]*\.[^:]*)$/.exec(text);
  if (tail !== null && !ipv4.test(tail[2] ?? '')) return false;
  const plain = tail === null ? text : `${tail[1]}0:0`;
  const halves = plain.split('::');
  const groups = (half: string): string[] => (half === '' ? [] : half.split(':'));
  const all = halves.flatMap(groups);
  if (!all.every((group) => /^[\da-f]{1,4}$/i.test(group))) return false;
  return halves.length === 1 ? all.length === 8 : halves.length === 2 && all.length < 8;
}

const digitsOf = (text: string): string => text.replace(/\D/g, '');

function isIsbn10(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = Array.from(digits).reduce((total, c, i) => total + (i + 1) * (c === 'X' ? 10 : Number(c)), 0);
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^\d{13}$/.test(digits)) return false;
  return Array.from(digits).reduce((total, c, i) => total + Number(c) * (i % 2 === 0 ? 1 : 3), 0) % 10 === 0;
}

const cardNumber =
  /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/;

/** A card number whose last digit is the check digit of the others (Luhn). */
function isCreditCard(text: string): boolean {
  const digits = digitsOf(text);
  if (!cardNumber.test(digits)) return false;
  const sum = Array.from(digits)
    .reverse()
    .reduce((total, c, i) => {
      const doubled = Number(c) * 2;
      return total + (i % 2 === 0 ? Number(c) : doubled > 9 ? doubled - 9 : doubled);
    }, 0);
  return sum % 10 === 0;
}

function isRgb(text: string): boolean {
  const match = /^rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)$/.exec(text);
  return match !== null && match.slice(1).every((part) => /^(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])$/.test(part));
}

const hostname =
  /^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.))+([a-zA-Z\p{L}]){2,63})$/u;

const isHostname = (text: string): boolean =>
  byteLength(text) <= 255 && text.split('.').every((part) => byteLength(part) <= 63) && hostname.test(text);

function isDate(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (match === null) return false;
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  const last = new Date(Date.UTC(2000, month, 0)).getUTCDate();
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month >= 1 && month <= 12 && day >= 1 && day <= (month === 2 && !leap ? 28 : last);
}

function isDateTime(text: string): boolean {
  const [date = '', time = ''] = text.toLowerCase().split('t');
  const match = /^(\d{2}):(\d{2}):(\d{2})(.\d+)?(z|[+-]\d{2}:\d{2})$/.exec(time);
  if (!isDate(date) || match === null) return false;
  const [, hours = '', minutes = '', seconds = ''] = match;
  return hours <= '23' && minutes <= '59' && seconds <= '59';
}

const longUnits =
  /(?:nanos?|nanoseconds?|micros?|microseconds?|millis?|milliseconds?|seconds?|minutes?|hours?|days?|weeks?)/;
const wordyDuration = new RegExp(`((\\d+)\\s*(ns|us|\\u00b5s|\\u03bcs|ms|s|m|h|d|w|${longUnits.source}))`, 'i');

/** Go's durations, and wordy ones such as `22 hours`. */
const isDuration = (text: string): boolean => parseGoDuration(text) !== undefined || wordyDuration.test(text);

function isCidr(text: string): boolean {
  const [address = '', bits = '', ...more] = text.split('/');
  if (more.length > 0 || !/^\d{1,3}$/.test(bits) || (bits.length > 1 && bits.startsWith('0'))) return false;
  if (ipv4.test(address)) return Number(bits) <= 32;
  return isIpv6(address) && Number(bits) <= 128;
}

const isMac = (text: string): boolean =>
  /^(?:[\da-f]{2}([:-])(?:[\da-f]{2}\1){4}(?:(?:[\da-f]{2}\1){2})?[\da-f]{2}|[\da-f]{4}(?:\.[\da-f]{4}){2,3})$/i.test(
    text,
  ) || /^[\da-f]{2}([:-])(?:[\da-f]{2}\1){18}[\da-f]{2}$/i.test(text);

/** An address as mail headers have it: bare, or in angle brackets behind a name. */
const isEmail = (text: string): boolean => {
  const match = /^(?:[^<>@]*<([^<>]+)>|([^<>]+))\s*$/.exec(text.trim());
  const address = (match?.[1] ?? match?.[2] ?? '').trim();
  const local =
    '(?:[\\w!#$%&\'*+/=?^`{|}~\\u0080-\\uffff-]+(?:\\.[\\w!#$%&\'*+/=?^`{|}~\\u0080-\\uffff-]+)*|"(?:[^"\\\\]|\\\\.)*")';
  return new RegExp(`^${local}@(?:[\\w\\u0080-\\uffff-]+(?:\\.[\\w\\u0080-\\uffff-]+)*|\\[[^\\]]+\\])$`).test(address);
};

/** A URI with a scheme, or an absolute path. */
function isRequestUri(text: string): boolean {
  if (text === '' || /[\s\p{Cc}]/u.test(text) || /%(?![\da-f]{2})/i.test(text)) return false;
  if (text.startsWith('/')) return true;
  const match = /^[a-z][\w+.-]*:(.*)$/i.exec(text);
  if (match === null) return false;
  return !(match[1] ?? '').startsWith('//') || URL.canParse(text);
}

const isBase64 = (text: string): boolean =>
  /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=|[A-Za-z\d+/]{4})$/.test(text);

const uuid = (version: string, variant: string): ((text: string) => boolean) => {
  const pattern = new RegExp(
    `^[\\da-f]{8}-?[\\da-f]{4}-?${version}[\\da-f]{3}-?${variant}[\\da-f]{3}-?[\\da-f]{12}$`,
    'i',
  );
  return (text) => pattern.test(text);
};

const shortName = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const isName = (max: number, pattern: RegExp) => (text: string) => byteLength(text) <= max && pattern.test(text);

/** By name without dashes. */
const formats: Readonly<Record<string, (text: string) => boolean>> = {
  bsonobjectid: (text) => /^[\da-f]{24}$/i.test(text),
  uri: isRequestUri,
  email: isEmail,
  hostname: isHostname,
  ipv4: (text) => ipv4.test(text),
  ipv6: isIpv6,
  cidr: isCidr,
  mac: isMac,
  uuid: uuid('[\\da-f]', '[\\da-f]'),
  uuid3: uuid('3', '[\\da-f]'),
  uuid4: uuid('4', '[89ab]'),
  uuid5: uuid('5', '[89ab]'),
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  creditcard: isCreditCard,
  ssn: (text) => /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text),
  hexcolor: (text) => /^#?([\da-fA-F]{3}|[\da-fA-F]{6})$/.test(text),
  rgbcolor: isRgb,
  byte: isBase64,
  password: () => true,
  date: isDate,
  duration: isDuration,
  datetime: isDateTime,
  k8sshortname: isName(63, new RegExp(`^${shortName}$`)),
  k8slongname: isName(253, new RegExp(`^${shortName}(\\.${shortName})*$`)),
};

const checkOf = (format: string): ((text: string) => boolean) | undefined => {
  const name = format.replaceAll('-', '');
  return Object.hasOwn(formats, name) ? formats[name] : undefined;
};

/** The format of a schema, where it is one that its type has; others are ignored. */
export function knownFormat({ format = '', type = '' }: Pick<CustomSchema, 'format' | 'type'>): string | undefined {
  switch (type) {
    case '':
    case 'string':
      return checkOf(format) === undefined ? undefined : format;
    case 'integer':
      return format === 'int32' || format === 'int64' ? format : undefined;
    case 'number':
      return format === 'float' || format === 'double' ? format : undefined;
    default:
      return undefined;
  }
}

/** Whether a string is of that format; any is of one that is not known. */
export const isOfFormat = (format: string, text: string): boolean => checkOf(format)?.(text) ?? true;
