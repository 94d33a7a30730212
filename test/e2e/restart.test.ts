// kill -9 of Peapod and of containerd with pods running: nothing is lost, nothing starts twice.
import { readFileSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Peapod, noContainers, startPeapod } from '../support/peapod.ts';

let peapod: Peapod;
interface PodJson {
  metadata: { name: string; uid: string };
  status: {
    phase: string;
    containerStatuses: { name: string; containerID: string; restartCount: number; ready: boolean }[];
  };
}
const get = async (name: string): Promise<PodJson> =>
  JSON.parse(await peapod.kubectl(['get', 'pod', name, '-o', 'json'])) as PodJson;
const sleeper = (name: string, script: string, grace = 30): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: grace,
      containers: [{ name: 'c', image: 'busybox:1.28', command: ['sh', '-c', script] }],
    },
  });

/** Pids of the containerd daemon (not its shims) that serves this data folder. */
function containerdPids(dataDir: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return /(^|\/)containerd$/.test(argv[0] ?? '') && argv.some((arg) => arg.includes(dataDir));
      } catch {
        return false;
      }
    })
    .map(Number);
}

describe.skipIf(noContainers)(`restart${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  beforeAll(async () => {
    peapod = await startPeapod({ args: ['--on-exit', 'keep'] });
  });
  afterAll(async () => peapod?.dispose());

  test('kill -9 of Peapod: the same containers, no restart, objects intact, a deletion under way completes', async () => {
    await peapod.kubectl(['apply', '-f', '-'], {
      input: sleeper('steady', 'trap "exit 0" TERM; while true; do sleep 1; done'),
    });
    await peapod.kubectl(['apply', '-f', '-'], {
      input: sleeper('leaving', 'trap "" TERM; while true; do sleep 1; done', 4),
    });
    await peapod.kubectl(['create', 'configmap', 'kept', '--from-literal=k=v']);
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/steady', 'pod/leaving', '--timeout=60s']);
    const before = await get('steady');
    await peapod.kubectl(['delete', 'pod', 'leaving', '--wait=false']);
    await peapod.kill9();
    await peapod.restart();
    const after = await get('steady');
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(after.status.containerStatuses[0]).toMatchObject({
      containerID: before.status.containerStatuses[0]!.containerID,
      restartCount: 0,
    });
    expect(await peapod.kubectl(['get', 'configmap', 'kept', '-o', 'jsonpath={.data.k}'])).toBe('v');
    await peapod.kubectl(['wait', '--for=delete', 'pod/leaving', '--timeout=60s']);
    expect(await peapod.kubectl(['exec', 'steady', '--', 'echo', 'still here'])).toBe('still here\n');
    await peapod.kubectl(['run', 'fresh', '--image=busybox:1.28', '--restart=Never', '--', 'sleep', '600']);
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/fresh', '--timeout=60s']);
    expect((await get('steady')).status.containerStatuses[0]!.restartCount).toBe(0);
  });

  test('kill -9 of containerd: it is brought back and the pods are picked up', async () => {
    const before = await get('steady');
    const [pid, ...others] = containerdPids(peapod.dataDir);
    expect(others).toEqual([]);
    process.kill(pid!, 'SIGKILL');
    await eventually('another containerd', () => containerdPids(peapod.dataDir).some((other) => other !== pid), 30_000);
    await eventually(
      'exec works again',
      async () => (await peapod.tryKubectl(['exec', 'steady', '--', 'true'])).code === 0,
      60_000,
    );
    await eventually(
      'the node is Ready',
      async () => /Ready\s+True/.test(await peapod.kubectl(['describe', 'node'])),
      60_000,
    );
    const after = await get('steady');
    expect(after.status.containerStatuses[0]).toMatchObject({
      containerID: before.status.containerStatuses[0]!.containerID,
      restartCount: 0,
      ready: true,
    });
    await peapod.kubectl(['run', 'later', '--image=busybox:1.28', '--restart=Never', '--', 'sleep', '600']);
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/later', '--timeout=60s']);
  });

  test('a container that ended while Peapod was away is restarted once, with its exit code on record', async () => {
    await peapod.kubectl(['apply', '-f', '-'], { input: sleeper('ends', 'sleep 6; exit 5') });
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/ends', '--timeout=60s']);
    const first = await get('ends');
    await peapod.kill9();
    const pid = first.status.containerStatuses[0]!.containerID;
    expect(pid).toMatch(/^containerd:\/\//);
    await eventually('the process has ended', () => !processRuns('sleep 6; exit 5'), 20_000);
    await peapod.restart();
    await eventually(
      'restarted',
      async () => (await get('ends')).status.containerStatuses[0]!.restartCount === 1,
      30_000,
    );
    expect(
      await peapod.kubectl([
        'get',
        'pod',
        'ends',
        '-o',
        'jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}',
      ]),
    ).toBe('5');
  });
});

function processRuns(script: string): boolean {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(script);
      } catch {
        return false;
      }
    });
}
