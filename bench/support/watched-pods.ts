// Pods made through the API over HTTPS, with the moment at which a watch showed each step of their lives.
import type { Pod } from '../../src/api/generated/types.ts';
import type { Client } from '../../src/client/client.ts';
import { createClient } from '../../src/client/create-client.ts';
import { createHttpsTransport } from '../../src/client/https-transport.ts';
import { pods } from '../../src/client/resources.ts';
import { rawApi } from '../../test/support/api.ts';

/** Moments in ms (performance.now). */
export interface Life {
  created: number;
  /** The watch showed it bound to a node. */
  bound?: number;
  /** The watch showed its container running. */
  running?: number;
  /** The same by the wall clock, to compare with what the runtime says. */
  runningAt?: number;
  gone?: number;
  containerId?: string;
}

export interface WatchedPods {
  create(name: string): Promise<Life>;
  /** Resolves when the watch has shown its container running. */
  running(name: string): Promise<Life>;
  /** Deletes it and gives ms until the watch said that it is gone. */
  delete(name: string): Promise<number>;
  close(): Promise<void>;
}

const namespace = 'default';

/** Follows the pods of the default namespace of the cluster in `dataDir`. */
export async function watchPods(dataDir: string, spec: Pod['spec']): Promise<WatchedPods> {
  const { server, tls, close } = rawApi(dataDir);
  close();
  const transport = createHttpsTransport({
    server: server.origin,
    ca: tls.ca.toString(),
    cert: tls.cert.toString(),
    key: tls.key.toString(),
  });
  const client: Client = createClient(transport);
  const lives = new Map<string, Life>();
  /** Looks that are repeated with every event: polling would take the CPU from what is measured. */
  const looks = new Set<() => void>();
  const ending = new AbortController();
  const first = await client.list(pods, { namespace });
  const follow = async (): Promise<void> => {
    const options = { namespace, resourceVersion: first.metadata.resourceVersion ?? '', signal: ending.signal };
    for await (const { type, object } of client.watch(pods, options)) {
      const life = lives.get((object as Pod).metadata?.name ?? '');
      if (life === undefined || type === 'BOOKMARK') continue;
      note(life, object as Pod, type === 'DELETED');
      for (const look of looks) look();
    }
  };
  const following = follow().catch((error: unknown) => {
    if (!ending.signal.aborted) console.error(`the watch ended: ${String(error)}`);
  });

  const seen = (name: string, what: 'running' | 'gone'): Promise<Life> =>
    new Promise((resolve, reject) => {
      const finish = (end: () => void): void => {
        clearTimeout(timer);
        looks.delete(look);
        end();
      };
      const look = (): void => {
        const life = lives.get(name);
        if (life?.[what] !== undefined) finish(() => resolve(life));
      };
      const timer = setTimeout(() => finish(() => reject(new Error(`pod ${name} is not ${what} in a minute`))), 60_000);
      looks.add(look);
      look();
    });

  return {
    async create(name) {
      const life: Life = { created: performance.now() };
      lives.set(name, life);
      const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, ...(spec ? { spec } : {}) };
      await client.create(pods, pod);
      return life;
    },
    running: (name) => seen(name, 'running'),
    async delete(name) {
      const started = performance.now();
      await client.delete(pods, { name, namespace });
      return ((await seen(name, 'gone')).gone ?? 0) - started;
    },
    async close() {
      ending.abort();
      await following;
      await transport.close();
    },
  };
}

function note(life: Life, pod: Pod, gone: boolean): void {
  const now = performance.now();
  if (gone) life.gone = now;
  if (pod.spec?.nodeName) life.bound ??= now;
  const [status] = pod.status?.containerStatuses ?? [];
  if (life.running !== undefined || pod.status?.phase !== 'Running' || status?.state?.running === undefined) return;
  life.running = now;
  life.runningAt = Date.now();
  life.containerId = status.containerID?.replace('containerd://', '') ?? '';
}
