// What the config map cluster-info is to say, signed by every bootstrap token that may sign.
// Follows pkg/controller/bootstrap/{bootstrapsigner,util}.go and cluster-bootstrap token/jws of v1.36.

import { createHmac } from 'node:crypto';
import { bootstrapSecretName, expiryOf, secretText } from '../../api/bootstrap-tokens.ts';
import type { ConfigMap, Secret } from '../../api/generated/types.ts';

const contentKey = 'kubeconfig';
const signaturePrefix = 'jws-kubeconfig-';

const encoded = (text: string): string => Buffer.from(text).toString('base64url');

/** The JWS of a text by a token, with the text left out (RFC 7515, appendix F): who has the token can tell that the text is genuine. */
export function detachedSignature(content: string, token: { id: string; secret: string }): string {
  const header = encoded(JSON.stringify({ alg: 'HS256', kid: token.id }));
  const signature = createHmac('sha256', token.secret)
    .update(`${header}.${encoded(content)}`)
    .digest('base64url');
  return `${header}..${signature}`;
}

/** The token of a secret, if it may sign now. `now` in ms. */
function signingToken(secret: Secret, now: number): { id: string; secret: string } | undefined {
  const [id, text] = [secretText(secret, 'token-id'), secretText(secret, 'token-secret')];
  if (id === '' || text === '' || secret.metadata?.name !== bootstrapSecretName(id)) return undefined;
  const expiry = expiryOf(secret);
  if (expiry !== undefined && expiry <= now) return undefined;
  return secretText(secret, 'usage-bootstrap-signing') === 'true' ? { id, secret: text } : undefined;
}

/** The config map as it is to be; undefined where it is so already, or has nothing to sign. */
export function decideSignatures(
  clusterInfo: ConfigMap | undefined,
  secrets: readonly Secret[],
  now: number,
): ConfigMap | undefined {
  const content = clusterInfo?.data?.[contentKey];
  if (clusterInfo === undefined || content === undefined) return undefined;
  const tokens = secrets.flatMap((secret) => signingToken(secret, now) ?? []);
  const wanted = Object.fromEntries(
    tokens.map((token) => [signaturePrefix + token.id, detachedSignature(content, token)]),
  );
  const entries = Object.entries(clusterInfo.data ?? {});
  const held = entries.filter(([key]) => key.startsWith(signaturePrefix));
  if (held.length === tokens.length && held.every(([key, value]) => wanted[key] === value)) return undefined;
  const others = entries.filter(([key]) => !key.startsWith(signaturePrefix));
  return { ...clusterInfo, data: { ...Object.fromEntries(others), ...wanted } };
}
