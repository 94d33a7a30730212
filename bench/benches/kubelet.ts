// The kubelet's own time per pod, beside the bare CRI calls against the same containerd, in turns: alone, ten at once, and a hundred on the node.
import { realpathSync } from 'node:fs';
import { noContainers, startPeapod } from '../../test/support/peapod.ts';
import { type Bench, type Figure, median } from '../figure.ts';
import { startCallsMs } from '../support/runtime-calls.ts';
import { type RawPods, rawPods } from '../support/raw-pods.ts';
import { type Life, type WatchedPods, watchPods } from '../support/watched-pods.ts';

const image = 'busybox:1.28';
// Ends at once when told to, so that no grace period is waited for.
const command = ['sh', '-c', 'trap "exit 0" TERM; sleep 3600 & wait'];
const parallel = 10;
const onNode = 100;
const aloneRounds = 8;
const togetherRounds = 4;
const hundredRounds = 2;

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

/** Ten at once: ms until the last of them runs; and of each pod. */
async function together(api: WatchedPods, raw: RawPods, rounds: number): Promise<{ all: Pair; each: number[] }> {
  const all: Pair = { api: [], raw: [] };
  const each: number[] = [];
  for (const round of range(rounds)) {
    const started = performance.now();
    const pods = await Promise.all(range(parallel).map(() => raw.start()));
    all.raw.push(performance.now() - started);
    await Promise.all(pods.map((pod) => raw.end(pod)));
    const names = range(parallel).map((i) => `together-${round}-${i}`);
    await Promise.all(names.map((name) => api.create(name)));
    const lives = await Promise.all(names.map((name) => api.running(name)));
    all.api.push(spanOf(lives));
    each.push(...lives.map((life) => spanOf([life])));
    await Promise.all(names.map((name) => api.delete(name)));
  }
  return { all, each };
}

/** ms between the runtime's own note of a container's start and the watch event that showed it. */
async function lagOf(raw: RawPods, life: Life): Promise<number> {
  const { startedAt } = await raw.runtime.containerStatus(life.containerId ?? '');
  return (life.runningAt ?? Number.NaN) - (startedAt ?? Number.NaN);
}

/** A hundred bare pods on the node, ten at once: ms. */
async function hundredRaw(raw: RawPods): Promise<number> {
  const started = performance.now();
  const pods = await pooled(
    parallel,
    range(onNode).map(() => () => raw.start()),
  );
  const took = performance.now() - started;
  await pooled(
    parallel,
    pods.map((pod) => () => raw.end(pod)),
  );
  return took;
}

/** A hundred pods through the API: ms, and the lags of what was shown. */
async function hundred(api: WatchedPods, raw: RawPods, prefix: string): Promise<{ took: number; lags: number[] }> {
  const names = range(onNode).map((i) => `${prefix}-${i}`);
  await Promise.all(names.map((name) => api.create(name)));
  const lives = await Promise.all(names.map((name) => api.running(name)));
  const lags = await Promise.all(lives.map((life) => lagOf(raw, life)));
  await Promise.all(names.map((name) => api.delete(name)));
  return { took: spanOf(lives), lags };
}

/** Hundreds in turns: pods/s of both sides, and the lags of all, sorted. */
async function hundreds(api: WatchedPods, raw: RawPods, rounds: number) {
  const took: Pair = { api: [], raw: [] };
  const lags: number[] = [];
  for (const round of range(rounds)) {
    took.raw.push(await hundredRaw(raw));
    const many = await hundred(api, raw, `many-${round}`);
    took.api.push(many.took);
    lags.push(...many.lags);
  }
  const rate = (times: number[]): number => (onNode * 1000) / median(times);
  return { rate: rate(took.api), rawRate: rate(took.raw), lags: lags.sort((a, b) => a - b) };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const ms = (pair: Pair, figure: string, limit: string, budget: Figure['budget']): Figure => ({
  figure,
  value: median(pair.api),
  unit: 'ms',
  limit,
  limitValue: median(pair.raw),
  budget,
});

/** What a start takes beside the runtime calls that this very start waits for: no other pod's noise is in it. */
const ownTime = (figure: string, spans: readonly number[], callsMs: number): Figure => ({
  figure,
  value: mean(spans),
  unit: 'ms',
  limit: 'their own CRI calls',
  limitValue: callsMs / spans.length,
  budget: { of: 'ratio', atMost: 1.1 },
});

async function measure(
  dataDir: string,
  api: WatchedPods,
  raw: RawPods,
  say: (line: string) => void,
): Promise<Figure[]> {
  const tell = (what: string, pair: Pair): void =>
    say(`${what}: ${median(pair.api).toFixed(0)} ms, raw ${median(pair.raw).toFixed(0)} ms`);
  /** With the ms that the kubelet waited for starting calls meanwhile. */
  const metered = async <T>(task: () => Promise<T>): Promise<[T, number]> => {
    const before = await startCallsMs(dataDir);
    const result = await task();
    return [result, (await startCallsMs(dataDir)) - before];
  };
  await alone(api, raw, 'warm', 2);
  const [one, oneCalls] = await metered(() => alone(api, raw, 'alone', aloneRounds));
  tell(`one pod at a time, ${aloneRounds} rounds`, one.start);
  const [ten, tenCalls] = await metered(() => together(api, raw, togetherRounds));
  tell(`ten at once, ${togetherRounds} rounds`, ten.all);
  const many = await hundreds(api, raw, hundredRounds);
  say(`a hundred, ${hundredRounds} rounds: ${many.rate.toFixed(1)}/s, raw ${many.rawRate.toFixed(1)}/s`);
  const calls = 'the raw CRI calls';
  return [
    ownTime('mean of bound to shown running, alone', one.start.api, oneCalls),
    ownTime('mean of bound to shown running, each of ten at once', ten.each, tenCalls),
    ms(one.start, 'bound to shown running, alone', calls, { of: 'ratio', atMost: 1.1 }),
    ms(ten.all, 'bound to shown running, ten at once', calls, { of: 'ratio', atMost: 1.1 }),
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
      figure: 'start of a container to status shown, middle',
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
      value: many.lags[Math.ceil(many.lags.length * 0.99) - 1] ?? Number.NaN,
      unit: 'ms',
      limit: 'the middle',
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
        return await measure(peapod.dataDir, api, raw, say);
      } finally {
        await api.close();
        raw.close();
      }
    } finally {
      await peapod.dispose();
    }
  },
};
