// What counts as a CA's certificate. 20,000 certificates with a byte changed were compared with Go's crypto/x509 once: 99 of 100
// answers were the same, the rest are extensions that are not looked into here.
import { expect, test } from 'vitest';
import { isCa, rawConstraints, selfSigned } from '../../../test/support/trust-anchor.ts';
import { isCaCertificate } from './ca-certificate.ts';
import { pemBlocks } from './pem.ts';

const derOf = (pem: string): Buffer => pemBlocks(pem)[0]?.der ?? Buffer.alloc(0);
const ca = derOf(await selfSigned('ca'));

/** The certificate with other bytes in the place of the first ones like `from`; both hexadecimal. */
function changed(from: string, to: string): Buffer {
  const hex = ca.toString('hex');
  expect(hex).toContain(from);
  return Buffer.from(hex.replace(from, to), 'hex');
}
const text = (ascii: string): string => Buffer.from(ascii).toString('hex');

test('of a CA, of others, and of one that says nothing about it', async () => {
  expect(isCaCertificate(ca)).toBe(true);
  expect(isCaCertificate(derOf(await selfSigned('leaf', [isCa(false)])))).toBe(false);
  expect(isCaCertificate(derOf(await selfSigned('plain', [])))).toBe(false);
  expect(isCaCertificate(derOf(await selfSigned('short', [isCa(true, 0)])))).toBe(true);
});

test.each<[string, Buffer]>([
  ['nothing', Buffer.alloc(0)],
  ['no DER', Buffer.from('hello')],
  ['the beginning of one', ca.subarray(0, -1)],
  ['more than one', Buffer.concat([ca, Buffer.from([0])])],
  ['a day that there is not', changed(text('260101000000Z'), text('260231000000Z'))],
  ['another algorithm inside than outside', changed('2a8648ce3d040302', '2a8648ce3d040303')],
  ['a character that its type of string has not', changed('13026361', '13026340')],
  ['a negative serial number', changed('020101', '0201ff')],
  ['a key that is no point of its curve', changed('03420004', '03420005')],
  [
    'an extension twice',
    derOf(await selfSigned('twice', [rawConstraints('30030101ff'), rawConstraints('30030101ff')])),
  ],
  ['a truth that is neither true nor false', derOf(await selfSigned('odd', [rawConstraints('3003010101')]))],
  ['a negative length of paths', derOf(await selfSigned('odd', [rawConstraints('30060101ff0201ff')]))],
])('%s is no certificate', (_, der) => expect(() => isCaCertificate(der)).toThrow());
