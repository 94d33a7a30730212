// A minute (ten in the long suite) of pods that come, change and go, while Peapod, containerd, shims and container processes are
// killed at random; in the end nothing has leaked, every status is true to the runtime, and every acknowledged deletion is done.
// The seed is printed; PEAPOD_SEED repeats the choices, though not the machine's timing.
import { readFileSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectRuntime, type RuntimeConnection } from '../../src/cri/grpc/connect-runtime.ts';
import { type Instance, instanceOf } from '../../src/host/instance.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { shimsOf } from '../../src/host/shims.ts';
import { createSeededRandom } from '../../src/sim/seeded-random.ts';
import { type RawApi, rawApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { type Peapod, noContainers, startPeapod } from '../support/peapod.ts';
import { containerdPid, containerProcesses, contradictions, podTraces, type PodView } from './node-state.ts';

const seconds = process.env['PEAPOD_LONG'] === '1' ? 600 : 60;
const seed = Number(process.env['PEAPOD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const random = createSeededRandom(seed);
const below = (n: number): number => Math.floor(random.float() * n);
const pick = <T>(list: readonly T[]): T | undefined => list[below(list.length)];
const pods = '/api/v1/namespaces/default/pods';
const config = '/api/v1/namespaces/default/configmaps/turns';
const mostPods = 12;

const shell = (name: string, script: string, more: object = {}): object => ({
  name,
  image: 'busybox:1.28',
  command: ['sh', '-c', script],
  ...more,
});
const staying = 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done';

/** Specs by kind; `n` is never the same twice. */
const kinds: Record<string, (n: number) => object> = {
  steady: () => ({ containers: [shell('c', staying)] }),
  stubborn: () => ({
    terminationGracePeriodSeconds: 2,
    containers: [shell('c', 'trap "" TERM; while :; do sleep 1; done')],
  }),
  crashing: () => ({ containers: [shell('c', 'sleep 1; exit 1')] }),
  finishing: () => ({ restartPolicy: 'Never', containers: [shell('c', 'sleep 1')] }),
  initialized: () => ({ initContainers: [shell('i', 'sleep 0.5')], containers: [shell('c', staying)] }),
  accompanied: () => ({
    terminationGracePeriodSeconds: 5,
    initContainers: [shell('side', staying, { restartPolicy: 'Always' })],
    containers: [shell('c', staying)],
  }),
  probed: () => ({
    terminationGracePeriodSeconds: 5,
    containers: [
      shell('c', staying, {
        livenessProbe: { exec: { command: ['true'] }, periodSeconds: 2, timeoutSeconds: 5 },
        readinessProbe: { exec: { command: ['true'] }, periodSeconds: 2, timeoutSeconds: 5 },
        lifecycle: { preStop: { exec: { command: ['sleep', '0.3'] } } },
      }),
    ],
  }),
  mounted: (n) => ({
    containers: [
      shell('c', staying, {
        ports: [{ containerPort: 80, hostPort: 20_000 + n }],
        volumeMounts: [
          { name: 'turns', mountPath: '/turns' },
          { name: 'memory', mountPath: '/memory' },
          { name: 'disk', mountPath: '/disk', subPath: 'below' },
        ],
      }),
    ],
    volumes: [
      { name: 'turns', configMap: { name: 'turns' } },
      { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      { name: 'disk', emptyDir: {} },
    ],
  }),
};

describe.skipIf(noContainers)(`chaos${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  let peapod: Peapod;
  let api: RawApi;
  let instance: Instance;
  let connection: RuntimeConnection;
  const deleted = new Set<string>();
  const log: string[] = [];
  const counts: Record<string, number> = {};
  let made = 0;
  let turn = 0;

  const list = async (): Promise<PodView[]> => (await api.request('GET', pods)).json<{ items: PodView[] }>().items;
  /** What is there while everything breaks: nothing, where the API does not answer. */
  const listed = (): Promise<PodView[]> => list().catch(() => []);
  /** One request; what was refused or broke off counts as not done. */
  const attempt = async (method: string, path: string, body?: object, contentType?: string): Promise<boolean> => {
    const options = { ...(body ? { body } : {}), ...(contentType ? { contentType } : {}), timeoutMs: 5000 };
    const status = await api
      .request(method, path, options)
      .then((answer) => answer.status)
      .catch(() => 0);
    return status >= 200 && status < 300;
  };
  const kill = (pid: number | undefined): void => {
    if (pid === undefined) return;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  };

  const steps: { weight: number; name: string; run(): Promise<unknown> }[] = [
    {
      weight: 30,
      name: 'create',
      async run() {
        if ((await listed()).length >= mostPods) return;
        const [kind = '', spec] = pick(Object.entries(kinds)) ?? [];
        made++;
        await attempt('POST', pods, { metadata: { name: `${kind}-${made}` }, spec: spec?.(made) });
      },
    },
    {
      weight: 24,
      name: 'delete',
      async run() {
        const { metadata } = pick(await listed()) ?? {};
        if (metadata === undefined) return;
        const grace = pick([undefined, 0, 1, 3]);
        const body = grace === undefined ? {} : { gracePeriodSeconds: grace };
        if (await attempt('DELETE', `${pods}/${metadata.name}`, body)) deleted.add(metadata.uid);
      },
    },
    {
      weight: 8,
      name: 'change the config map',
      async run() {
        const next = { data: { turn: `${turn + 1}` } };
        if (await attempt('PATCH', config, next, 'application/merge-patch+json')) turn++;
      },
    },
    {
      weight: 8,
      name: 'resize',
      async run() {
        const { metadata } = pick(await listed()) ?? {};
        const resources = { requests: { cpu: `${10 + below(50)}m` } };
        const patch = { spec: { containers: [{ name: 'c', resources }] } };
        if (metadata)
          await attempt('PATCH', `${pods}/${metadata.name}/resize`, patch, 'application/strategic-merge-patch+json');
      },
    },
    { weight: 8, name: 'kill a process', run: async () => kill(pick(containerProcesses(instance))) },
    { weight: 4, name: 'kill a shim', run: async () => kill(pick(await shimsOf(instance))?.pid) },
    { weight: 2, name: 'kill containerd', run: async () => kill(containerdPid(instance)) },
    {
      weight: 2,
      name: 'kill Peapod',
      async run() {
        await peapod.kill9();
        api.close();
        await peapod.restart();
        api = rawApi(peapod.dataDir);
      },
    },
  ];
  const sum = steps.reduce((total, { weight }) => total + weight, 0);

  async function step(): Promise<void> {
    let left = below(sum);
    const chosen = steps.find(({ weight }) => (left -= weight) < 0);
    if (chosen === undefined) return;
    counts[chosen.name] = (counts[chosen.name] ?? 0) + 1;
    log.push(`${new Date().toISOString()} ${chosen.name}`);
    await chosen.run();
  }

  beforeAll(async () => {
    peapod = await startPeapod({ args: ['--on-exit', 'keep'] });
    instance = instanceOf(realpathSync(peapod.dataDir));
    connection = connectRuntime(instance.containerdSocket, realClock);
    api = rawApi(peapod.dataDir);
    expect(await attempt('POST', config.slice(0, -6), { metadata: { name: 'turns' }, data: { turn: '0' } })).toBe(true);
  });
  afterAll(async () => {
    api?.close();
    connection?.close();
    await peapod?.dispose();
  });

  const none = async (lines: () => Promise<string[]>): Promise<true> => {
    const found = await lines();
    if (found.length > 0)
      throw new Error(
        `seed ${seed}\n${found.join('\n')}\n-- the last steps:\n${log.slice(-30).join('\n')}\n-- what was said of it:\n${saidOf(found)}`,
      );
    return true;
  };
  /** The last that Peapod and containerd logged of the sandboxes and containers that are named. */
  const saidOf = (lines: readonly string[]): string => {
    const ids = new Set(lines.flatMap((line) => line.match(/\b[0-9a-f]{64}\b/g) ?? []));
    const said = (text: string): string[] =>
      text
        .split('\n')
        .filter((line) => [...ids].some((id) => line.includes(id)))
        .slice(-20);
    return [...said(peapod.output()), ...said(readFileSync(instance.containerdLog, 'utf8'))].join('\n');
  };

  test(
    `${seconds} seconds of it`,
    async () => {
      console.log(`chaos: seed ${seed}`);
      const end = performance.now() + seconds * 1000;
      while (performance.now() < end) {
        await step();
        // The pace of the run; nothing is waited for.
        await new Promise((resolve) => setTimeout(resolve, below(300)));
      }
      console.log(`chaos: ${JSON.stringify(counts)}, ${deleted.size} pods deleted of ${made}`);
      expect(deleted.size).toBeGreaterThan(0);
    },
    seconds * 1000 + 180_000,
  );

  test('every status is true to the runtime, and what was deleted is gone', async () => {
    await eventually(
      'the node is as the API says',
      () =>
        none(async () => {
          const seen = await list();
          const kept = seen.filter(({ metadata }) => deleted.has(metadata.uid));
          return [
            ...kept.map(({ metadata }) => `${metadata.name} was deleted and is still there`),
            ...(await contradictions(seen, connection.runtime)),
            ...seen
              .filter(
                ({ metadata, status }) =>
                  /^(steady|stubborn|initialized|accompanied|probed|mounted)/.test(metadata.name) &&
                  status.phase !== 'Running',
              )
              .map(({ metadata, status }) => `${metadata.name} is ${status.phase}`),
          ];
        }),
      90_000,
      500,
    );
    for (const { metadata } of (await list()).filter(({ metadata: { name } }) => name.startsWith('mounted'))) {
      const file = join(instance.podsDir, metadata.uid, 'volumes/kubernetes.io~configmap/turns/turn');
      await eventually(
        `${metadata.name} has the newest content`,
        async () => (await readFile(file, 'utf8')) === `${turn}`,
      );
    }
  });

  test('once all are deleted nothing of them is left', async () => {
    expect(await attempt('DELETE', pods, { gracePeriodSeconds: 1 })).toBe(true);
    await eventually('all pods are gone', async () => (await list()).length === 0, 60_000);
    await eventually('nothing is left', () => none(() => podTraces(instance, connection.runtime)), 60_000, 500);
  });
});
