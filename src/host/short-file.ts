// Reads small files of /proc without the 64 KB that node takes for a file whose size the kernel does not tell.

import { open } from 'node:fs/promises';

/** What the kernel's short files take at most, in bytes. */
const usualBytes = 4096;

/** The beginning of the file, as Latin-1. `buffer` is read into, where many are read one after the other. Rejects as open and read do. */
export async function readShortFile(path: string, buffer: Buffer = Buffer.allocUnsafe(usualBytes)): Promise<string> {
  const file = await open(path);
  try {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}
