// Reads who a client is from its certificate (common name is the user, organizations are the groups), or the token that it shows.
// Follows apiserver pkg/authentication/request/{x509,bearertoken} of v1.36.

import type { TLSSocket } from 'node:tls';
import type { RequestHeaders, UserInfo } from '../request.ts';

/** The user of a verified client certificate; undefined without one, or with one that our CA did not sign for clients. */
export function authenticate(socket: TLSSocket): UserInfo | undefined {
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  // getPeerCertificate gives {} without a certificate.
  if (subject === undefined) return undefined;
  const names: unknown = subject.CN;
  const organizations: unknown = subject.O;
  const name = Array.isArray(names) ? String(names[0] ?? '') : typeof names === 'string' ? names : '';
  if (name === '') return undefined;
  const groups = Array.isArray(organizations)
    ? organizations.map(String)
    : typeof organizations === 'string'
      ? [organizations]
      : [];
  return { name, groups: [...groups, 'system:authenticated'] };
}

/** The token of an Authorization header; undefined without one. */
export function bearerToken(headers: RequestHeaders): string | undefined {
  const { authorization } = headers;
  if (typeof authorization !== 'string') return undefined;
  const [scheme = '', token = ''] = authorization.trim().split(' ', 3);
  return scheme.toLowerCase() === 'bearer' && token !== '' ? token : undefined;
}
