// Reads X.509 certificates as strictly as Go where it counts for a trust anchor: is it one at all, and is it a CA's?
// Follows crypto/x509/parser.go of Go 1.26; of extensions only the basic constraints are looked into.

import { createPublicKey } from 'node:crypto';
import {
  checkDerBits,
  derBoolean,
  derContents,
  type DerElement,
  DerError,
  derInteger,
  derObjectId,
  DerReader,
  derTag,
} from './der.ts';

const { sequence, set, integer, boolean, objectId, octetString, bitString, utcTime, generalizedTime } = derTag;
const contextTag = (number: number, constructed: boolean): number => (constructed ? 0xa0 : 0x80) + number;

const basicConstraints = '551d13';
/** The key algorithms whose keys Go reads, each as its object identifier: RSA, EC, Ed25519, DSA. */
const knownKeys: ReadonlySet<string> = new Set(['2a864886f70d010101', '2a8648ce3d0201', '2b6570', '2a8648ce380401']);

/** By string type: may those bytes be in it? Names have no other types. */
const strings: ReadonlyMap<number, (content: Buffer) => boolean> = new Map([
  [0x0c, (content: Buffer) => content.equals(Buffer.from(content.toString('utf8'), 'utf8'))],
  [0x12, (content: Buffer) => /^[0-9 ]*$/.test(content.toString('latin1'))],
  [0x13, (content: Buffer) => /^[A-Za-z0-9 '()+,\-./:=?*&]*$/.test(content.toString('latin1'))],
  [0x14, () => true],
  [0x16, (content: Buffer) => content.every((byte) => byte < 0x80)],
  [0x1e, (content: Buffer) => content.length % 2 === 0],
]);

/** Checks a name: sets of attributes, each a type with a string. */
function checkName(name: DerElement): void {
  const sets = new DerReader(name.content);
  while (!sets.isEmpty) {
    const attributes = new DerReader(sets.take(set).content);
    while (!attributes.isEmpty) {
      const attribute = new DerReader(attributes.take(sequence).content);
      derObjectId(attribute.take(objectId));
      const isFit = strings.get(attribute.nextTag ?? 0);
      if (isFit === undefined || !isFit(attribute.take(attribute.nextTag ?? 0).content))
        throw new DerError('bad attribute value');
    }
  }
}

/** Checks a time: its form, and that there is such a day. */
function checkTime(validity: DerReader): void {
  const short = validity.takeIf(utcTime);
  const text = (short ?? validity.take(generalizedTime)).content.toString('latin1');
  const [, year = '', rest = ''] = /^(\d{2}|\d{4})(\d{8}(?:\d{2})?)(?:Z|[+-]\d{4})$/.exec(text) ?? [];
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = (rest.match(/\d{2}/g) ?? []).map(Number);
  if (year.length !== (short ? 2 : 4)) throw new DerError('malformed time');
  const days = new Date(Date.UTC(short ? 2000 + Number(year) : Number(year), month, 0)).getUTCDate();
  const isDay = month >= 1 && month <= 12 && day >= 1 && day <= days;
  if (!isDay || hour > 23 || minute > 59 || second > 59) throw new DerError('malformed time');
}

/** Of an extension that says whether this is a CA; Go takes no account of what is behind that. */
function readBasicConstraints(value: Buffer): boolean {
  const parts = new DerReader(new DerReader(value).take(sequence).content);
  const found = parts.takeIf(boolean);
  const isCa = found !== undefined && derBoolean(found);
  const length = parts.takeIf(integer);
  if (length !== undefined && (derInteger(length)[0] ?? 0) >= 0x80) throw new DerError('negative path length');
  return isCa;
}

/** Reads the extensions, each of which may be there once: do they make a CA? */
function readExtensions(extensions: DerReader): boolean {
  const seen = new Set<string>();
  let isCa = false;
  while (!extensions.isEmpty) {
    const extension = new DerReader(extensions.take(sequence).content);
    const id = derObjectId(extension.take(objectId));
    const critical = extension.takeIf(boolean);
    if (critical !== undefined) derBoolean(critical);
    const { content } = extension.take(octetString);
    if (seen.has(id)) throw new DerError('duplicate extension');
    seen.add(id);
    if (id === basicConstraints) isCa = readBasicConstraints(content);
  }
  return isCa;
}

/** Checks that there is a key, and one that can be used where its algorithm is known. */
function checkKey(key: DerElement): void {
  const parts = new DerReader(key.content);
  const algorithm = derObjectId(new DerReader(parts.take(sequence).content).take(objectId));
  checkDerBits(parts.take(bitString));
  // Throws where the key is none of that algorithm, a point off the curve for one.
  if (knownKeys.has(algorithm)) createPublicKey({ key: key.whole, format: 'der', type: 'spki' });
}

function readVersion(tbs: DerReader): number {
  const tagged = tbs.takeIf(contextTag(0, true));
  if (tagged === undefined) return 1;
  const [version = 0xff] = derInteger(new DerReader(tagged.content).take(integer));
  if (version > 2) throw new DerError('invalid version');
  return version + 1;
}

/**
 * Whether the certificate is a CA's, by its basic constraints. Throws an Error where the bytes are no X.509 certificate, or where
 * there is more behind it.
 */
export function isCaCertificate(der: Buffer): boolean {
  const certificate = derContents(der, sequence);
  const tbs = new DerReader(certificate.take(sequence).content);
  const outer = certificate.take(sequence).content;
  const version = readVersion(tbs);
  const [sign = 0] = derInteger(tbs.take(integer));
  if (sign >= 0x80) throw new DerError('negative serial number');
  if (!tbs.take(sequence).content.equals(outer)) throw new DerError('signature algorithms do not match');
  checkName(tbs.take(sequence));
  const validity = new DerReader(tbs.take(sequence).content);
  checkTime(validity);
  checkTime(validity);
  checkName(tbs.take(sequence));
  checkKey(tbs.take(sequence));
  checkDerBits(certificate.take(bitString));
  if (version < 2) return false;
  tbs.takeIf(contextTag(1, false));
  tbs.takeIf(contextTag(2, false));
  const extensions = version === 3 ? tbs.takeIf(contextTag(3, true)) : undefined;
  return extensions !== undefined && readExtensions(derContents(extensions.content, sequence));
}
