// Durable writes of the embedded store, beside bare LMDB puts of the same size by as many writers.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { realClock } from '../../src/host/real-clock.ts';
import { openEmbeddedStore } from '../../src/store/embedded.ts';
import { type Bench, median } from '../figure.ts';

const writers = 16;
const runMs = 1000;
const rounds = 5;
const value = Buffer.alloc(2048, 'x');

/** Writes per second: each writer writes again as soon as its write is durable. */
async function rate(write: (key: string) => Promise<unknown>): Promise<number> {
  let done = 0;
  const started = performance.now();
  const end = started + runMs;
  const writer = async (_: unknown, id: number): Promise<void> => {
    for (let i = 0; performance.now() < end; i++) {
      await write(`/registry/pods/writer-${id}/pod-${i}`);
      done++;
    }
  };
  await Promise.all(Array.from({ length: writers }).map(writer));
  return (done * 1000) / (performance.now() - started);
}

export const bench: Bench = {
  name: 'store',
  about: `durable creates of 2 KB in the embedded store, ${writers} writers`,
  async run(say) {
    const folder = mkdtempSync(join(tmpdir(), 'peapod-bench-'));
    const store = await openEmbeddedStore({ path: join(folder, 'store'), clock: realClock });
    const bare = open<Buffer, string>({ path: join(folder, 'bare'), encoding: 'binary', overlappingSync: false });
    try {
      const values: number[] = [];
      const limits: number[] = [];
      for (let i = 0; i < rounds; i++) {
        limits.push(await rate((key) => bare.put(`${i}${key}`, value)));
        values.push(await rate((key) => store.txn({ op: 'put', key: `/${i}${key}`, value, expected: 0 })));
        say(`run ${i + 1}: ${values[i]?.toFixed(0)}/s, bare ${limits[i]?.toFixed(0)}/s`);
      }
      return [
        {
          figure: 'durable creates of 2 KB',
          value: median(values),
          unit: 'txns/s',
          limit: 'bare LMDB puts',
          limitValue: median(limits),
          budget: { of: 'ratio', atLeast: 0.5 },
        },
      ];
    } finally {
      await store.close();
      await bare.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
