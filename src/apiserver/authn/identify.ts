// Who a request comes from: a front proxy's word, a client certificate, a token, or nobody.
// Follows pkg/kubeapiserver/authenticator/config.go and apiserver pkg/endpoints/filters/authentication.go of v1.36.

import { isUtf8 } from 'node:buffer';
import { unauthorized } from '../../api/meta/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { UserInfo } from '../request.ts';
import { asAuthenticated, type inTurn, TokenError } from './authenticator.ts';
import { frontProxyUser, type FrontProxyTrust } from './front-proxy.ts';
import type { HeaderValues } from './header-values.ts';

/** What the TLS connection says of the client. */
export interface Peer {
  /** The user of a certificate that the client CA signed. */
  user: UserInfo | undefined;
  /** The common name of a certificate that the front-proxy CA signed. */
  proxyName: string | undefined;
  /** When the certificate ends, in ms since 1970: connections outlive it. */
  expires?: number;
  /** True for one with a certificate that no CA here signed. */
  isStranger?: boolean;
}

/** What a request shows of its sender. */
export interface Sender {
  peer: Peer;
  path: string;
  headers: HeaderValues;
}

/** Whether requests of nobody may come to that path; what they may do there, roles say. */
export type AnonymousAccess = (path: string) => boolean;

/** Health, what is below it, and the version: whom anonymous requests reach where nothing is said. */
export const openPathsOnly: AnonymousAccess = (path) => /^\/(healthz|livez|readyz)(\/|$)|^\/version\/?$/.test(path);

export interface IdentifyDeps {
  tokens: ReturnType<typeof inTurn>;
  /** The API server's own audiences. */
  audiences: readonly string[];
  frontProxy: FrontProxyTrust | undefined;
  anonymous: AnonymousAccess;
  logger: Logger;
  /** ms since the epoch. */
  now(): number;
}

const anonymousUser: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** The token of an Authorization header; undefined without one. Of several headers the first counts. */
export function bearerToken(headers: HeaderValues): string | undefined {
  const [scheme = '', token = ''] = (headers.values('authorization')[0] ?? '').trim().split(' ', 3);
  return scheme.toLowerCase() === 'bearer' && token !== '' ? token : undefined;
}

export const webSocketTokenPrefix = 'base64url.bearer.authorization.k8s.io.';

/**
 * The token of a browser's WebSocket, which cannot send an Authorization header. Throws 401 on one that cannot be read, on several, and
 * where no other protocol is offered that the answer could agree to. Follows apiserver pkg/authentication/request/websocket.
 */
function webSocketToken(headers: HeaderValues): string | undefined {
  if (!headers.values('upgrade').some((value) => value.toLowerCase() === 'websocket')) return undefined;
  const lists = headers.values('sec-websocket-protocol').flatMap((value) => value.split(','));
  const offered = lists.map((protocol) => protocol.trim());
  const [found, ...more] = offered.filter((protocol) => protocol.startsWith(webSocketTokenPrefix));
  if (found === undefined) return undefined;
  const token = decodedToken(found.slice(webSocketTokenPrefix.length));
  if (token === '') return undefined;
  if (token === undefined || more.length > 0 || offered.length === 1) throw unauthorized();
  return token;
}

/** The text that is in it; undefined where it is none, in base64url without padding. */
function decodedToken(base64: string): string | undefined {
  const bytes = Buffer.from(base64, 'base64url');
  return isUtf8(bytes) && bytes.toString('base64url') === base64 ? bytes.toString('utf8') : undefined;
}

/** Finds out who sends a request: at once where nobody has to be asked. Throws or rejects with 401. */
export type Identify = (sender: Sender) => UserInfo | Promise<UserInfo>;

/** Finds out who it is; 401 where nobody is known and nobody may ask, and on a token that does not hold. */
export function createIdentify(deps: IdentifyDeps): Identify {
  const ofToken = async (token: string): Promise<UserInfo> => {
    try {
      return (await deps.tokens.authenticate(token, deps.audiences)).user;
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      deps.logger.debug('a bearer token was refused', { error: error.message });
      throw unauthorized();
    }
  };
  const ofCertificate = ({ user, proxyName }: Peer, headers: HeaderValues): UserInfo | undefined => {
    const named =
      deps.frontProxy === undefined || proxyName === undefined
        ? undefined
        : frontProxyUser(deps.frontProxy, proxyName, headers);
    return named === undefined ? user : asAuthenticated(named);
  };
  return ({ peer, path, headers }) => {
    const isOver = peer.expires !== undefined && peer.expires < deps.now();
    const user = isOver ? undefined : ofCertificate(peer, headers);
    if (user !== undefined) return user;
    const token = bearerToken(headers) ?? webSocketToken(headers);
    if (token !== undefined) return ofToken(token);
    // A certificate that does not hold makes nobody of its owner, but not a nobody who may look around.
    if (!isOver && peer.isStranger !== true && deps.anonymous(path)) return anonymousUser;
    throw unauthorized();
  };
}
