// What a node keeps back and hands out, and what holds containers to it: reservations, extended resources, overhead, OOM kills, bounds on
// processes and swap; on real containers.
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Node, Pod } from '../../src/api/generated/types.ts';
import { bytes, cpuMillis } from '../../src/api/meta/quantity.ts';
import { describeMachine } from '../../src/host/machine.ts';
import { podCgroupFile, podsCgroupFile } from '../support/cgroup-files.ts';
import { eventually } from '../support/eventually.ts';
import { noContainers, type Peapod, startPeapod } from '../support/peapod.ts';

let peapod: Peapod;
const mi = 2 ** 20;
const maxPids = 40;

const json = async <T>(args: string[]): Promise<T> =>
  JSON.parse(await peapod.kubectl(['get', ...args, '-o', 'json'])) as T;
const get = (name: string): Promise<Pod> => json<Pod>(['pod', name]);
const nodeNow = async (): Promise<Node> => (await json<{ items: Node[] }>(['nodes'])).items[0]!;
const status = (pod: Pod) => pod.status?.containerStatuses?.[0];

const podWhen = (name: string, what: string, holds: (pod: Pod) => boolean, deadlineMs = 30_000): Promise<Pod> =>
  eventually(
    `${name}: ${what}`,
    async () => {
      const pod = await get(name);
      if (holds(pod)) return pod;
      throw new Error(JSON.stringify(pod.status));
    },
    deadlineMs,
  );
const isReady = (pod: Pod): boolean => status(pod)?.ready === true;

const stay = 'trap "exit 0" TERM; while :; do sleep 1; done';
const apply = (name: string, container: object, spec: object = {}, script = stay): Promise<string> =>
  peapod.kubectl(['apply', '-f', '-'], {
    input: JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'c', image: 'busybox:1.28', command: ['sh', '-c', script], ...container }],
        ...spec,
      },
    }),
  });
const eventsOf = async (name: string): Promise<{ reason: string; message: string }[]> =>
  (
    await json<{ items: { reason: string; message: string }[] }>([
      'events',
      '--field-selector',
      `involvedObject.name=${name}`,
    ])
  ).items;

describe.skipIf(noContainers !== undefined)(`resources (${noContainers ?? 'containerd'})`, () => {
  beforeAll(async () => {
    peapod = await startPeapod({
      args: [
        '--kube-reserved',
        'cpu=100m,memory=128Mi,ephemeral-storage=1Gi,pid=1000',
        '--system-reserved',
        'cpu=50m,memory=64Mi',
        '--max-pods',
        '15',
        '--pods-per-core',
        '100',
        '--pod-max-pids',
        String(maxPids),
      ],
    });
  });
  afterAll(() => peapod?.dispose());

  test('allocatable is what is left, and the cgroup of all pods is held to it', async () => {
    const machine = await describeMachine();
    const { capacity = {}, allocatable = {} } = (await nodeNow()).status ?? {};
    expect(cpuMillis(capacity['cpu'])).toBe(machine.cpuCount * 1000);
    expect(cpuMillis(allocatable['cpu'])).toBe(machine.cpuCount * 1000 - 150);
    expect(bytes(allocatable['memory'])).toBe(bytes(capacity['memory']) - 292 * mi);
    expect([capacity['pods'], allocatable['pods']]).toEqual(['15', '15']);
    expect(bytes(allocatable['ephemeral-storage'])).toBeLessThan(bytes(capacity['ephemeral-storage']) * 0.9);
    await apply('first', {});
    await podWhen('first', 'ready', isReady);
    // What eviction keeps free is not taken from the cgroup, so that pods are evicted before the kernel kills.
    const limit = Number(podsCgroupFile(peapod.dataDir, 'memory/memory.limit_in_bytes', 'memory.max'));
    expect(Math.abs(limit - (machine.memoryBytes - 192 * mi))).toBeLessThan(65_536);
    const pidMax = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8'));
    expect(Number(podsCgroupFile(peapod.dataDir, 'pids/pids.max', 'pids.max'))).toBe(pidMax - 1000);
    await peapod.kubectl(['delete', 'pod', 'first', '--now']);
  });

  test('extended resources are given by hand, counted, and kept', async () => {
    const { name = '' } = (await nodeNow()).metadata ?? {};
    const patch = (value: string | null): Promise<string> =>
      peapod.kubectl([
        'patch',
        'node',
        name,
        '--subresource=status',
        '--type=merge',
        '-p',
        JSON.stringify({ status: { capacity: { 'example.com/foo': value } } }),
      ]);
    await patch('2');
    const allocatable = async (): Promise<string | undefined> =>
      (await nodeNow()).status?.allocatable?.['example.com/foo'];
    await eventually('the kubelet hands it out', async () => (await allocatable()) === '2', 20_000);
    const takes = (count: string, spec: object = {}): [object, object] => [
      { resources: { limits: { 'example.com/foo': count } } },
      spec,
    ];
    await apply('foo', ...takes('2'));
    await podWhen('foo', 'ready', isReady);
    await apply('waits', ...takes('1'));
    const waits = await podWhen('waits', 'unschedulable', (pod) => (pod.status?.conditions ?? []).length > 0);
    expect(waits.status?.conditions?.[0]?.message).toMatch(
      /^0\/1 nodes are available: 1 Insufficient example\.com\/foo\./,
    );
    await apply('forced', ...takes('1', { nodeName: name }));
    const forced = await podWhen('forced', 'failed', (pod) => pod.status?.phase === 'Failed');
    expect(forced.status).toMatchObject({
      reason: 'OutOfexample.com/foo',
      message:
        "Pod was rejected: Node didn't have enough resource: example.com/foo, requested: 1, used: 2, capacity: 2",
    });
    await peapod.kill9();
    await peapod.restart();
    expect(await allocatable()).toBe('2');
    const described = await peapod.kubectl(['describe', 'node', name]);
    expect(described).toMatch(/example\.com\/foo +2 +2\n/);
    await peapod.kubectl(['delete', 'pod', 'foo', '--now']);
    await podWhen('waits', 'ready', isReady);
    await peapod.kubectl(['delete', 'pod', 'waits', 'forced', '--now']);
    await patch(null);
    await eventually('it is gone', async () => (await allocatable()) === undefined, 20_000);
  });

  test.concurrent('one process beyond the memory limit takes its container down', async () => {
    const resources = { limits: { memory: '16Mi' } };
    await apply(
      'oom',
      { resources },
      { restartPolicy: 'Always' },
      'sleep 1; x=$(head -c 60000000 /dev/zero | tr "\\0" x); echo ${#x}',
    );
    const pod = await podWhen('oom', 'killed', (one) => status(one)?.lastState?.terminated !== undefined);
    expect(status(pod)?.lastState?.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
    await eventually('what kubectl get shows', async () =>
      /OOMKilled|CrashLoopBackOff/.test(await peapod.kubectl(['get', 'pod', 'oom'])),
    );
    await peapod.kubectl(['delete', 'pod', 'oom', '--now']);
  });

  test.concurrent('a pod that forks without end is held', async () => {
    const fork = 'sleep 3; i=0; while [ $i -lt 200 ]; do sleep 300 & i=$((i+1)); done; wait';
    await apply('forks', { resources: { limits: { memory: '64Mi' } } }, { restartPolicy: 'Never' }, fork);
    const started = await podWhen(
      'forks',
      'started',
      (pod) => status(pod)?.state?.running !== undefined || pod.status?.phase === 'Failed',
    );
    const uid = started.metadata?.uid ?? '';
    expect(podCgroupFile(uid, 'pids/pids.max', 'pids.max')).toBe(String(maxPids));
    // The shell gives up at the bound; the machine goes on.
    await podWhen('forks', 'given up', (pod) => pod.status?.phase === 'Failed');
    expect(await peapod.kubectl(['logs', 'forks'])).toContain("can't fork");
    await peapod.kubectl(['delete', 'pod', 'forks', '--now']);
  });

  test.concurrent('overhead, huge pages, room on disk, and swap', async () => {
    await peapod.kubectl(['apply', '-f', '-'], {
      input: JSON.stringify({
        apiVersion: 'node.k8s.io/v1',
        kind: 'RuntimeClass',
        metadata: { name: 'heavy' },
        handler: 'runc',
        overhead: { podFixed: { cpu: '50m', memory: '32Mi' } },
      }),
    });
    const limits = { cpu: '100m', memory: '32Mi' };
    await apply('heavy', { resources: { limits } }, { runtimeClassName: 'heavy' });
    await apply('pages', { resources: { limits: { ...limits, 'hugepages-2Mi': '64Gi' } } });
    await apply('disk', { resources: { requests: { 'ephemeral-storage': '1Pi' } } });
    const heavy = await podWhen('heavy', 'ready', isReady);
    expect(heavy.spec?.overhead).toEqual({ cpu: '50m', memory: '32Mi' });
    const [uid, id] = [heavy.metadata?.uid ?? '', status(heavy)?.containerID?.replace('containerd://', '') ?? ''];
    const memory = ['memory/memory.limit_in_bytes', 'memory.max'] as const;
    expect([podCgroupFile(uid, ...memory), podCgroupFile(uid, ...memory, id)]).toEqual([`${64 * mi}`, `${32 * mi}`]);
    expect(podCgroupFile(uid, 'cpu/cpu.cfs_quota_us', 'cpu.max')).toMatch(/^15000( 100000)?$/);
    if (existsSync('/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes'))
      expect(podCgroupFile(uid, 'memory/memory.memsw.limit_in_bytes', '', id)).toBe(`${32 * mi}`);
    const described = await peapod.kubectl(['describe', 'node']);
    expect(described).toMatch(/default +heavy +150m \(\d+%\) +150m \(\d+%\) +64Mi \(\d+%\) +64Mi \(\d+%\)/);
    const message = async (name: string): Promise<string | undefined> =>
      (await podWhen(name, 'unschedulable', (pod) => (pod.status?.conditions ?? []).length > 0)).status?.conditions?.[0]
        ?.message;
    expect(await message('pages')).toMatch(/1 Insufficient hugepages-2Mi/);
    expect(await message('disk')).toMatch(/1 Insufficient ephemeral-storage/);
    await apply(
      'forced',
      { resources: { requests: { 'ephemeral-storage': '1Pi' } } },
      { nodeName: (await nodeNow()).metadata?.name },
    );
    expect((await podWhen('forced', 'failed', (pod) => pod.status?.phase === 'Failed')).status?.reason).toBe(
      'OutOfephemeral-storage',
    );
    expect((await eventsOf('forced')).map(({ reason }) => reason)).toContain('OutOfephemeral-storage');
    await peapod.kubectl(['delete', 'pod', 'heavy', 'pages', 'disk', 'forced', '--now']);
  });
});
