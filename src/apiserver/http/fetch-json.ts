// Gets JSON documents of identity providers over HTTPS: bounded in size and time, with no redirect followed.

import { Agent, request } from 'node:https';

const maxBytes = 1024 * 1024;
const timeoutMs = 30_000;

/** A fetch that trusts the given CAs (PEM), or the system's where there are none. Rejects with an Error that says what went wrong. */
export function jsonFetcher(ca: string | undefined): (url: string) => Promise<unknown> {
  const agent = new Agent(ca === undefined ? {} : { ca });
  return (url) =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        url,
        { agent, timeout: timeoutMs, headers: { accept: 'application/json' } },
        (answer) => {
          if (answer.statusCode !== 200) {
            answer.resume();
            reject(new Error(`${url}: ${answer.statusCode}`));
            return;
          }
          const chunks: Buffer[] = [];
          let size = 0;
          answer.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > maxBytes) outgoing.destroy(new Error(`${url}: the answer is over ${maxBytes} bytes`));
            else chunks.push(chunk);
          });
          answer.on('error', reject);
          answer.on('end', () => {
            try {
              resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
            } catch {
              reject(new Error(`${url}: the answer is no JSON`));
            }
          });
        },
      );
      // Whatever trickles in: all of it must be there by then.
      const deadline = setTimeout(() => outgoing.destroy(new Error(`${url}: no answer in time`)), timeoutMs);
      outgoing.on('close', () => clearTimeout(deadline));
      outgoing.on('timeout', () => outgoing.destroy(new Error(`${url}: no answer in time`)));
      outgoing.on('error', reject);
      outgoing.end();
    });
}
