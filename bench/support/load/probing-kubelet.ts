// A kubelet on the simulated runtime whose probes go to real listeners: argv holds their ports as JSON, one per pod. Prints its figures.
import type { Pod } from '../../../src/api/generated/types.ts';
import { hostDialer } from '../../../src/host/dialer.ts';
import { realClock } from '../../../src/host/real-clock.ts';
import { realRandom } from '../../../src/host/real-random.ts';
import { startHarness } from '../../../src/kubelet/testing/kubelet-harness.ts';
import type { Dialer } from '../../../src/lib/dialer.ts';
import { createMemoryFiles } from '../../../src/sim/memory-files.ts';
import { measure, type ProbeCount } from './measure.ts';

const host = '127.0.0.1';
const ports = JSON.parse(process.argv[2] ?? '[]') as number[];
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const count: ProbeCount = { probes: 0, failures: 0 };

const counted = async <T>(dialled: Promise<T>): Promise<T> => {
  try {
    const answer = await dialled;
    count.probes++;
    return answer;
  } catch (error) {
    count.failures++;
    throw error;
  }
};
const dialer: Dialer = {
  ...hostDialer,
  get: (request, signal) => counted(hostDialer.get(request, signal)),
  connect: (to, port, timeoutMs, signal) => counted(hostDialer.connect(to, port, timeoutMs, signal)),
};

/** Three probes each second: two by HTTP, one by TCP. */
function probed(name: string, port: number): Pod {
  const every = { periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 3 };
  const httpGet = { host, port, path: '/healthz' };
  const image = 'nginx';
  return {
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'web',
          image,
          readinessProbe: { httpGet, ...every },
          livenessProbe: { tcpSocket: { host, port }, ...every },
        },
        { name: 'side', image, readinessProbe: { httpGet, ...every } },
      ],
    },
  };
}

const clock = { ...realClock, advance: pause, settle: () => pause(20) };
const files = createMemoryFiles({ now: () => clock.now() });
const { api } = await startHarness({ clock, random: realRandom, files, overrides: { dialer } });
// Real pods do not start in one moment either.
for (const [i, port] of ports.entries()) {
  api.create(probed(`p${i}`, port));
  await pause(1000 / ports.length);
}
const figures = await measure(count);
const unready = ports.filter((_, i) => api.get(`p${i}`).status?.containerStatuses?.some((c) => !c.ready) !== false);
if (unready.length > 0) throw new Error(`${unready.length} pods are not ready`);
console.log(JSON.stringify(figures));
process.exit();
