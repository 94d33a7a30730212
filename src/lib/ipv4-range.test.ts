import { expect, test } from 'vitest';
import { ipv4Range } from './ipv4-range.ts';

test.each([
  ['10.43.0.0/16', 65_536, 1, '10.43.0.1'],
  ['10.43.0.0/16', 65_536, 300, '10.43.1.44'],
  ['10.42.3.9/24', 256, 255, '10.42.3.255'],
  ['192.168.255.240/28', 16, 15, '192.168.255.255'],
])('%s has %i addresses, number %i is %s', (cidr, size, index, address) => {
  const range = ipv4Range(cidr);
  expect([range.size, range.at(index), range.indexOf(address)]).toEqual([size, address, index]);
});

test('addresses outside have no number', () => {
  const range = ipv4Range('10.43.0.0/24');
  expect([range.indexOf('10.42.255.255'), range.indexOf('10.43.1.0')]).toEqual([undefined, undefined]);
});
