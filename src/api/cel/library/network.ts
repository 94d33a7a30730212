// IP addresses and ranges of them. Follows apiserver pkg/cel/library/{ip,cidr}.go of v1.36 and Go's net/netip.

import { goQuote } from '../../meta/go-format.ts';
import { define, type FunctionDeclaration, member, overload } from '../environment.ts';
import * as types from '../types.ts';
import { CelError, Opaque, type Value } from '../values.ts';

const ipType = types.opaque('net.IP');
const cidrType = types.opaque('net.CIDR');
const { bool, int, string } = types;

/** The bytes of an address: 4 or 16. */
type Address = readonly number[];

class Ip extends Opaque {
  readonly type = ipType;
  readonly address: Address;

  constructor(address: Address) {
    super();
    this.address = address;
  }

  equals(other: Value): boolean {
    return other instanceof Ip && addressText(other.address) === addressText(this.address);
  }

  override size(): number {
    return this.address.length;
  }
}

class Cidr extends Opaque {
  readonly type = cidrType;
  readonly address: Address;
  readonly bits: number;

  constructor(address: Address, bits: number) {
    super();
    this.address = address;
    this.bits = bits;
  }

  equals(other: Value): boolean {
    return other instanceof Cidr && cidrText(other) === cidrText(this);
  }

  override size(): number {
    return Math.ceil(this.bits / 8);
  }
}

/** Why a text is no address, as Go's ParseAddr says it. */
class AddressProblem extends Error {}
const problem = (text: string, why: string): AddressProblem =>
  new AddressProblem(`ParseAddr(${goQuote(text)}): ${why}`);

function parseV4(text: string, whole: string): number[] {
  const parts = text.split('.');
  return parts.map((part, i) => {
    if (part === '') throw problem(whole, 'IPv4 field must have at least one digit');
    if (!/^\d+$/.test(part)) throw problem(whole, 'unexpected character');
    if (part.length > 1 && part.startsWith('0')) throw problem(whole, 'IPv4 field has octet with leading zero');
    if (Number(part) > 255) throw problem(whole, 'IPv4 field has value >255');
    if (i === parts.length - 1 && parts.length < 4) throw problem(whole, 'IPv4 address too short');
    if (i > 3) throw problem(whole, 'IPv4 address too long');
    return Number(part);
  });
}

/** The groups of one side of `::`, as bytes; the last may be an IPv4 address. */
function parseGroups(text: string, whole: string, isLast: boolean): number[] {
  if (text === '') return [];
  const groups = text.split(':');
  return groups.flatMap((group, i) => {
    if (group.includes('.') && isLast && i === groups.length - 1) return parseV4(group, whole);
    if (group === '') throw problem(whole, 'each colon-separated field must have at least one digit');
    if (!/^[0-9a-fA-F]+$/.test(group)) throw problem(whole, 'unexpected character');
    if (group.length > 4) throw problem(whole, 'each group must have 4 or less digits');
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

function parseAddress(text: string): Address {
  const hasColon = text.includes(':');
  if (!hasColon && text.includes('.')) return parseV4(text, text);
  if (!hasColon) throw problem(text, 'unable to parse IP');
  const [plain = '', zone] = text.split('%');
  const [left = '', right, more] = plain.split('::');
  if (more !== undefined) throw problem(text, 'multiple :: in address');
  const before = parseGroups(left, text, right === undefined);
  const after = right === undefined ? [] : parseGroups(right, text, true);
  const missing = 16 - before.length - after.length;
  if (right === undefined && missing > 0) throw problem(text, 'address string too short');
  if (missing < 0) throw problem(text, 'trailing garbage after address');
  if (right !== undefined && missing === 0) throw problem(text, 'the :: must expand to at least one field of zeros');
  if (zone !== undefined) throw new AddressProblem(`IP address ${goQuote(text)} with zone value is not allowed`);
  return [...before, ...Array.from({ length: missing }, () => 0), ...after];
}

const isMapped = (address: Address): boolean =>
  address.length === 16 &&
  address.slice(0, 10).every((byte) => byte === 0) &&
  address[10] === 255 &&
  address[11] === 255;

function addressText(address: Address): string {
  if (address.length === 4) return address.join('.');
  if (isMapped(address)) return `::ffff:${address.slice(12).join('.')}`;
  const groups = Array.from({ length: 8 }, (_, i) => ((address[2 * i] ?? 0) << 8) | (address[2 * i + 1] ?? 0));
  const { start, length } = longestZeros(groups);
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  return length < 2 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (start + length < groups.length && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

const cidrText = ({ address, bits }: Cidr): string => `${addressText(address)}/${bits}`;
const mappedMessage = (text: string): string => `IPv4-mapped IPv6 address ${goQuote(text)} is not allowed`;

function parseIp(text: string): Ip | CelError {
  try {
    const address = parseAddress(text);
    return isMapped(address) ? new CelError(mappedMessage(text)) : new Ip(address);
  } catch (error) {
    if (!(error instanceof AddressProblem)) throw error;
    if (error.message.startsWith('IP address')) return new CelError(error.message);
    return new CelError(`IP Address ${goQuote(text)} parse error during conversion from string: ${error.message}`);
  }
}

const conversion = 'network address parse error during conversion from string';

function parseCidr(text: string): Cidr | CelError {
  const fail = (why: string): CelError =>
    new CelError(`${conversion}: ${conversion}: netip.ParsePrefix(${goQuote(text)}): ${why}`);
  const slash = text.lastIndexOf('/');
  if (slash < 0) return fail("no '/'");
  try {
    const address = parseAddress(text.slice(0, slash));
    const bits = text.slice(slash + 1);
    if (!/^(?:0|[1-9]\d*)$/.test(bits)) return fail(`bad bits after slash: ${goQuote(bits)}`);
    if (Number(bits) > address.length * 8) return fail('prefix length out of range');
    return isMapped(address) ? new CelError(`${conversion}: ${mappedMessage(text)}`) : new Cidr(address, Number(bits));
  } catch (error) {
    if (!(error instanceof AddressProblem)) throw error;
    return fail(error.message);
  }
}

/** The address with all but its first bits zero. */
const masked = (address: Address, bits: number): Address =>
  address.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 255);

const holds = (cidr: Cidr, address: Address): boolean =>
  address.length === cidr.address.length &&
  masked(address, cidr.bits).every((byte, i) => byte === masked(cidr.address, cidr.bits)[i]);

const containsIp = (cidr: Cidr, ip: Ip | CelError): Value => (ip instanceof CelError ? ip : holds(cidr, ip.address));
const containsCidr = (cidr: Cidr, other: Cidr | CelError): Value =>
  other instanceof CelError ? other : other.bits >= cidr.bits && holds(cidr, other.address);

/** A question about an address, in its forms for IPv4 and IPv6. */
const about = (
  name: string,
  id: string,
  v4: (a: Address) => boolean,
  v6: (a: Address) => boolean,
): FunctionDeclaration =>
  define(
    name,
    member(id, [ipType], bool, ({ address }: Ip) => (address.length === 4 ? v4 : v6)(address)),
  );

const isZero = (address: Address): boolean => address.every((byte) => byte === 0);
const isLoopback4 = ([a]: Address): boolean => a === 127;
const isLoopback6 = (address: Address): boolean => address.every((byte, i) => byte === (i === 15 ? 1 : 0));
const isLinkLocal4 = ([a, b]: Address): boolean => a === 169 && b === 254;
const isLinkLocal6 = ([a = 0, b = 0]: Address): boolean => a === 0xfe && (b & 0xc0) === 0x80;

export const networkFunctions: readonly FunctionDeclaration[] = [
  define(
    'ip',
    overload('string_to_ip', [string], ipType, parseIp),
    member('cidr_ip', [cidrType], ipType, ({ address }: Cidr) => new Ip(address)),
  ),
  define(
    'family',
    member('ip_family', [ipType], int, ({ address }: Ip) => (address.length === 4 ? 4n : 6n)),
  ),
  define(
    'ip.isCanonical',
    overload('ip_is_canonical', [string], bool, (text: string) => {
      const ip = parseIp(text);
      return ip instanceof CelError ? ip : addressText(ip.address) === text;
    }),
  ),
  about('isUnspecified', 'ip_is_unspecified', isZero, isZero),
  about('isLoopback', 'ip_is_loopback', isLoopback4, isLoopback6),
  about(
    'isLinkLocalMulticast',
    'ip_is_link_local_multicast',
    ([a, b, c]) => a === 224 && b === 0 && c === 0,
    ([a = 0, b = 0]) => a === 0xff && (b & 0x0f) === 2,
  ),
  about('isLinkLocalUnicast', 'ip_is_link_local_unicast', isLinkLocal4, isLinkLocal6),
  about(
    'isGlobalUnicast',
    'ip_is_global_unicast',
    (ip) =>
      !isZero(ip) &&
      !ip.every((byte) => byte === 255) &&
      !isLoopback4(ip) &&
      !isLinkLocal4(ip) &&
      ((ip[0] ?? 0) & 0xf0) !== 0xe0,
    (ip) => !isZero(ip) && !isLoopback6(ip) && !isLinkLocal6(ip) && ip[0] !== 0xff,
  ),
  define(
    'isIP',
    overload('is_ip', [string], bool, (text: string) => parseIp(text) instanceof Ip),
  ),
  define(
    'string',
    overload('ip_to_string', [ipType], string, ({ address }: Ip) => addressText(address)),
  ),
  define('cidr', overload('string_to_cidr', [string], cidrType, parseCidr)),
  define(
    'containsIP',
    member('cidr_contains_ip_string', [cidrType, string], bool, (cidr: Cidr, text: string) =>
      containsIp(cidr, parseIp(text)),
    ),
    member('cidr_contains_ip_ip', [cidrType, ipType], bool, containsIp),
  ),
  define(
    'containsCIDR',
    member('cidr_contains_cidr_string', [cidrType, string], bool, (cidr: Cidr, text: string) =>
      containsCidr(cidr, parseCidr(text)),
    ),
    member('cidr_contains_cidr', [cidrType, cidrType], bool, containsCidr),
  ),
  define(
    'prefixLength',
    member('cidr_prefix_length', [cidrType], int, ({ bits }: Cidr) => BigInt(bits)),
  ),
  define(
    'masked',
    member('cidr_masked', [cidrType], cidrType, ({ address, bits }: Cidr) => new Cidr(masked(address, bits), bits)),
  ),
  define(
    'isCIDR',
    overload('is_cidr', [string], bool, (text: string) => parseCidr(text) instanceof Cidr),
  ),
  define('string', overload('cidr_to_string', [cidrType], string, cidrText)),
];
