// The answers that the kubelet's handlers give in one piece.

import type { KubeletRequest, KubeletResponse } from './http.ts';
import type { Route } from './route.ts';

/** What a handler gets: the request as routed. */
export interface Asked {
  route: Route;
  signal: KubeletRequest['signal'];
}

/** Answers one kind of request; throws HttpError, or anything else for a 500, as long as nothing was sent. */
export type RouteHandler = (asked: Asked, response: KubeletResponse) => Promise<void>;

/** Sends a whole body. */
export async function sendText(
  response: KubeletResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const body = Buffer.from(text);
  response.start(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': String(body.length),
    ...headers,
  });
  await response.write(body);
  response.end();
}

/** Sends an object as JSON. */
export const sendJson = (response: KubeletResponse, body: object): Promise<void> =>
  sendText(response, 200, JSON.stringify(body), { 'content-type': 'application/json' });
