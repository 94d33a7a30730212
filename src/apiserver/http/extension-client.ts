// Speaks HTTPS with extension API servers, showing them the front proxy's certificate.
// Follows kube-aggregator pkg/apiserver/handler_proxy.go of v1.36 in its TLS.

import { Agent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { Readable } from 'node:stream';
import { connect } from 'node:tls';
import type { ExtensionDialer, ExtensionTarget } from '../aggregation/extension-dialer.ts';
import { checkedLookup, type ResolveName } from './checked-lookup.ts';
import { answerOf, chunkedBody, connected, isProxyable, outgoingHeaders } from './kubelet-client.ts';
import { goWords } from './webhook-client.ts';

/** PEM texts of the certificate by which extension servers know this one. */
export interface ProxyCredentials {
  cert: string;
  key: string;
}

/** A dialer with that certificate; `allowed` says which addresses it may connect to, loopback and links being nobody's extension server. */
export function extensionClient(
  credentials: ProxyCredentials | undefined,
  allowed: (address: string) => boolean = isProxyable,
  resolve?: ResolveName,
): ExtensionDialer {
  const lookup = checkedLookup(allowed, resolve);
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 16, timeout: 0 });
  const tlsOf = ({ host, port, serverName, ca, insecure }: ExtensionTarget) => ({
    ...credentials,
    host,
    port,
    lookup,
    servername: serverName,
    rejectUnauthorized: !insecure,
    ...(ca === '' ? {} : { ca }),
  });
  const check = ({ host }: ExtensionTarget): void => {
    if (isIP(host) !== 0 && !allowed(host)) throw new Error('address not allowed');
  };
  return {
    request: (target, { method, path, headers, body, signal }) =>
      new Promise((resolve, reject) => {
        check(target);
        const all = { ...outgoingHeaders(headers), ...(body === undefined ? {} : chunkedBody) };
        const outgoing = httpsRequest({ agent, ...tlsOf(target), method, path, headers: all, signal }, (answer) =>
          resolve(answerOf(answer)),
        );
        outgoing.on('error', (error) => reject(new Error(goWords(error, target), { cause: error })));
        if (body === undefined) outgoing.end();
        else
          Readable.from(body)
            .on('error', (error) => outgoing.destroy(error))
            .pipe(outgoing);
      }),
    async connect(target) {
      check(target);
      try {
        const socket = connect({ ...tlsOf(target), ALPNProtocols: ['http/1.1'] });
        return await connected(socket, 'secureConnect', `${target.host}:${target.port}`);
      } catch (error) {
        throw new Error(goWords(error, target), { cause: error });
      }
    },
  };
}
