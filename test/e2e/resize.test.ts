// In-place resize on real containers: what kubectl asks for is read back from the cgroups, from outside and inside.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pod, ResourceRequirements } from '../../src/api/generated/types.ts';
import { podCgroupFile } from '../support/cgroup-files.ts';
import { eventually } from '../support/eventually.ts';
import { editing } from '../support/kubectl-edit.ts';
import { kubectlRunner } from '../support/kubectl-runner.ts';
import { allKubectls } from '../support/kubectls.ts';
import { noContainers, type Peapod, startPeapod } from '../support/peapod.ts';

let peapod: Peapod;

const get = async (name: string): Promise<Pod> =>
  JSON.parse(await peapod.kubectl(['get', 'pod', name, '-o', 'json'])) as Pod;
const status = (pod: Pod) => pod.status?.containerStatuses?.[0];
const idOf = (pod: Pod): string => status(pod)?.containerID?.replace('containerd://', '') ?? '';

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
const has = (pod: Pod, cpu: string, memory: string): boolean => {
  const { limits } = status(pod)?.resources ?? {};
  return limits?.['cpu'] === cpu && limits['memory'] === memory;
};
const condition = (pod: Pod, type: string) => pod.status?.conditions?.find((each) => each.type === type);

function manifest(name: string, resources: ResourceRequirements, more: object = {}, spec: object = {}): string {
  // Ends at once when told to, however slow the machine: a shell that waits for a program hears of it only after that.
  const command = ['sh', '-c', 'trap "exit 0" TERM; sleep 3600 & wait'];
  const container = { name: 'c', image: 'busybox:1.28', command, resources, ...more };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [container], ...spec },
  });
}
const amounts = (cpu: string, memory: string, cpuLimit = cpu, memoryLimit = memory): ResourceRequirements => ({
  requests: { cpu, memory },
  limits: { cpu: cpuLimit, memory: memoryLimit },
});
const patchOf = (resources: ResourceRequirements): string =>
  JSON.stringify({ spec: { containers: [{ name: 'c', resources }] } });
const tryResize = (name: string, resources: ResourceRequirements) =>
  peapod.tryKubectl(['patch', 'pod', name, '--subresource', 'resize', '--patch', patchOf(resources)]);
async function resize(name: string, resources: ResourceRequirements): Promise<void> {
  expect(await tryResize(name, resources)).toMatchObject({ code: 0, stdout: `pod/${name} patched\n`, stderr: '' });
}

const quota = ['cpu/cpu.cfs_quota_us', 'cpu.max'] as const;
const memory = ['memory/memory.limit_in_bytes', 'memory.max'] as const;
const shares = ['cpu/cpu.shares', 'cpu.weight'] as const;
const first = (text: string): number => Number(text.split(' ')[0]);
const inside = async (name: string, [v1, v2]: readonly [string, string]): Promise<number> =>
  first(
    await peapod.kubectl([
      'exec',
      name,
      '--',
      'sh',
      '-c',
      `cat /sys/fs/cgroup/${v1} 2>/dev/null || cat /sys/fs/cgroup/${v2}`,
    ]),
  );
const outside = (pod: Pod, files: readonly [string, string], container = ''): number =>
  first(podCgroupFile(pod.metadata?.uid ?? '', ...files, container));
const eventsOf = async (name: string): Promise<string[]> =>
  (
    JSON.parse(
      await peapod.kubectl(['get', 'events', '-o', 'json', '--field-selector', `involvedObject.name=${name}`]),
    ) as { items: { reason: string }[] }
  ).items.map(({ reason }) => reason);

const mi = 2 ** 20;

describe.skipIf(noContainers !== undefined)(`resize (${noContainers ?? 'containerd'})`, () => {
  beforeAll(async () => {
    peapod = await startPeapod();
  });
  afterAll(() => peapod?.dispose());

  test('room that others hold, the node’s bounds, and what may not change', async () => {
    const node = JSON.parse(await peapod.kubectl(['get', 'nodes', '-o', 'json'])) as {
      items: { status: { allocatable: Record<string, string> } }[];
    };
    const cpus = Number(node.items[0]?.status.allocatable['cpu']);
    const half = `${cpus * 500}m`;
    await peapod.kubectl(['apply', '-f', '-'], { input: manifest('holds', amounts(half, '16Mi')) });
    await peapod.kubectl(['apply', '-f', '-'], { input: manifest('waits', amounts('50m', '16Mi')) });
    await Promise.all(['holds', 'waits'].map((name) => podWhen(name, 'ready', isReady)));
    await resize('waits', amounts(`${cpus * 600}m`, '16Mi'));
    const deferred = await podWhen('waits', 'deferred', (pod) => condition(pod, 'PodResizePending') !== undefined);
    expect(condition(deferred, 'PodResizePending')).toMatchObject({ reason: 'Deferred', observedGeneration: 2 });
    expect(condition(deferred, 'PodResizePending')?.message).toMatch(
      new RegExp(
        `^Node didn't have enough resource: cpu, requested: ${cpus * 600}, used: \\d+, capacity: ${cpus * 1000}$`,
      ),
    );
    expect(outside(deferred, quota)).toBe(5000);

    const tooMuch = await tryResize('waits', amounts('1000', '16Mi'));
    expect(tooMuch.stderr).toContain(
      `pods "waits" is forbidden: node didn't have enough allocatable resources: cpu, requested: 1000000, allocatable: ${cpus * 1000}`,
    );
    expect((await tryResize('waits', { requests: { cpu: '60m' } })).stderr).toContain(
      'Pod QOS Class may not change as a result of resizing',
    );

    // A kubelet that dies meanwhile forgets nothing.
    await peapod.kill9();
    await peapod.restart();
    expect(condition(await get('waits'), 'PodResizePending')?.reason).toBe('Deferred');
    await peapod.kubectl(['delete', 'pod', 'holds']);
    const given = await podWhen('waits', 'given', (pod) => has(pod, `${cpus * 600}m`, '16Mi'));
    expect(condition(given, 'PodResizePending')).toBeUndefined();
    expect([outside(given, quota), status(given)?.restartCount]).toEqual([cpus * 60_000, 0]);
    expect((await eventsOf('waits')).filter((reason) => reason.startsWith('Resize'))).toEqual([
      'ResizeDeferred',
      'ResizeStarted',
      'ResizeCompleted',
    ]);
    await peapod.kubectl(['delete', 'pod', 'waits']);
  });

  test.concurrent('up and down, without a restart', async () => {
    const volume = {
      volumes: [
        {
          name: 'info',
          downwardAPI: {
            items: [{ path: 'limit', resourceFieldRef: { containerName: 'c', resource: 'limits.memory' } }],
          },
        },
      ],
    };
    const container = {
      volumeMounts: [{ name: 'info', mountPath: '/info' }],
      env: [{ name: 'LIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.memory' } } }],
    };
    await peapod.kubectl(['apply', '-f', '-'], {
      input: manifest('updown', amounts('100m', '32Mi', '200m', '64Mi'), container, volume),
    });
    const before = await podWhen('updown', 'ready', isReady);
    expect([outside(before, memory), outside(before, quota)]).toEqual([64 * mi, 20_000]);
    await resize('updown', amounts('200m', '64Mi', '400m', '128Mi'));
    const grown = await podWhen('updown', 'grown', (pod) => has(pod, '400m', '128Mi'));
    expect(grown.metadata?.generation).toBe(2);
    expect(status(grown)).toMatchObject({
      restartCount: 0,
      containerID: status(before)?.containerID,
      allocatedResources: { cpu: '200m', memory: '64Mi' },
    });
    for (const where of ['', idOf(grown)])
      expect([outside(grown, memory, where), outside(grown, quota, where)]).toEqual([128 * mi, 40_000]);
    expect([await inside('updown', memory), await inside('updown', quota)]).toEqual([128 * mi, 40_000]);
    expect([204, 8, 29]).toContain(outside(grown, shares, idOf(grown)));

    await resize('updown', amounts('50m', '16Mi', '100m', '32Mi'));
    const shrunk = await podWhen('updown', 'shrunk', (pod) => has(pod, '100m', '32Mi'));
    for (const where of ['', idOf(shrunk)])
      expect([outside(shrunk, memory, where), outside(shrunk, quota, where)]).toEqual([32 * mi, 10_000]);
    expect(await inside('updown', memory)).toBe(32 * mi);
    await eventually(
      'conditions are gone',
      async () => condition(await get('updown'), 'PodResizeInProgress') === undefined,
    );
    expect((await eventsOf('updown')).filter((reason) => reason.startsWith('Resize'))).toEqual([
      'ResizeStarted',
      'ResizeCompleted',
      'ResizeStarted',
      'ResizeCompleted',
    ]);
    // The environment is the container's from its start; the volume follows.
    expect(await peapod.kubectl(['exec', 'updown', '--', 'sh', '-c', 'echo $LIMIT; cat /info/limit'])).toBe(
      `${64 * mi}\n${32 * mi}`,
    );
    // Who asked owns just that.
    const managed = JSON.parse(
      await peapod.kubectl(['get', 'pod', 'updown', '-o', 'json', '--show-managed-fields']),
    ) as Pod;
    const entry = managed.metadata?.managedFields?.find(({ subresource }) => subresource === 'resize');
    expect(entry).toMatchObject({ manager: 'kubectl-patch', operation: 'Update' });
    expect(Object.keys(entry?.fieldsV1 ?? {})).toEqual(['f:spec']);
  });

  test.concurrent('a container whose policy asks for it is started anew', async () => {
    const resizePolicy = [
      { resourceName: 'cpu', restartPolicy: 'NotRequired' },
      { resourceName: 'memory', restartPolicy: 'RestartContainer' },
    ];
    await peapod.kubectl(['apply', '-f', '-'], {
      input: manifest('restarts', amounts('100m', '32Mi'), { resizePolicy }),
    });
    await podWhen('restarts', 'ready', isReady);
    await resize('restarts', amounts('150m', '32Mi'));
    expect(status(await podWhen('restarts', 'more CPU', (pod) => has(pod, '150m', '32Mi')))?.restartCount).toBe(0);
    await resize('restarts', amounts('150m', '64Mi'));
    const pod = await podWhen('restarts', 'more memory', (one) => has(one, '150m', '64Mi') && isReady(one));
    expect(status(pod)).toMatchObject({ restartCount: 1, lastState: { terminated: { exitCode: 0 } } });
    for (const where of ['', idOf(pod)]) expect(outside(pod, memory, where)).toBe(64 * mi);
    await eventually('the event', async () => (await eventsOf('restarts')).includes('Killing'));
    expect(await peapod.kubectl(['describe', 'pod', 'restarts'])).toContain('Container c resize requires restart');
  });

  test.concurrent('memory that is in use is not taken away', async () => {
    const command = ['sh', '-c', 'trap "exit 0" TERM; head -c 30000000 /dev/zero > /dev/shm/x; sleep 3600 & wait'];
    await peapod.kubectl(['apply', '-f', '-'], { input: manifest('used', amounts('50m', '64Mi'), { command }) });
    const started = await podWhen('used', 'ready', isReady);
    await eventually('in use', () => outside(started, ['memory/memory.usage_in_bytes', 'memory.current']) > 30_000_000);
    await resize('used', amounts('50m', '20Mi'));
    const refused = await podWhen(
      'used',
      'in error',
      (pod) => condition(pod, 'PodResizeInProgress')?.reason === 'Error',
    );
    expect(condition(refused, 'PodResizeInProgress')?.status).toBe('True');
    expect(condition(refused, 'PodResizeInProgress')?.message).toMatch(
      /^\[attempting to set pod memory limit \(20971520\) below current usage \(\d+\), attempting to set container "c" memory limit /,
    );
    expect(outside(refused, memory)).toBe(64 * mi);
    await peapod.kubectl(['exec', 'used', '--', 'rm', '/dev/shm/x']);
    const shrunk = await podWhen('used', 'shrunk', (pod) => has(pod, '50m', '20Mi'));
    expect(outside(shrunk, memory)).toBe(20 * mi);
  });

  test.concurrent('limits of the whole pod reach containers without any', async () => {
    const resources = { requests: { cpu: '50m', memory: '16Mi' }, limits: { cpu: '100m', memory: '32Mi' } };
    await peapod.kubectl(['apply', '-f', '-'], { input: manifest('whole', {}, {}, { resources }) });
    await podWhen('whole', 'ready', isReady);
    const patch = JSON.stringify({ spec: { resources: { limits: { cpu: '200m', memory: '64Mi' } } } });
    await peapod.kubectl(['patch', 'pod', 'whole', '--subresource', 'resize', '--patch', patch]);
    const pod = await podWhen('whole', 'grown', (one) => one.status?.resources?.limits?.['memory'] === '64Mi');
    for (const where of ['', idOf(pod)])
      expect([outside(pod, memory, where), outside(pod, quota, where)]).toEqual([64 * mi, 20_000]);
    expect(pod.status?.allocatedResources).toEqual({ cpu: '50m', memory: '16Mi' });
  });

  test.concurrent('kubectl edit, and a kubectl that knows nothing of it', async () => {
    await peapod.kubectl(['apply', '-f', '-'], { input: manifest('edited', amounts('50m', '16Mi')) });
    await podWhen('edited', 'ready', isReady);
    const kubectls = await allKubectls();
    const packaged = kubectls[0];
    const edited = await editing(
      kubectlRunner(peapod, packaged!),
      ['edit', 'pod', 'edited', '--subresource', 'resize'],
      ['s/cpu: 50m/cpu: 60m/'],
    );
    expect(edited.stdout).toBe('pod/edited edited\n');
    await podWhen('edited', 'edited', (pod) => has(pod, '60m', '16Mi'));
    let cpu = 60;
    for (const { path, version } of new Set([packaged!, kubectls.at(-1)!])) {
      const wanted = `${++cpu}m`;
      const pod = await get('edited');
      for (const container of pod.spec?.containers ?? []) container.resources = amounts(wanted, '16Mi');
      const url = '/api/v1/namespaces/default/pods/edited/resize';
      const result = await peapod.tryKubectl(['replace', '--raw', url, '-f', '-'], {
        binary: path,
        input: JSON.stringify(pod),
      });
      expect(`${version} ${result.code} ${result.stderr}`).toBe(`${version} 0 `);
      await podWhen('edited', version, (one) => has(one, wanted, '16Mi'));
    }
  });
});
