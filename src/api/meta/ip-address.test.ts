import { describe, expect, it } from 'vitest';
import { FieldPath } from './errors.ts';
import {
  canonicalCidrErrors,
  canonicalIpMessages,
  cidrErrors,
  cidrHas,
  cidrText,
  interfaceAddressErrors,
  ipText,
  parseCidr,
  parseIp,
} from './ip-address.ts';

const path = new FieldPath('x');

describe('addresses', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['010.0.0.01', '10.0.0.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:0DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:2:0:0:0:3:4', '1:0:2::3:4'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ['1.2.3', undefined],
    ['256.1.1.1', undefined],
    ['1:2:3:4:5:6:7:8:9', undefined],
    ['1::2::3', undefined],
    ['1:2:3:4:5:6:7::8', undefined],
    ['fe80::1%eth0', undefined],
    ['::1.2.3.4:5', undefined],
    ['', undefined],
    [':', undefined],
  ])('%s is %s', (text, canonical) => {
    const ip = parseIp(text);
    expect(ip && ipText(ip)).toBe(canonical);
  });

  it.each([
    ['10.0.0.1', []],
    ['10.0.0.01', ['must not have leading 0s']],
    ['::ffff:1.2.3.4', ['must not be an IPv4-mapped IPv6 address']],
    ['2001:DB8::1', ['must be in canonical form ("2001:db8::1")']],
    ['host', ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
  ])('as a name, %s: %j', (text, messages) => {
    expect(canonicalIpMessages(text)).toEqual(messages);
  });
});

describe('ranges', () => {
  it.each([
    ['10.0.0.0/8', ''],
    ['0.0.0.0/0', ''],
    ['2001:db8::/32', ''],
    ['10.0.0.1/8', 'must not have bits set beyond the prefix length'],
    ['10.00.0.0/8', 'must not have leading 0s in IP or prefix length'],
    ['10.0.0.0/08', 'must not have leading 0s in IP or prefix length'],
    ['::ffff:10.0.0.0/104', 'must not have an IPv4-mapped IPv6 address'],
    ['10.0.0.0/33', 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
    ['10.0.0.0', 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
    ['2001:0db8::/32', 'must be in canonical form ("2001:db8::/32")'],
  ])('%s: %s', (text, message) => {
    const messages = canonicalCidrErrors(path, text).map((error) => error.message.split('": ')[1]);
    expect(messages.join()).toBe(message);
  });

  it('keeps what was there', () => {
    expect(cidrErrors(path, '10.0.0.1/8', ['10.0.0.1/8'])).toEqual([]);
  });

  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.1.2.128/25', '10.1.2.127', false],
    ['0.0.0.0/0', '1.2.3.4', true],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '10.0.0.1', false],
  ])('%s has %s: %s', (range, address, has) => {
    const [cidr, ip] = [parseCidr(range), parseIp(address)];
    expect(cidr && ip && cidrHas(cidr, ip)).toBe(has);
  });

  it('writes the masked form', () => {
    const cidr = parseCidr('10.1.2.3/12');
    expect(cidr && cidrText(cidr)).toBe('10.0.0.0/12');
  });

  it.each([
    ['10.9.8.7/24', 0],
    ['10.9.8.07/24', 1],
    ['2001:db8::1/64', 0],
    ['2001:DB8::1/64', 1],
    ['x', 1],
  ])('of an interface: %s has %i errors', (text, count) => {
    expect(interfaceAddressErrors(path, text)).toHaveLength(count);
  });
});
