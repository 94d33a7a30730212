// Compresses a file with gzip, in a stream: neither file is held in memory.

import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** Writes the compressed form of `from` to `to`, which is replaced, with the same mode. Rejects with node's errors. */
export async function compressFile(from: string, to: string): Promise<void> {
  const { mode } = await stat(from);
  await pipeline(createReadStream(from), createGzip(), createWriteStream(to, { mode: mode & 0o777 }));
}
