// Signs and verifies JSON Web Tokens with one ECDSA P-256 key (ES256 of RFC 7518, compact form of RFC 7515).
// Key ids and the key set follow pkg/serviceaccount/{jwt,openidmetadata}.go of v1.36.

import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import type { JsonObject } from '../../api/meta/types.ts';

export interface TokenSigner {
  /** The token that says these claims. */
  sign(claims: JsonObject): string;
  /** The claims of a token that this key signed; undefined for any other text. Says nothing about expiry. */
  verify(token: string): JsonObject | undefined;
  /** The public key as a JSON Web Key Set. */
  readonly keySet: JsonObject;
  readonly algorithm: 'ES256';
}

/** No token that is worth reading is longer. */
const maxTokenLength = 16_384;
/** Both numbers of a P-256 signature, 32 bytes each. */
const signatureLength = 64;

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

/** A signer for a private key in PEM. Throws when it is no P-256 key. */
export function createTokenSigner(privateKey: string): TokenSigner {
  const key = createPrivateKey(privateKey);
  const publicKey = createPublicKey(key);
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Error('the service account key is no ECDSA key on P-256');
  const keyId = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
  const header = encoded({ alg: 'ES256', kid: keyId });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return {
    algorithm: 'ES256',
    keySet: { keys: [{ use: 'sig', kty: 'EC', kid: keyId, crv: 'P-256', alg: 'ES256', x, y }] },
    sign(claims) {
      const signed = `${header}.${encoded(claims)}`;
      const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
      return `${signed}.${signature.toString('base64url')}`;
    },
    verify(token) {
      if (token.length > maxTokenLength || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return undefined;
      const [head = '', body = '', tail = ''] = token.split('.');
      // The token does not choose how it is checked: one key, one algorithm, and no header that must be understood.
      const said = decoded(head);
      if (said?.['alg'] !== 'ES256' || said['crit'] !== undefined) return undefined;
      if (said['kid'] !== undefined && said['kid'] !== keyId) return undefined;
      const signature = Buffer.from(tail, 'base64url');
      if (signature.length !== signatureLength) return undefined;
      const good = verify(
        'sha256',
        Buffer.from(`${head}.${body}`),
        { key: publicKey, dsaEncoding: 'ieee-p1363' },
        signature,
      );
      return good ? decoded(body) : undefined;
    },
  };
}
