// What client-go says of an answer that is no success. Follows apimachinery pkg/api/errors.NewGenericServerResponse of v1.36.

import { goQuote } from '../api/meta/go-format.ts';

export interface RefusedAnswer {
  status: number;
  contentType: string;
  body: Buffer;
}

/** What client-go makes of a status that is no success. */
export function refusedText({ status, contentType, body }: RefusedAnswer): string {
  const text = contentType.startsWith('text/') || contentType === '' ? body.toString('utf8').trim() : '';
  const own = statusMessage(body);
  if (own !== undefined) return own;
  switch (status) {
    case 400:
      return 'the server rejected our request for an unknown reason';
    case 401:
      return 'the server has asked for the client to provide credentials';
    case 403:
      return text || 'unknown';
    case 404:
      return 'the server could not find the requested resource';
    case 405:
      return 'the server does not allow this method on the requested resource';
    case 409:
      return 'the server reported a conflict';
    case 422:
      return 'the server rejected our request due to an error in our request';
    case 429:
      return 'the server has received too many requests and has asked us to try again later';
    case 503:
      return 'the server is currently unable to handle the request';
    case 504:
      return 'the server was unable to return a response in the time allotted, but may still be processing the request';
    default:
      return status >= 500
        ? `an error on the server (${goQuote(text || 'unknown')}) has prevented the request from succeeding`
        : `the server responded with the status code ${status} but did not return more information`;
  }
}

/** The message of a metav1.Status, where the answer is one. */
function statusMessage(body: Buffer): string | undefined {
  try {
    const value = JSON.parse(body.toString('utf8')) as { kind?: unknown; message?: unknown } | null;
    return value?.kind === 'Status' && typeof value.message === 'string' ? value.message : undefined;
  } catch {
    return undefined;
  }
}
