// IP addresses and address ranges in CIDR form: their bytes, their canonical text, and the checks of fields that hold them.
// Follows apimachinery pkg/util/validation/ip.go and the parsers of k8s.io/utils/net of v1.36.

import { type FieldError, type FieldPath, invalid } from './errors.ts';
import { goQuote } from './go-format.ts';

/** An address: 4 or 16 bytes. */
export interface IpAddress {
  bytes: readonly number[];
  /** Whether an IPv4 address was written in the form of an IPv6 address (::ffff:1.2.3.4). */
  mapped: boolean;
}

/** A range of addresses: those that agree with `bytes` in the first `bits` bits. */
export interface Cidr extends IpAddress {
  bits: number;
}

/** Leading zeros are decimal, as old clients write them. */
function ipv4Bytes(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,8}$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.map(Number);
}

/** The bytes of groups divided by colons, the last of which may be an IPv4 address. */
function groupBytes(text: string): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [i, group] of groups.entries()) {
    const tail = i === groups.length - 1 && group.includes('.') ? ipv4Bytes(group) : undefined;
    if (tail === undefined && !/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    bytes.push(...(tail ?? [value >> 8, value & 255]));
  }
  return bytes;
}

function ipv6Bytes(text: string): number[] | undefined {
  const [head, tail, ...more] = text.split('::').map(groupBytes);
  if (head === undefined || more.length > 0 || (tail === undefined && text.includes('::'))) return undefined;
  if (tail === undefined) return head.length === 16 ? head : undefined;
  const gap = 16 - head.length - tail.length;
  return gap < 2 ? undefined : [...head, ...Array.from({ length: gap }, () => 0), ...tail];
}

/** The address, leniently: leading zeros and mapped addresses are taken. Undefined when it is none. */
export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    const bytes = ipv4Bytes(text);
    return bytes && { bytes, mapped: false };
  }
  const bytes = ipv6Bytes(text);
  if (bytes === undefined) return undefined;
  const mapped = bytes.every((byte, i) => i >= 12 || byte === (i < 10 ? 0 : 255));
  return { bytes: mapped ? bytes.slice(12) : bytes, mapped };
}

/** Canonical text: dotted decimal, or RFC 5952. */
export function ipText({ bytes }: Pick<IpAddress, 'bytes'>): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  let [start, length] = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) [start, length] = [i, end - i];
    if (end > i) i = end;
  }
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return start < 0 ? hex(0, 8) : `${hex(0, start)}::${hex(start + length, 8)}`;
}

/** The range, leniently; undefined when it is none. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', bits = '', ...more] = text.split('/');
  const ip = parseIp(address);
  if (ip === undefined || more.length > 0 || !/^\d{1,8}$/.test(bits)) return undefined;
  return Number(bits) <= (address.includes(':') ? 128 : 32) ? { ...ip, bits: Number(bits) } : undefined;
}

/** The bytes with all bits after the first `bits` cleared. */
const masked = (bytes: readonly number[], bits: number): number[] =>
  bytes.map((byte, i) => byte & (0xff00 >> Math.min(Math.max(bits - 8 * i, 0), 8)) & 255);

const sameBytes = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

export const cidrText = ({ bytes, bits }: Cidr): string => `${ipText({ bytes: masked(bytes, bits) })}/${bits}`;

/** Whether the address is in the range. */
export const cidrHas = (range: Cidr, { bytes }: Pick<IpAddress, 'bytes'>): boolean =>
  sameBytes(masked(range.bytes, range.bits), masked(bytes, range.bits));

const leadingZeros = (text: string): boolean => !text.includes(':') && /(^|[./])0\d/.test(text);

/** A range, strictly: no leading zeros, no bits after the prefix, no mapped address. Values in `kept` were there before and stay. */
export function cidrErrors(path: FieldPath, value: string, kept: readonly string[] = []): FieldError[] {
  if (kept.includes(value)) return [];
  const range = parseCidr(value);
  if (range === undefined)
    return [invalid(path, value, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];
  if (leadingZeros(value) || /\/0\d/.test(value))
    return [invalid(path, value, 'must not have leading 0s in IP or prefix length')];
  if (range.mapped) return [invalid(path, value, 'must not have an IPv4-mapped IPv6 address')];
  if (!sameBytes(range.bytes, masked(range.bytes, range.bits)))
    return [invalid(path, value, 'must not have bits set beyond the prefix length')];
  return [];
}

/** As cidrErrors, and in canonical form. */
export function canonicalCidrErrors(path: FieldPath, value: string): FieldError[] {
  const errors = cidrErrors(path, value);
  const range = parseCidr(value);
  if (errors.length > 0 || range === undefined || cidrText(range) === value) return errors;
  return [invalid(path, value, `must be in canonical form (${goQuote(cidrText(range))})`)];
}

/** What is wrong with an address that must be in canonical form. */
export function canonicalIpMessages(value: string): string[] {
  const ip = parseIp(value);
  if (ip === undefined) return ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'];
  if (leadingZeros(value)) return ['must not have leading 0s'];
  if (ip.mapped) return ['must not be an IPv4-mapped IPv6 address'];
  const text = ipText(ip);
  return text === value ? [] : [`must be in canonical form (${goQuote(text)})`];
}

/** The address of an interface with the length of its prefix, in canonical form: 10.9.8.7/24. */
export function interfaceAddressErrors(path: FieldPath, value: string): FieldError[] {
  const range = parseCidr(value);
  if (range === undefined)
    return [invalid(path, value, 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)')];
  const bits = range.mapped && range.bits > 32 ? range.bits - 96 : range.bits;
  const canonical = `${ipText(range)}/${bits}`;
  return canonical === value ? [] : [invalid(path, value, `must be in canonical form (${goQuote(canonical)})`)];
}
