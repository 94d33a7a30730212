// Signs JSON Web Tokens with one key and verifies them with several (RFC 7515 in compact form, algorithms of RFC 7518).
// Key ids, algorithms and the key set follow pkg/serviceaccount/{jwt,openidmetadata}.go of v1.36.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import type { JsonObject } from '../../api/meta/types.ts';

export interface TokenSigner {
  /** The token that says these claims. */
  sign(claims: JsonObject): string;
  /** The claims of a token that one of the keys signed; undefined for any other text. Says nothing about expiry. */
  verify(token: string): JsonObject | undefined;
  /** Every public key as a JSON Web Key Set. */
  readonly keySet: JsonObject;
  /** Of all keys. */
  readonly algorithms: readonly string[];
}

/** No token that is worth reading is longer. */
const maxTokenLength = 16_384;
/** Shorter RSA keys can be broken. */
const minRsaBits = 2048;

const encoded = (value: JsonObject): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** The JSON object in one part of a token; undefined when it is none. */
function decoded(part: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** A new key in PEM, for servers that keep none. */
export function newSigningKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

interface Algorithm {
  name: string;
  hash: string;
  /** Bytes of a signature; any where it depends on the key. */
  signatureLength?: number;
}

const byCurve: Readonly<Record<string, Algorithm>> = {
  prime256v1: { name: 'ES256', hash: 'sha256', signatureLength: 64 },
  secp384r1: { name: 'ES384', hash: 'sha384', signatureLength: 96 },
  secp521r1: { name: 'ES512', hash: 'sha512', signatureLength: 132 },
};

/** The one algorithm that a key is used with. Throws an Error where there is none. */
function algorithmOf(key: KeyObject): Algorithm {
  const { asymmetricKeyType: type, asymmetricKeyDetails: { namedCurve = '', modulusLength = 0 } = {} } = key;
  if (type === 'rsa' && modulusLength >= minRsaBits) return { name: 'RS256', hash: 'sha256' };
  const found = type === 'ec' && Object.hasOwn(byCurve, namedCurve) ? byCurve[namedCurve] : undefined;
  if (found === undefined)
    throw new Error('a service account key is neither ECDSA (P-256, P-384, P-521) nor RSA of 2048 bits and more');
  return found;
}

interface PublicKey {
  id: string;
  key: KeyObject;
  algorithm: Algorithm;
}

function publicKey(key: KeyObject): PublicKey {
  const id = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
  return { id, key, algorithm: algorithmOf(key) };
}

/** The members of a key set entry in upstream's order. */
function jwk({ id, key, algorithm }: PublicKey): JsonObject {
  const { kty = '', crv, x, y, n, e } = key.export({ format: 'jwk' });
  const members = { use: 'sig', kty, kid: id, crv, alg: algorithm.name, x, y, n, e };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as JsonObject;
}

const pemBlock = /-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----/g;

/** The public keys of the PEM blocks of a file: public keys, private ones, or certificates. Throws an Error where there are none. */
export function publicKeysOf(pem: string): KeyObject[] {
  const blocks = [...pem.matchAll(pemBlock)].filter(([, kind = '']) => /(^| )KEY$|^CERTIFICATE$/.test(kind));
  const keys = blocks.map(([block]) => createPublicKey(block));
  if (keys.length === 0) throw new Error('data does not contain any valid RSA or ECDSA public keys');
  for (const key of keys) algorithmOf(key);
  return keys;
}

/**
 * A signer with a private key in PEM, that knows tokens of `others` (public keys), too. Throws an Error on a key that is neither
 * ECDSA nor RSA of enough bits.
 */
export function createTokenSigner(privateKey: string, others: readonly KeyObject[] = []): TokenSigner {
  const key = createPrivateKey(privateKey);
  const own = publicKey(createPublicKey(key));
  // One that is given twice is one.
  const keys = new Map([own, ...others.map(publicKey)].map((one) => [one.id, one] as const));
  const header = encoded({ alg: own.algorithm.name, kid: own.id });
  return {
    algorithms: [...new Set([...keys.values()].map(({ algorithm }) => algorithm.name))].toSorted(),
    keySet: { keys: [...keys.values()].map(jwk) },
    sign(claims) {
      const signed = `${header}.${encoded(claims)}`;
      const signature = sign(own.algorithm.hash, Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
      return `${signed}.${signature.toString('base64url')}`;
    },
    verify(token) {
      if (token.length > maxTokenLength || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return undefined;
      const [head = '', body = '', tail = ''] = token.split('.');
      const said = decoded(head);
      if (said === undefined || said['crit'] !== undefined) return undefined;
      const { kid, alg } = said;
      const candidates = kid === undefined ? [...keys.values()] : typeof kid === 'string' ? [keys.get(kid)] : [];
      const signature = Buffer.from(tail, 'base64url');
      const good = candidates.some((one) => one !== undefined && holds(one, alg, `${head}.${body}`, signature));
      return good ? decoded(body) : undefined;
    },
  };
}

/** The token does not choose how it is checked: a key has one algorithm, and the token may only agree. */
function holds({ key, algorithm }: PublicKey, said: unknown, signed: string, signature: Buffer): boolean {
  if (said !== algorithm.name) return false;
  if (algorithm.signatureLength !== undefined && signature.length !== algorithm.signatureLength) return false;
  return verify(algorithm.hash, Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }, signature);
}
