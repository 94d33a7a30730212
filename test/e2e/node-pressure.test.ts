// Pods that fill the disk or write endless logs, and a node that runs short of disk: on real containers.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Event, Node, Pod } from '../../src/api/generated/types.ts';
import type { Summary } from '../../src/kubelet/stats/summary.ts';
import { createHostMounts } from '../../src/host/mounts.ts';
import { eventually } from '../support/eventually.ts';
import { startedInFile } from '../support/in-file.ts';
import { type Peapod, noContainers, repository, startPeapod } from '../support/peapod.ts';

const fixtures = join(repository, 'fixtures/images');
const skipped = noContainers ? ` (skipped: ${noContainers})` : '';

interface Filler {
  name: string;
  command: string;
  spec?: string;
  container?: string;
}

/** A pod of one busybox that runs a shell command; the rest are lines of YAML below its spec and its container. */
const podYaml = ({ name, command, spec = '', container = '' }: Filler): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 20
${spec}
  containers:
    - name: c
      image: busybox:1.28
      command: [sh, -c, ${JSON.stringify(command)}]
${container}
`;

const fill = (path: string, mebibytes: number): string =>
  `trap 'exit 0' TERM; dd if=/dev/zero of=${path} bs=1M count=${mebibytes}; while true; do sleep 0.1; done`;

async function podOf(peapod: Peapod, name: string): Promise<Pod> {
  return JSON.parse(await peapod.kubectl(['get', 'pod', name, '-o', 'json'])) as Pod;
}

async function eventsOf(peapod: Peapod, name: string): Promise<Event[]> {
  const list = await peapod.kubectl(['get', 'events', '-o', 'json', '--field-selector', `involvedObject.name=${name}`]);
  return (JSON.parse(list) as { items: Event[] }).items;
}

const failed = (peapod: Peapod, name: string): Promise<Pod> =>
  eventually(
    `${name} is evicted`,
    async () => {
      const pod = await podOf(peapod, name);
      return pod.status?.phase === 'Failed' ? pod : undefined;
    },
    60_000,
    500,
  );

describe.skipIf(noContainers)(`limits of pods${skipped}`, () => {
  let peapod: Peapod;
  beforeAll(async () => {
    peapod = await startPeapod({
      args: [
        '--container-log-max-size',
        '200Ki',
        '--container-log-max-files',
        '3',
        '--prefetch-images',
        'debian',
        '--pod-max-pids',
        '50',
      ],
    });
    const fillers: Filler[] = [
      {
        name: 'fills-volume',
        command: fill('/work/file', 8),
        spec: '  volumes: [{name: work, emptyDir: {sizeLimit: 2Mi}}]',
        container: `      volumeMounts: [{name: work, mountPath: /work}]
      lifecycle: {preStop: {exec: {command: [sh, -c, 'echo stopping > /proc/1/fd/1']}}}`,
      },
      {
        name: 'fills-layer',
        command: fill('/file', 8),
        container: '      resources: {limits: {ephemeral-storage: 2Mi}}',
      },
      {
        name: 'fills-own-share',
        command: fill('/file', 8),
        container: `      resources: {limits: {ephemeral-storage: 2Mi}}
    - name: other
      image: busybox:1.28
      command: [sleep, '1000']
      resources: {limits: {ephemeral-storage: 1Gi}}`,
      },
      {
        name: 'keeps-to-it',
        command: fill('/work/file', 1),
        spec: '  volumes: [{name: work, emptyDir: {sizeLimit: 2Mi}}]',
        container: `      volumeMounts: [{name: work, mountPath: /work}]
      resources: {limits: {ephemeral-storage: 4Mi}}`,
      },
      { name: 'forks', command: '(while true; do sleep 1000 & done); exec sleep 1000' },
      { name: 'talks', command: 'i=0; while true; do i=$((i+1)); echo line $i; done' },
    ];
    await peapod.kubectl(['apply', '-f', '-'], { input: fillers.map(podYaml).join('---') });
  });
  afterAll(() => peapod?.dispose());

  test('an emptyDir beyond its sizeLimit: the pod is evicted, its hook runs, and nothing of it is left on disk', async () => {
    const pod = await failed(peapod, 'fills-volume');
    expect(pod.status).toMatchObject({
      reason: 'Evicted',
      message: 'Usage of EmptyDir volume "work" exceeds the limit "2Mi". ',
    });
    // The pod has itself to blame: no disruption is told of.
    expect(pod.status?.conditions?.some(({ type }) => type === 'DisruptionTarget')).toBe(false);
    expect(pod.status?.containerStatuses?.[0]?.state?.terminated).toBeDefined();
    const events = await eventually('its events are there', async () => {
      const list = await eventsOf(peapod, 'fills-volume');
      return list.some(({ reason }) => reason === 'Killing') ? list : undefined;
    });
    // The order of kubelet.go and eviction_manager.go of v1.36: told of first, then ended.
    expect(events.map(({ reason }) => reason).filter((reason) => reason !== 'Pulling')).toEqual([
      'Scheduled',
      'Pulled',
      'Created',
      'Started',
      'Evicted',
      'Killing',
    ]);
    expect(events.find(({ reason }) => reason === 'Evicted')).toMatchObject({
      type: 'Warning',
      message: 'Usage of EmptyDir volume "work" exceeds the limit "2Mi". ',
    });
    expect(await peapod.kubectl(['logs', 'fills-volume'])).toContain('stopping');
    const uid = pod.metadata?.uid ?? '';
    await eventually('its volumes are given back', () => {
      const left = readdirSync(join(peapod.dataDir, 'kubelet/pods'));
      return !left.includes(uid);
    });
  });

  test("a container's layer beyond the pod's limit, and beyond its own", async () => {
    const [layer, share] = await Promise.all([failed(peapod, 'fills-layer'), failed(peapod, 'fills-own-share')]);
    expect(layer.status).toMatchObject({
      reason: 'Evicted',
      message: 'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ',
    });
    expect(share.status).toMatchObject({
      reason: 'Evicted',
      message: 'Container c exceeded its local ephemeral storage limit "2Mi". ',
    });
    expect((await podOf(peapod, 'keeps-to-it')).status?.phase).toBe('Running');
  });

  test('endless log lines stay within bounds, older ones are compressed, and following goes on over a rotation', async () => {
    const pod = await podOf(peapod, 'talks');
    const folder = join(peapod.dataDir, 'logs/pods', `default_talks_${pod.metadata?.uid}`, 'c');
    const names = await eventually(
      'the log is rotated twice',
      () => {
        const list = readdirSync(folder).toSorted();
        return list.some((name) => name.endsWith('.gz')) ? list : undefined;
      },
      40_000,
    );
    expect(names[0]).toBe('0.log');
    expect(names[1]).toMatch(/^0\.log\.\d{8}-\d{6}\.gz$/);
    // While it is followed, it is rotated at least once more; every number comes once, and in order.
    const followed = await peapod.tryKubectl(['logs', '-f', '--tail=1', '--limit-bytes=8000000', 'talks'], {
      timeoutMs: 120_000,
    });
    const numbers = followed.stdout
      .split('\n')
      .slice(0, -2)
      .map((line) => Number(/^line (\d+)$/.exec(line)?.[1]));
    expect(numbers.length).toBeGreaterThan(100_000);
    const gaps = numbers.flatMap((number, i) => {
      const before = numbers[i - 1] ?? number - 1;
      return number === before + 1 ? [] : [`${before} is followed by ${number}`];
    });
    expect(gaps).toEqual([]);
    const after = readdirSync(folder);
    expect(after.length).toBeLessThanOrEqual(4);
    expect(after.filter((name) => !name.endsWith('.tmp')).length).toBeLessThanOrEqual(3);
    const bytes = after.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    expect(bytes).toBeLessThan(100 * 1024 * 1024);
    await peapod.kubectl(['delete', 'pod', 'talks', '--now']);
    await eventually(
      'its logs are gone',
      () => !readdirSync(join(peapod.dataDir, 'logs/pods')).some((name) => name.includes('talks')),
    );
  });

  test('forks without end stop at the limit of the pod, and the node goes on', async () => {
    const { nodeName = '' } = (await podOf(peapod, 'forks')).spec ?? {};
    const path = `/api/v1/nodes/${nodeName}/proxy/stats/summary`;
    const count = await eventually('it has forked', async () => {
      const { pods } = JSON.parse(await peapod.kubectl(['get', '--raw', path])) as Summary;
      const forks = pods.find(({ podRef }) => podRef.name === 'forks')?.process_stats?.process_count ?? 0;
      return forks > 40 ? forks : undefined;
    });
    expect(count).toBeLessThanOrEqual(50);
    await peapod.kubectl(['apply', '-f', '-'], { input: podYaml({ name: 'beside', command: 'true' }) });
    await peapod.kubectl(['wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/beside', '--timeout=60s']);
    await peapod.kubectl(['delete', 'pod', 'forks', '--now']);
  });

  test('images are pulled ahead', async () => {
    await eventually('debian is there', async () =>
      (await peapod.command(['image', 'list'])).stdout.includes('docker.io/library/debian'),
    );
  });
});

describe.skipIf(noContainers)(`a node short of disk${skipped}`, () => {
  let peapod: Peapod;
  beforeAll(async () => {
    // A file system of its own, so that the machine's is not filled.
    const folder = await startedInFile(
      async () => {
        const made = mkdtempSync(join(tmpdir(), 'peapod-small-'));
        await createHostMounts().mountTmpfs(made, { sizeBytes: 400 * 1024 * 1024 });
        return made;
      },
      async (made) => {
        await createHostMounts().unmount(made);
        rmSync(made, { recursive: true, force: true });
      },
    );
    mkdirSync(join(folder, 'data'));
    peapod = await startPeapod({
      dataDir: join(folder, 'data'),
      images: false,
      args: [
        '--eviction-hard=nodefs.available<120Mi',
        '--eviction-pressure-transition-period=15s',
        '--minimum-image-ttl-duration=0s',
      ],
    });
    const archives = readdirSync(fixtures).filter((name) => /busybox|nginx/.test(name) && name.endsWith('.tar'));
    const loaded = await peapod.command(['image', 'load', ...archives.map((name) => join(fixtures, name))]);
    expect(loaded.code).toBe(0);
  });
  afterAll(() => peapod?.dispose());

  const condition = async (): Promise<string | undefined> => {
    const { items } = JSON.parse(await peapod.kubectl(['get', 'nodes', '-o', 'json'])) as { items: Node[] };
    return items[0]?.status?.conditions?.find(({ type }) => type === 'DiskPressure')?.status;
  };

  test('unused images go first, then the pod that takes more than it asked for; the node turns well again', async () => {
    const polite = podYaml({
      name: 'polite',
      command: fill('/file', 20),
      container: '      resources: {requests: {ephemeral-storage: 100Mi}}',
    });
    const greedy = podYaml({
      name: 'greedy',
      command: fill('/work/file', 300),
      spec: '  volumes: [{name: work, emptyDir: {}}]',
      container: '      volumeMounts: [{name: work, mountPath: /work}]',
    });
    expect(await condition()).toBe('False');
    await peapod.kubectl(['apply', '-f', '-'], { input: `${polite}---${greedy}` });
    const pod = await failed(peapod, 'greedy');
    expect(pod.status?.reason).toBe('Evicted');
    expect(pod.status?.message).toMatch(
      /^The node was low on resource: ephemeral-storage\. Threshold quantity: 120Mi, available: \d+Ki\. /,
    );
    expect(pod.status?.conditions?.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'TerminationByKubelet',
      message: pod.status?.message,
    });
    expect((await peapod.command(['image', 'list'])).stdout).not.toMatch(/nginx/);
    expect((await peapod.command(['image', 'list'])).stdout).toMatch(/busybox/);
    expect((await podOf(peapod, 'polite')).status?.phase).toBe('Running');
    expect(await condition()).toBe('True');
    const [eviction] = (await eventsOf(peapod, 'greedy')).filter(({ reason }) => reason === 'Evicted');
    expect(eviction?.metadata.annotations).toMatchObject({ starved_resource: 'ephemeral-storage' });
    const { items } = JSON.parse(await peapod.kubectl(['get', 'events', '-A', '-o', 'json'])) as { items: Event[] };
    const ofNode = items.filter(({ involvedObject }) => involvedObject.kind === 'Node').map(({ reason }) => reason);
    expect(ofNode).toContain('EvictionThresholdMet');
    expect(ofNode).toContain('NodeHasDiskPressure');

    // Nothing starts here while the condition lasts, however it comes here.
    const node = pod.spec?.nodeName ?? '';
    await peapod.kubectl(['apply', '-f', '-'], {
      input: podYaml({ name: 'late', command: 'sleep 1', spec: `  nodeName: ${node}` }),
    });
    expect((await failed(peapod, 'late')).status).toMatchObject({
      reason: 'Evicted',
      message: 'Pod was rejected: The node had condition: [DiskPressure]. ',
    });
    await eventually('the pressure is over', async () => (await condition()) === 'False', 60_000, 1000);
    await peapod.kubectl(['apply', '-f', '-'], { input: podYaml({ name: 'later', command: 'true' }) });
    await peapod.kubectl(['wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/later', '--timeout=60s']);
  });
});
