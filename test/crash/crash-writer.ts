// The child of the store's crash test: writes at full speed, tells what was acknowledged, and waits to be killed.
// Usage: crash-writer.ts FOLDER RUN WRITERS

import { writeSync } from 'node:fs';
import { realClock } from '../../src/host/real-clock.ts';
import { openEmbeddedStore } from '../../src/store/embedded.ts';

const [folder = '', run = '0', writers = '8'] = process.argv.slice(2);
const store = await openEmbeddedStore({ path: folder, clock: realClock });
writeSync(1, `open ${store.revision()}\n`);

/** Puts, updates and deletes a few keys of its own; each acknowledgement is a line: revision, operation, key, value. */
async function write(writer: number): Promise<void> {
  const versions = new Map<string, number>();
  for (let i = 0; ; i++) {
    const key = `/crash/${writer}/${i % 17}`;
    const expected = versions.get(key) ?? (await store.get(key))?.modRevision ?? 0;
    const remove = i % 11 === 10 && expected !== 0;
    const value = `${run}.${writer}.${i}.${'x'.repeat((i * 37) % 3000)}`;
    const result = remove
      ? await store.txn({ op: 'delete', key, expected })
      : await store.txn({ op: 'put', key, value: Buffer.from(value), expected });
    if (!result.ok) throw new Error(`${key}: somebody else wrote`);
    versions.set(key, remove ? 0 : result.revision);
    // Synchronous, so that what was acknowledged has left this process before it can be killed.
    writeSync(1, `ack ${result.revision} ${remove ? 'delete' : 'put'} ${key} ${remove ? '-' : value.slice(0, 40)}\n`);
  }
}

/** Keeps trimming, so that kills hit compactions as well. */
async function compact(): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const at = store.revision() - 2000;
    if (at <= store.compactedRevision()) continue;
    await store.compact(at);
    writeSync(1, `compacted ${at}\n`);
  }
}

await Promise.all([...Array.from({ length: Number(writers) }, (_, writer) => write(writer)), compact()]);
