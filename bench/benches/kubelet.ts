// The kubelet's own time per pod, beside the bare CRI calls against the same containerd, in turns: alone, ten at once, and a hundred on the node.
import { realpathSync } from 'node:fs';
import { noContainers, startPeapod } from '../../test/support/peapod.ts';
import { type Bench, type Figure, median } from '../figure.ts';
import { type RawPods, rawPods } from '../support/raw-pods.ts';
import { type Life, type WatchedPods, watchPods } from '../support/watched-pods.ts';

const image = 'busybox:1.28';
// Ends at once when told to, so that no grace period is waited for.
const command = ['sh', '-c', 'trap "exit 0" TERM; sleep 3600 & wait'];
const parallel = 10;
const onNode = 100;

interface Pair {
  api: number[];
  raw: number[];
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await task();
  return performance.now() - started;
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Runs the tasks, at most `limit` of them at once. */
async function pooled<T>(limit: number, tasks: (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      const at = next++;
      const task = tasks[at];
      if (task === undefined) return;
      results[at] = await task();
    }
  };
  await Promise.all(range(limit).map(worker));
  return results;
}

/** ms from the first binding to the last container shown running. */
const spanOf = (lives: Life[]): number =>
  Math.max(...lives.map((life) => life.running ?? Number.NaN)) -
  Math.min(...lives.map((life) => life.bound ?? Number.NaN));

/** One pod at a time. */
async function alone(api: WatchedPods, raw: RawPods, prefix: string, rounds: number) {
  const start: Pair = { api: [], raw: [] };
  const create: number[] = [];
  const end: Pair = { api: [], raw: [] };
  for (const i of range(rounds)) {
    const started = performance.now();
    const pod = await raw.start();
    start.raw.push(performance.now() - started);
    end.raw.push(await timed(() => raw.end(pod)));
    const name = `${prefix}-${i}`;
    await api.create(name);
    const life = await api.running(name);
    start.api.push((life.running ?? 0) - (life.bound ?? 0));
    create.push((life.running ?? 0) - life.created);
    end.api.push(await api.delete(name));
  }
  return { start, create, end };
}

/** Ten at once: ms until the last of them runs. */
async function together(api: WatchedPods, raw: RawPods, rounds: number): Promise<Pair> {
  const pair: Pair = { api: [], raw: [] };
  for (const round of range(rounds)) {
    const started = performance.now();
    const pods = await Promise.all(range(parallel).map(() => raw.start()));
    pair.raw.push(performance.now() - started);
    await Promise.all(pods.map((pod) => raw.end(pod)));
    const names = range(parallel).map((i) => `together-${round}-${i}`);
    await Promise.all(names.map((name) => api.create(name)));
    pair.api.push(spanOf(await Promise.all(names.map((name) => api.running(name)))));
    await Promise.all(names.map((name) => api.delete(name)));
  }
  return pair;
}

/** ms between the runtime's own note of a container's start and the watch event that showed it. */
async function lagOf(raw: RawPods, life: Life): Promise<number> {
  const { startedAt } = await raw.runtime.containerStatus(life.containerId ?? '');
  return (life.runningAt ?? Number.NaN) - (startedAt ?? Number.NaN);
}

/** A hundred pods on the node: pods/s of both, and the lags of what was shown. */
async function hundred(api: WatchedPods, raw: RawPods) {
  const started = performance.now();
  const pods = await pooled(
    parallel,
    range(onNode).map(() => () => raw.start()),
  );
  const rawRate = (onNode * 1000) / (performance.now() - started);
  await pooled(
    parallel,
    pods.map((pod) => () => raw.end(pod)),
  );
  const names = range(onNode).map((i) => `many-${i}`);
  await Promise.all(names.map((name) => api.create(name)));
  const lives = await Promise.all(names.map((name) => api.running(name)));
  const rate = (onNode * 1000) / spanOf(lives);
  const lags = await Promise.all(lives.map((life) => lagOf(raw, life)));
  await Promise.all(names.map((name) => api.delete(name)));
  return { rate, rawRate, lags: lags.sort((a, b) => a - b) };
}

const ms = (pair: Pair, figure: string, limit: string, budget: Figure['budget']): Figure => ({
  figure,
  value: median(pair.api),
  unit: 'ms',
  limit,
  limitValue: median(pair.raw),
  budget,
});

async function measure(api: WatchedPods, raw: RawPods, say: (line: string) => void): Promise<Figure[]> {
  const tell = (what: string, pair: Pair): void =>
    say(`${what}: ${median(pair.api).toFixed(0)} ms, raw ${median(pair.raw).toFixed(0)} ms`);
  await alone(api, raw, 'warm', 2);
  const one = await alone(api, raw, 'alone', 8);
  tell('one pod at a time, eight rounds', one.start);
  const ten = await together(api, raw, 4);
  tell('ten at once, four rounds', ten);
  const many = await hundred(api, raw);
  say(`a hundred: ${many.rate.toFixed(1)}/s, raw ${many.rawRate.toFixed(1)}/s`);
  const calls = 'the raw CRI calls';
  return [
    ms(one.start, 'bound to shown running, alone', calls, { of: 'ratio', atMost: 1.1 }),
    ms(ten, 'bound to shown running, ten at once', calls, { of: 'ratio', atMost: 1.1 }),
    ms({ api: one.create, raw: one.start.raw }, 'create to shown running, alone', calls, { of: 'value', atMost: 180 }),
    ms(one.end, 'delete to gone, alone', calls, { of: 'value', atMost: 300 }),
    {
      figure: 'a hundred pods on the node',
      value: many.rate,
      unit: 'pods/s',
      limit: `${calls}, ten at once`,
      limitValue: many.rawRate,
      budget: { of: 'ratio', atLeast: 0.9 },
    },
    {
      figure: 'start of a container to status shown, middle of a hundred',
      value: median(many.lags),
      unit: 'ms',
      limit: 'ContainerStatus of the runtime',
      limitValue: median(
        await Promise.all(range(9).map(() => timed(() => raw.runtime.containerStatus('none').catch(() => undefined)))),
      ),
      budget: { of: 'value', atMost: 100 },
    },
    {
      figure: 'the same, 99th of a hundred',
      value: many.lags.at(-2) ?? Number.NaN,
      unit: 'ms',
      limit: 'the middle of the hundred',
      limitValue: median(many.lags),
      budget: { of: 'value', atMost: 100 },
    },
  ];
}

export const bench: Bench = {
  name: 'kubelet',
  about: "Peapod's own time per pod on real containers, over the raw CRI calls",
  unavailable: () => noContainers,
  async run(say) {
    const peapod = await startPeapod();
    try {
      const api = await watchPods(peapod.dataDir, {
        restartPolicy: 'Never',
        containers: [{ name: 'main', image, command, imagePullPolicy: 'IfNotPresent' }],
      });
      const raw = rawPods(realpathSync(peapod.dataDir), image, command);
      try {
        return await measure(api, raw, say);
      } finally {
        await api.close();
        raw.close();
      }
    } finally {
      await peapod.dispose();
    }
  },
};
