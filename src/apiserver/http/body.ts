// Reads request bodies, within a limit of size and time.

import type { Readable } from 'node:stream';
import { ApiError, badRequest, tooLarge } from '../../api/meta/errors.ts';

/** 3 MB, as upstream: anything stored is at most half of it. */
export const maxBodyBytes = 3 * 1024 * 1024;
/** A body that takes longer was abandoned. */
const bodyTimeoutMs = 60_000;

/** The whole body. Rejects with 413 over the limit, with 400 when it is cut off. */
export function readBody(stream: Readable, contentLength: number | undefined): Promise<Buffer> {
  if (contentLength !== undefined && contentLength > maxBodyBytes) return Promise.reject(tooLargeBody());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => fail(badRequest('the request body did not arrive in time')), bodyTimeoutMs);
    const finish = (): void => {
      clearTimeout(timer);
      stream.off('data', onData);
      stream.off('end', onEnd);
      stream.off('error', onCut);
      stream.off('aborted', onCut);
      stream.off('close', onCut);
    };
    const fail = (error: ApiError): void => {
      finish();
      // What still arrives is thrown away.
      stream.on('error', () => {});
      stream.resume();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBodyBytes) fail(tooLargeBody());
      else chunks.push(chunk);
    };
    const onEnd = (): void => {
      finish();
      const [only] = chunks;
      const bytes = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size);
      if (contentLength !== undefined && bytes.length !== contentLength) reject(badRequest('unexpected EOF'));
      else resolve(bytes);
    };
    const onCut = (): void => fail(badRequest('unexpected EOF'));
    stream.on('data', onData);
    stream.on('end', onEnd);
    stream.on('error', onCut);
    stream.on('aborted', onCut);
    stream.on('close', onCut);
  });
}

const tooLargeBody = (): ApiError => tooLarge(`limit is ${maxBodyBytes}`);
