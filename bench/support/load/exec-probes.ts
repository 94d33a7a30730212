// What exec probes on real containers cost the kubelet, beside bare ExecSync calls of the same number in the same time on the same containerd.
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { rawApi } from '../../../test/support/api.ts';
import { type Peapod, startPeapod } from '../../../test/support/peapod.ts';
import { instanceOf } from '../../../src/host/instance.ts';
import type { Figure } from '../../figure.ts';
import { type RawPods, rawPods } from '../raw-pods.ts';
import { type WatchedPods, watchPods } from '../watched-pods.ts';

const pods = 10;
const seconds = 20;
const image = 'busybox:1.28';
const command = ['sh', '-c', 'trap "exit 0" TERM; sleep 3600 & wait'];
const probe = ['true'];

/** Execs in the time that was watched, and what they took. */
interface Execs {
  count: number;
  /** ms from the call to its answer, on average. */
  meanMs: number;
  /** CPU time in ms, per exec: of who called, and of containerd with its shims and all that they ran. */
  callerMs: number;
  runtimeMs: number;
}

const tickMs = 10;

/** CPU time in ms of a process and of the children that it has waited for; 0 for one that is gone. */
function cpuMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold anything; utime, stime, cutime and cstime are 12th to 15th behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * tickMs;
  } catch {
    return 0;
  }
}

/** CPU time in ms of the instance's containerd and of its shims, which run runc. */
function runtimeCpuMs(dataDir: string): number {
  const { containerdSocket, containerdConfig } = instanceOf(dataDir);
  const isOurs = (pid: string): boolean => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return /^[^\0]*containerd/.test(line) && (line.includes(containerdSocket) || line.includes(containerdConfig));
    } catch {
      return false;
    }
  };
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isOurs(name));
  return pids.reduce((sum, pid) => sum + cpuMs(Number(pid)), 0);
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** The kubelet's own count of its ExecSync calls, and the seconds that they took together. */
async function execMetrics(api: ReturnType<typeof rawApi>): Promise<{ count: number; seconds: number }> {
  const nodes = await api.request('GET', '/api/v1/nodes');
  const [node] = nodes.json<{ items: { metadata: { name: string } }[] }>().items;
  const { text } = await api.request('GET', `/api/v1/nodes/${node?.metadata.name}/proxy/metrics`);
  const of = (what: string): number => {
    const name = `kubelet_runtime_operations_duration_seconds_${what}{operation_type="exec_sync"}`;
    const line = text.split('\n').find((one) => one.startsWith(name));
    return Number(line?.slice(name.length) ?? 0);
  };
  return { count: of('count'), seconds: of('sum') };
}

/** The execs, and when in each second every pod had its own: the ms at which it was seen to run. */
async function probed(peapod: Peapod, watched: WatchedPods, dataDir: string): Promise<Execs & { phases: number[] }> {
  const api = rawApi(peapod.dataDir);
  try {
    const names = range(pods).map((i) => `exec-${i}`);
    await Promise.all(names.map((name) => watched.create(name)));
    const lives = await Promise.all(names.map((name) => watched.running(name)));
    await wait(3000);
    const before = { ...(await execMetrics(api)), caller: cpuMs(peapod.pid), runtime: runtimeCpuMs(dataDir) };
    await wait(seconds * 1000);
    const after = { ...(await execMetrics(api)), caller: cpuMs(peapod.pid), runtime: runtimeCpuMs(dataDir) };
    await Promise.all(names.map((name) => watched.delete(name)));
    const count = after.count - before.count;
    return {
      count,
      phases: lives.map(({ runningAt = 0 }) => runningAt % 1000),
      meanMs: ((after.seconds - before.seconds) * 1000) / count,
      callerMs: (after.caller - before.caller) / count,
      runtimeMs: (after.runtime - before.runtime) / count,
    };
  } finally {
    api.close();
  }
}

/** A call each second in each container, as far apart as the probes were: what comes at once slows each other down. */
async function called(raw: RawPods, dataDir: string, phases: readonly number[]): Promise<Execs> {
  const made = await Promise.all(range(pods).map(() => raw.start()));
  await wait(3000);
  const count = pods * seconds;
  const before = { caller: process.cpuUsage(), runtime: runtimeCpuMs(dataDir) };
  const started = performance.now();
  let took = 0;
  const call = async (i: number): Promise<void> => {
    const due = started + Math.floor(i / pods) * 1000 + (phases[i % pods] ?? 0);
    await wait(Math.max(0, due - performance.now()));
    const began = performance.now();
    const { exitCode } = await raw.runtime.execSync(made[i % pods]?.container ?? '', probe, 10);
    if (exitCode !== 0) throw new Error(`the raw exec ended with ${exitCode}`);
    took += performance.now() - began;
  };
  await Promise.all(range(count).map(call));
  const { user, system } = process.cpuUsage(before.caller);
  const runtimeMs = (runtimeCpuMs(dataDir) - before.runtime) / count;
  await Promise.all(made.map((pod) => raw.end(pod)));
  return { count, meanMs: took / count, callerMs: (user + system) / 1000 / count, runtimeMs };
}

/** Starts a Peapod of its own with real containers; takes it away again. */
export async function execProbing(say: (line: string) => void): Promise<Figure[]> {
  const peapod = await startPeapod();
  try {
    const dataDir = realpathSync(peapod.dataDir);
    const readinessProbe = { exec: { command: probe }, periodSeconds: 1, timeoutSeconds: 10 };
    const watched = await watchPods(peapod.dataDir, {
      containers: [{ name: 'main', image, command, imagePullPolicy: 'IfNotPresent', readinessProbe }],
    });
    const raw = rawPods(dataDir, image, command);
    try {
      const kubelet = await probed(peapod, watched, dataDir);
      const bare = await called(raw, dataDir, kubelet.phases);
      say(`${kubelet.count} exec probes of ${pods} real pods in ${seconds} s, and ${bare.count} raw calls`);
      say(`CPU per exec: Peapod ${kubelet.callerMs.toFixed(1)} ms, bare client ${bare.callerMs.toFixed(1)} ms`);
      return figures(kubelet, bare);
    } finally {
      await watched.close();
      raw.close();
    }
  } finally {
    await peapod.dispose();
  }
}

const figures = (kubelet: Execs, bare: Execs): Figure[] => [
  {
    figure: 'exec probes',
    value: kubelet.count / seconds,
    unit: '/s',
    limit: 'what the pods ask for',
    limitValue: pods,
    budget: { of: 'ratio', atLeast: 0.95 },
  },
  {
    figure: 'exec probe, call to answer',
    value: kubelet.meanMs,
    unit: 'ms',
    limit: 'raw ExecSync calls in the same rhythm',
    limitValue: bare.meanMs,
    budget: { of: 'ratio', atMost: 1.1 },
  },
  {
    figure: "runtime's CPU per exec probe",
    value: kubelet.runtimeMs,
    unit: 'ms',
    limit: 'its CPU per raw ExecSync call',
    limitValue: bare.runtimeMs,
    budget: { of: 'ratio', atMost: 1.1 },
  },
  {
    figure: 'CPU of all of Peapod per exec probe',
    value: kubelet.callerMs,
    unit: 'ms',
    limit: "the runtime's CPU per raw ExecSync call",
    limitValue: bare.runtimeMs,
    budget: { of: 'ratio', atMost: 0.25 },
  },
];
