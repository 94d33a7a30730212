// Times and spans of time as CEL and Go read and write them. Follows cel-go common/types/{timestamp,duration}.go and Go's time package.

const second = 1_000_000_000n;
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z */
export const minTimestamp = -62_135_596_800n * second;
export const maxTimestamp = 253_402_300_800n * second - 1n;
const maxDuration = 2n ** 63n - 1n;

const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  '\u00b5s': 1000n,
  '\u03bcs': 1000n,
  ms: 1_000_000n,
  s: second,
  m: 60n * second,
  h: 3600n * second,
};

/** Nanoseconds of a text such as 1h30m or -1.5s; undefined where Go's time.ParseDuration refuses it. */
export function parseGoDuration(text: string): bigint | undefined {
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  let rest = text.slice(sign.length);
  if (rest === '0') return 0n;
  if (rest === '') return undefined;
  let total = 0n;
  while (rest !== '') {
    const match = /^(\d*)(?:\.(\d*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/.exec(rest);
    if (match === null) return undefined;
    const [whole, integer = '', fraction = '', unit = ''] = match;
    if (integer === '' && fraction === '') return undefined;
    const scale = units[unit] ?? 0n;
    total += BigInt(integer || '0') * scale;
    if (fraction !== '')
      total += (BigInt(fraction.slice(0, 18)) * scale) / 10n ** BigInt(Math.min(fraction.length, 18));
    if (total > maxDuration + (sign === '-' ? 1n : 0n)) return undefined;
    rest = rest.slice(whole.length);
  }
  return sign === '-' ? -total : total;
}

/** As `string(duration)` writes it: seconds, with a fraction where there is one. */
export function durationText(nanos: bigint): string {
  const sign = nanos < 0n ? '-' : '';
  const positive = nanos < 0n ? -nanos : nanos;
  const fraction = String(positive % second)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${sign}${positive / second}${fraction === '' ? '' : `.${fraction}`}s`;
}

/** Nanoseconds since the epoch of an RFC 3339 text; undefined where it is none, or out of range. */
export function parseTimestamp(text: string): bigint | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/.exec(
    text,
  );
  if (match === null) return undefined;
  const [year, month, day, hour, minute, sec] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [offsetHours, offsetMinutes] = [Number(match[9] ?? 0), Number(match[10] ?? 0)];
  const isReal = month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
  if (!isReal || hour > 23 || minute > 59 || sec > 59 || offsetHours > 23 || offsetMinutes > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, sec);
  const offset = BigInt(offsetHours * 3600 + offsetMinutes * 60) * (match[8] === '-' ? -1n : 1n);
  const fraction = BigInt((match[7] ?? '').slice(0, 9).padEnd(9, '0'));
  return checkedTimestamp((BigInt(date.getTime()) / 1000n - offset) * second + fraction);
}

const daysIn = (year: number, month: number): number => {
  const date = new Date(0);
  date.setUTCFullYear(year, month, 0);
  return date.getUTCDate();
};

/** Undefined out of the range of timestamps. */
export const checkedTimestamp = (nanos: bigint): bigint | undefined =>
  nanos < minTimestamp || nanos > maxTimestamp ? undefined : nanos;

/** Undefined out of the range of durations. */
export const checkedDuration = (nanos: bigint): bigint | undefined =>
  nanos > maxDuration || nanos < -maxDuration - 1n ? undefined : nanos;

const floorDiv = (a: bigint, b: bigint): bigint => (a - (((a % b) + b) % b)) / b;

/** The ms since the epoch, rounded down. */
export const timestampMs = (nanos: bigint): number => Number(floorDiv(nanos, 1_000_000n));

/** RFC 3339 in UTC, with as many digits as needed. */
export function timestampText(nanos: bigint): string {
  const seconds = floorDiv(nanos, second);
  const fraction = String(nanos - seconds * second)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const base = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${base}${fraction === '' ? '' : `.${fraction}`}Z`;
}

/** The parts of a time as a zone's clocks show them. */
export interface Calendar {
  year: number;
  /** From 0. */
  month: number;
  /** From 1. */
  day: number;
  /** From 0, the first of January. */
  dayOfYear: number;
  /** 0 is Sunday. */
  weekday: number;
  hours: number;
  minutes: number;
  seconds: number;
  milliseconds: number;
}

/** The clock in a zone: a name of the IANA database, or an offset such as -08:00. Undefined for an unknown zone. */
export function calendarIn(nanos: bigint, zone: string): Calendar | undefined {
  const ms = timestampMs(nanos);
  const shift = zoneOffset(ms, zone);
  if (shift === undefined) return undefined;
  const date = new Date(ms + shift);
  const startOfYear = new Date(0);
  startOfYear.setUTCFullYear(date.getUTCFullYear(), 0, 1);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth(),
    day: date.getUTCDate(),
    dayOfYear: Math.floor((date.getTime() - startOfYear.getTime()) / 86_400_000),
    weekday: date.getUTCDay(),
    hours: date.getUTCHours(),
    minutes: date.getUTCMinutes(),
    seconds: date.getUTCSeconds(),
    milliseconds: date.getUTCMilliseconds(),
  };
}

function zoneOffset(ms: number, zone: string): number | undefined {
  if (zone === '' || zone === 'UTC') return 0;
  const offset = /^([+-]?)(\d{2}):(\d{2})$/.exec(zone);
  if (offset !== null) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3]);
    return (offset[1] === '-' ? -minutes : minutes) * 60_000;
  }
  try {
    const parts = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'iso8601',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    }).formatToParts(ms);
    const part = (type: string): number => Number(parts.find((one) => one.type === type)?.value ?? 0);
    const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
    return local - Math.floor(ms / 1000) * 1000;
  } catch {
    return undefined;
  }
}
