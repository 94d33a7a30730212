import { expect, test } from 'vitest';
import { silentLogger } from '../../lib/logger.ts';
import { outcome } from '../test-server.ts';
import { inTurn } from './authenticator.ts';
import { headerValues } from './header-values.ts';
import { createIdentify, openPathsOnly, webSocketTokenPrefix } from './identify.ts';

const identify = createIdentify({
  tokens: inTurn([
    {
      authenticate: (token) =>
        Promise.resolve(token === 'secret' ? { user: { name: 'jane', groups: [] }, audiences: ['api'] } : undefined),
    },
  ]),
  audiences: ['api'],
  frontProxy: undefined,
  anonymous: openPathsOnly,
  logger: silentLogger,
  now: () => 0,
});
const nobody = { user: undefined, proxyName: undefined };
const encoded = (text: string | Buffer): string => webSocketTokenPrefix + Buffer.from(text).toString('base64url');

/** Who a WebSocket with these headers of protocols is opened by. */
async function openedBy(...protocols: string[]): Promise<string> {
  const offers = protocols.flatMap((protocol) => ['Sec-WebSocket-Protocol', protocol]);
  const headers = headerValues(['Upgrade', 'websocket', ...offers]);
  let name = '';
  const who = (async () => {
    name = (await identify({ peer: nobody, path: '/api', headers })).name;
  })();
  return (await outcome(who)).replace('ok', name);
}

test.each([
  [['v5.channel.k8s.io', encoded('secret')], 'jane'],
  [[encoded('secret'), ' v5.channel.k8s.io , v4.channel.k8s.io'], 'jane'],
  // The answer could agree to none.
  [[encoded('secret')], '401 Unauthorized'],
  [['v5.channel.k8s.io', encoded('secret'), encoded('secret')], '401 Unauthorized'],
  [['v5.channel.k8s.io', encoded('wrong')], '401 Unauthorized'],
  [['v5.channel.k8s.io', encoded(Buffer.from([0xff]))], '401 Unauthorized'],
  [['v5.channel.k8s.io', `${webSocketTokenPrefix}c2VjcmV0=`], '401 Unauthorized'],
  [['v5.channel.k8s.io', `${webSocketTokenPrefix}c2V jcmV0`], '401 Unauthorized'],
  [['v5.channel.k8s.io', webSocketTokenPrefix], '401 Unauthorized'],
  [['v5.channel.k8s.io'], '401 Unauthorized'],
])('a WebSocket that offers %j is opened by %s', async (protocols, who) => {
  expect(await openedBy(...protocols)).toBe(who);
});
