// Passes requests for a group version on to its extension server, and its answers back.
// Follows kube-aggregator pkg/apiserver/handler_proxy.go and apimachinery pkg/util/proxy/upgradeaware.go of v1.36.

import type { Duplex } from 'node:stream';
import { serviceUnavailable } from '../../api/meta/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Random } from '../../lib/random.ts';
import type { ObjectLookup } from '../admission/object-lookup.ts';
import type { UpgradeTarget } from '../http/upgrade.ts';
import type { ApiRequest, ApiResponse, UserInfo } from '../request.ts';
import { passedHeaders, passedRequestHeaders } from '../subresources/passed-headers.ts';
import type { ExtensionDialer, ExtensionRequest } from './extension-dialer.ts';
import { locateExtension } from './locate-extension.ts';
import { isProxyHeader, proxyHeaders } from './proxy-headers.ts';
import type { RemoteApi } from './remote-apis.ts';

export interface ProxyDeps {
  objects: ObjectLookup;
  random: Random;
  logger: Logger;
  dialer: ExtensionDialer;
}

const plain = (code: number, text: string): ApiResponse => ({
  type: 'raw',
  code,
  contentType: 'text/plain; charset=utf-8',
  bytes: Buffer.from(text),
  rendering: { as: 'object' },
});

/** What a client is told of a server that is not there. */
export const unavailable = (): ApiResponse => plain(503, 'service unavailable\n');

/** The headers of a request to an extension server: the client's, but for those that say who it is. */
function headersFor({ headers, path, user }: ApiRequest): ExtensionRequest['headers'] {
  const passed = passedRequestHeaders(headers, path);
  return {
    ...Object.fromEntries(Object.entries(passed).filter(([name]) => !isProxyHeader(name))),
    ...proxyHeaders(user),
  };
}

/** What is sent on: as it comes from the wire, or what a component of this process hands over. */
async function bodyOf(request: ApiRequest): Promise<Pick<ExtensionRequest, 'body'> & { contentType?: string }> {
  if (request.method === 'GET' || request.method === 'HEAD') return {};
  const streamed = request.bodyStream?.();
  if (streamed !== undefined) return { body: streamed };
  const body = await request.body();
  const bytes = body.type === 'bytes' ? body.bytes : Buffer.from(JSON.stringify(body.object ?? {}));
  return { body: one(bytes), contentType: body.contentType };
}

async function* one(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Whether the answer would send the client somewhere else. */
const isRedirect = (status: number, location: unknown): boolean =>
  status >= 300 && status <= 399 && location !== undefined && location !== '';

const redirectText = 'the backend attempted to redirect this request, which is not permitted';

export async function proxyToExtension(deps: ProxyDeps, remote: RemoteApi, request: ApiRequest): Promise<ApiResponse> {
  if (!remote.available) return unavailable();
  const target = await locateExtension(deps.objects, deps.random, remote).catch((error: unknown) => {
    deps.logger.warn('an extension server has no address', { name: remote.name, error: String(error) });
    return undefined;
  });
  if (target === undefined) return unavailable();
  const search = request.query.size === 0 ? '' : `?${request.query.toString()}`;
  const { body, contentType } = await bodyOf(request);
  const headers = headersFor(request);
  try {
    const answer = await deps.dialer.request(target, {
      method: request.method,
      path: `${request.path}${search}`,
      headers: contentType === undefined ? headers : { ...headers, 'content-type': contentType },
      ...(body === undefined ? {} : { body }),
      signal: request.signal(),
    });
    if (isRedirect(answer.status, answer.headers['location'])) {
      // Nobody reads it; the connection is given up.
      await answer.body[Symbol.asyncIterator]().return?.(undefined);
      return plain(502, redirectText);
    }
    return {
      type: 'stream',
      code: answer.status,
      headers: passedHeaders(answer.headers),
      stream: answer.body,
      rendering: { as: 'object' },
    };
  } catch (error) {
    return plain(503, `error trying to reach service: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

/** Where an upgrade for the group version goes. Rejects with 503 where its server is not there. */
export async function upgradeTarget(
  deps: ProxyDeps,
  remote: RemoteApi,
  path: string,
  query: URLSearchParams,
  user: UserInfo,
): Promise<UpgradeTarget> {
  if (!remote.available) throw serviceUnavailable('service unavailable');
  const target = await locateExtension(deps.objects, deps.random, remote).catch(() => {
    throw serviceUnavailable('service unavailable');
  });
  const connect = async (): Promise<Duplex> => {
    try {
      return await deps.dialer.connect(target);
    } catch (error) {
      throw serviceUnavailable(
        `error trying to reach service: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  };
  return {
    extension: { connect, host: target.serverName, headers: proxyHeaders(user) },
    path: query.size === 0 ? path : `${path}?${query.toString()}`,
  };
}
