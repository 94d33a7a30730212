// Lives of pods on real containers as kubectl shows them: sidecars, restarts of all containers, messages, and the STATUS column.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerStatus, Pod } from '../../src/api/generated/types.ts';
import { eventually } from '../support/eventually.ts';
import { childOfFile } from '../support/in-file.ts';
import { allKubectls } from '../support/kubectls.ts';
import { type Peapod, noContainers, startPeapod } from '../support/peapod.ts';

let peapod: Peapod;
let watching: ChildProcess;
let rows = '';

async function kubectl(args: string[], input?: string): Promise<string> {
  return peapod.kubectl(args, input === undefined ? {} : { input });
}

const create = (name: string, spec: object): Promise<string> =>
  kubectl(
    ['create', '-f', '-'],
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 20, ...spec },
    }),
  );
const shell = (name: string, script: string, more: object = {}): object => ({
  name,
  image: 'busybox:1.28',
  command: ['sh', '-c', script],
  ...more,
});
const get = async (name: string): Promise<Pod> => JSON.parse(await kubectl(['get', 'pod', name, '-o', 'json'])) as Pod;

/** What `kubectl get pods -w` has shown of a pod as `READY STATUS`, each change once. */
function shown(pod: string): string[] {
  const all = rows
    .split('\n')
    .map((line) => line.split(/\s+/))
    .filter(([name]) => name === pod)
    .map(([, ready, status]) => `${ready} ${status}`);
  return all.filter((row, i) => row !== all[i - 1]);
}

const reached = (pod: string, row: string): Promise<unknown> =>
  eventually(
    `${pod}: ${row}`,
    () => shown(pod).includes(row) || Promise.reject(new Error(shown(pod).join(', '))),
    60_000,
    50,
  );

const statusOf = ({ status }: Pod, name: string): ContainerStatus => {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const found = all.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no status of ${name}`);
  return found;
};
const untilTerm = 'trap "exit 0" TERM; while :; do sleep 0.05; done';
const sidecar = { restartPolicy: 'Always' };

describe.skipIf(noContainers)(`lives of pods${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  beforeAll(async () => {
    peapod = await startPeapod();
    const [binary] = await allKubectls();
    await create('aside', { schedulerName: 'nobody', containers: [shell('c', 'true')] });
    const args = ['--kubeconfig', join(peapod.dataDir, 'kubeconfig'), 'get', 'pods', '-w', '--no-headers'];
    const child = childOfFile(spawn(binary?.path ?? 'kubectl', args, { stdio: ['ignore', 'pipe', 'ignore'] }));
    watching = child;
    child.stdout.on('data', (chunk: Buffer) => (rows += chunk.toString()));
    await eventually('the watch has begun', () => rows.includes('aside'));
  });
  afterAll(async () => {
    watching?.kill('SIGKILL');
    await peapod?.dispose();
  });

  test.concurrent('sidecars start first, are probed, outlive the app and fail nothing', async () => {
    await create('sidecars', {
      volumes: [{ name: 'v', emptyDir: {} }],
      initContainers: [
        shell('first', `sleep 1; touch /tmp/up; ${untilTerm.replace('exit 0', 'date +%s%N > /v/first; exit 7')}`, {
          ...sidecar,
          startupProbe: { exec: { command: ['test', '-e', '/tmp/up'] }, periodSeconds: 1, failureThreshold: 30 },
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        }),
        shell('between', 'sleep 1'),
        shell('second', untilTerm.replace('exit 0', 'sleep 1; exit 0'), sidecar),
      ],
      containers: [shell('app', 'sleep 3')],
    });
    await reached('sidecars', '3/3 Running');
    await reached('sidecars', '0/3 Completed');
    await eventually('it has succeeded', async () => (await get('sidecars')).status?.phase === 'Succeeded');
    expect(shown('sidecars').filter((row, i, all) => all.indexOf(row) === i)).toEqual([
      '0/3 Pending',
      '0/3 Init:0/3',
      '1/3 Init:1/3',
      '1/3 Init:2/3',
      '2/3 PodInitializing',
      '3/3 Running',
      '2/3 Completed',
      '0/3 Completed',
    ]);
    const pod = await get('sidecars');
    const end = (name: string): number => Date.parse(statusOf(pod, name).state?.terminated?.finishedAt ?? '');
    expect(statusOf(pod, 'first').state?.terminated).toMatchObject({ exitCode: 7 });
    expect(end('second')).toBeGreaterThan(end('app'));
    expect(end('first')).toBeGreaterThanOrEqual(end('second'));
    expect(statusOf(pod, 'second').restartCount).toBe(0);
  });

  test.concurrent('RestartAllContainers: everything runs again, in the same sandbox, over the same volume', async () => {
    const mount = { volumeMounts: [{ name: 'v', mountPath: '/v' }] };
    await create('again', {
      volumes: [{ name: 'v', emptyDir: {} }],
      initContainers: [shell('setup', 'echo run >> /v/runs', mount), shell('side', untilTerm, sidecar)],
      containers: [
        shell('worker', `[ $(wc -l < /v/runs) -gt 1 ] || { sleep 2; exit 42; }; ${untilTerm}`, {
          ...mount,
          restartPolicy: 'Never',
          restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }],
        }),
        shell('other', 'trap "" TERM; while :; do sleep 0.05; done'),
      ],
    });
    await reached('again', '3/3 Running');
    const before = await get('again');
    const pod = await eventually('all run again', async () => {
      const now = await get('again');
      const all = ['side', 'worker', 'other'].map((name) => statusOf(now, name));
      return all.every(({ state, restartCount }) => state?.running && restartCount === 1) ? now : undefined;
    });
    expect(pod.status?.podIP).toBe(before.status?.podIP);
    expect(statusOf(pod, 'setup')).toMatchObject({ restartCount: 1, state: { terminated: { exitCode: 0 } } });
    expect(statusOf(pod, 'worker').lastState?.terminated).toMatchObject({ exitCode: 42 });
    expect(statusOf(pod, 'other').lastState?.terminated).toMatchObject({ exitCode: 137 });
    expect(pod.status?.conditions?.find(({ type }) => type === 'AllContainersRestarting')).toMatchObject({
      status: 'False',
    });
    expect(pod.status?.conditions?.find(({ type }) => type === 'Initialized')).toMatchObject({ status: 'True' });
    expect(await kubectl(['exec', 'again', '-c', 'worker', '--', 'cat', '/v/runs'])).toBe('run\nrun\n');
    expect(pod.metadata?.uid).toBe(before.metadata?.uid);
  });

  test.concurrent('messages: from the file, from the log of a failure, within their limits', async () => {
    const big = 'head -c 5000 /dev/zero | tr "\\0" ';
    const file = (name: string, letter: string): object => shell(name, `${big} ${letter} > /dev/termination-log`);
    await create('messages', {
      containers: [
        shell('log', 'i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo line $i; done; exit 1', {
          terminationMessagePolicy: 'FallbackToLogsOnError',
        }),
        shell('quiet', 'echo no message', { terminationMessagePolicy: 'FallbackToLogsOnError' }),
        file('a', 'a'),
        file('b', 'b'),
      ],
    });
    await create('message', {
      containers: [shell('c', `${big} c > /tmp/m; (echo start; cat /tmp/m) > /dev/termination-log`)],
    });
    await eventually('both have ended', async () => (await get('message')).status?.phase === 'Succeeded');
    const pod = await eventually('it has failed', async () => {
      const now = await get('messages');
      return now.status?.phase === 'Failed' ? now : undefined;
    });
    const message = (name: string): string => statusOf(pod, name).state?.terminated?.message ?? '';
    expect(message('log').split('\n').slice(0, 1)).toEqual(['line 21']);
    expect(message('log').endsWith('line 100\n')).toBe(true);
    expect(message('quiet')).toBe('');
    // 12 KiB for four containers.
    expect([message('a'), message('b')]).toEqual(['a'.repeat(3072), 'b'.repeat(3072)]);
    expect(statusOf(await get('message'), 'c').state?.terminated?.message).toBe('c'.repeat(4096));
  });

  test.concurrent('what STATUS says: SchedulingGated, Terminating, Evicted', async () => {
    await create('gated', { schedulingGates: [{ name: 'x/y' }], containers: [shell('c', untilTerm)] });
    await reached('gated', '0/1 SchedulingGated');
    await kubectl(['patch', 'pod', 'gated', '--type=merge', '-p', '{"spec":{"schedulingGates":null}}']);
    await reached('gated', '1/1 Running');
    await kubectl(['patch', 'pod', 'gated', '--type=merge', '-p', '{"metadata":{"finalizers":["x/y"]}}']);
    await kubectl(['delete', 'pod', 'gated', '--wait=false']);
    await reached('gated', '1/1 Terminating');
    // The containers end though a finalizer holds the object.
    await reached('gated', '0/1 Completed');
    await kubectl(['patch', 'pod', 'gated', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
    await eventually('it is gone', async () => (await peapod.tryKubectl(['get', 'pod', 'gated'])).code !== 0);
    await create('evicted', { nodeName: 'elsewhere', containers: [shell('c', 'true')] });
    const failed = {
      status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory. ' },
    };
    await kubectl(['patch', 'pod', 'evicted', '--subresource=status', '--type=merge', '-p', JSON.stringify(failed)]);
    await reached('evicted', '0/1 Evicted');
    expect(await kubectl(['describe', 'pod', 'evicted'])).toMatch(
      /Status: +Failed\nReason: +Evicted\nMessage: +The node was low/,
    );
  });

  test.concurrent('what STATUS says: OOMKilled, NotReady', async () => {
    await create('greedy', {
      containers: [shell('c', 'tail /dev/zero', { resources: { limits: { memory: '16Mi' } } }), shell('d', 'sleep 1')],
    });
    await create('half', { containers: [shell('c', 'true'), shell('d', untilTerm)] });
    await reached('half', '1/2 NotReady');
    await eventually('it is killed', async () => (await get('greedy')).status?.phase === 'Failed');
    expect(statusOf(await get('greedy'), 'c').state?.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    await reached('greedy', '0/2 OOMKilled');
  });

  test.concurrent('what STATUS says: Init:N/M, Init:Error, Init:CrashLoopBackOff, Init:ImagePullBackOff', async () => {
    const app = { containers: [shell('c', 'true')] };
    await Promise.all([
      create('init-fails', { ...app, initContainers: [shell('i', 'sleep 1'), shell('j', 'sleep 1; exit 3')] }),
      create('init-crashes', { ...app, restartPolicy: 'Always', initContainers: [shell('i', 'exit 3')] }),
      create('init-no-image', { ...app, initContainers: [{ name: 'i', image: 'no-such-image:1' }] }),
      create('side-crashes', {
        containers: [shell('c', untilTerm)],
        initContainers: [shell('s', 'sleep 1; exit 3', sidecar)],
      }),
    ]);
    await Promise.all([
      reached('init-fails', '0/1 Init:Error'),
      reached('init-crashes', '0/1 Init:CrashLoopBackOff'),
      reached('init-no-image', '0/1 Init:ImagePullBackOff'),
      reached('side-crashes', '1/2 Init:CrashLoopBackOff'),
    ]);
    expect(shown('init-fails')).toEqual(expect.arrayContaining(['0/1 Init:0/2', '0/1 Init:1/2', '0/1 Init:Error']));
    expect(shown('init-no-image')).toContain('0/1 Init:ErrImagePull');
    expect((await get('init-fails')).status?.phase).toBe('Failed');
    expect((await get('side-crashes')).status?.phase).toBe('Running');
  });
});
