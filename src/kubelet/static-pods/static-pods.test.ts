// Static pods in the kubelet on virtual time: with the API, without it, and through changes of their files.
import { afterEach, expect, test } from 'vitest';
import type { Node } from '../../api/generated/types.ts';
import { serviceUnavailable } from '../../api/meta/errors.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { Files } from '../../lib/system.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../../sim/virtual-clock.ts';
import { mergeSources, type PodSource } from '../pod-source.ts';
import { type Harness, startHarness } from '../testing/kubelet-harness.ts';
import { manifestSource } from './manifest-source.ts';

const folder = '/manifests';
const node: Node = { metadata: { name: 'n', uid: 'node-uid' } };
const manifest = (image = 'nginx', more = ''): string => `
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 5
${more}  containers: [{name: c, image: ${image}}]
`;

let harness: Harness;
let clock: VirtualClock;
let files: Files;
/** Who waits for the API's first list, while it is away. */
let waiting: (() => void)[];
afterEach(() => harness.stop());

/** A kubelet over the folder and an API; one that is away has told nothing, and answers with 503. */
async function start(api: 'there' | 'away' = 'there'): Promise<void> {
  clock = createVirtualClock();
  files = createMemoryFiles({ now: () => clock.now() });
  waiting = [];
  await files.mkdir(folder, { recursive: true });
  harness = await startHarness({ clock, random: createSeededRandom(1), files });
  await restart(api);
}

async function restart(api: 'there' | 'away'): Promise<void> {
  await harness.stop();
  const ofFiles = manifestSource({
    path: folder,
    nodeName: 'n',
    files,
    clock,
    logger: silentLogger,
    events: { event: (_pod, type, reason, message) => void harness.events.push(`${type} ${reason} ${message}`) },
  });
  const late: PodSource = {
    subscribe: (handlers, signal) => void waiting.push(() => harness.api.source.subscribe(handlers, signal)),
  };
  harness.api.failWith = api === 'away' ? serviceUnavailable('the API is away') : undefined;
  harness.overrides.source = mergeSources([ofFiles, api === 'away' ? late : harness.api.source]);
  harness.overrides.node = {
    nodeName: 'n',
    hostIPs: () => ['192.0.2.1'],
    node: () => node,
    networkError: () => undefined,
  };
  await harness.restart();
  await pass(1000);
}

async function apiReturns(): Promise<void> {
  harness.api.failWith = undefined;
  for (const subscribe of waiting.splice(0)) subscribe();
  await pass(1000);
}

async function pass(ms: number): Promise<void> {
  await clock.advance(ms);
  for (let i = 0; i < 5; i++) await clock.settle();
}
const write = async (name: string, text: string): Promise<void> => {
  await files.writeFileAtomic(`${folder}/${name}`, text);
  await pass(1000);
};
const running = async (): Promise<string[]> =>
  (await harness.runtime.listContainers({ state: 'running' })).map((c) => c.labels['io.kubernetes.pod.name'] ?? '');
const runningIds = async (): Promise<string[]> =>
  (await harness.runtime.listContainers({ state: 'running' })).map((c) => c.id);

test('a file becomes a pod, which the API shows with its status', async () => {
  await start();
  await write('web.yaml', manifest());
  expect(harness.show('web-n')).toBe('Running c:running');
  const { metadata, spec } = harness.api.get('web-n');
  const hash = metadata?.annotations?.['kubernetes.io/config.hash'];
  expect(metadata).toMatchObject({
    namespace: 'default',
    annotations: {
      'kubernetes.io/config.mirror': hash,
      'kubernetes.io/config.source': 'file',
      'kubernetes.io/config.seen': expect.stringMatching(/Z$/),
    },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'node-uid', controller: true }],
  });
  expect(metadata?.uid).not.toBe(hash);
  expect(spec?.nodeName).toBe('n');
  expect(harness.kubelet().get('default', 'web-n')?.metadata?.uid).toBe(hash);
});

test('dot files, folders and what is no pod are passed over', async () => {
  await start();
  await files.mkdir(`${folder}/sub`);
  await write('.web.yaml.swp', manifest());
  await write('service.yaml', 'apiVersion: v1\nkind: Service\nmetadata: {name: s}\n');
  expect(await running()).toEqual([]);
  await write('web.yaml', manifest());
  expect(await running()).toEqual(['web-n']);
});

test('of two pods of one name the first counts, and the other is told of', async () => {
  await start();
  await write('a.yaml', manifest());
  await write('b.yaml', manifest('busybox'));
  expect(await running()).toEqual(['web-n']);
  expect(harness.events.filter((e) => e.includes('FailedValidation'))[0]).toMatch(
    /^Warning FailedValidation Error validating pod web-n_default\([0-9a-f]{32}\) from file due to duplicate pod name "web-n", ignoring$/,
  );
});

test('a changed file ends the pod with its grace period, then starts the new one with a new mirror', async () => {
  await start();
  await write('web.yaml', manifest());
  const before = harness.api.get('web-n').metadata?.uid;
  const [old] = await runningIds();
  await write('web.yaml', manifest('busybox'));
  await pass(10_000);
  expect(harness.show('web-n')).toBe('Running c:running');
  const after = harness.api.get('web-n');
  expect(after.metadata?.uid).not.toBe(before);
  expect(after.spec?.containers[0]?.image).toBe('busybox');
  expect(await runningIds()).toHaveLength(1);
  expect(await runningIds()).not.toContain(old);
  const used = new Set([after.metadata?.annotations?.['kubernetes.io/config.hash']]);
  expect(harness.disk).toEqual(used);
});

test('a file that is half written for a moment leaves its pod alone', async () => {
  await start();
  await write('web.yaml', manifest());
  const ids = await runningIds();
  await write('web.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {na');
  expect(await runningIds()).toEqual(ids);
  await write('web.yaml', manifest());
  expect(await runningIds()).toEqual(ids);
});

test('a removed file ends the pod, and the mirror goes once it has ended', async () => {
  await start();
  await write('web.yaml', manifest('nginx'));
  await files.unlink(`${folder}/web.yaml`);
  await pass(10_000);
  expect(await running()).toEqual([]);
  expect(harness.show('web-n')).toBe('gone');
  expect(harness.disk.size).toBe(0);
  await write('web.yaml', manifest('nginx'));
  expect(harness.show('web-n')).toBe('Running c:running');
});

test('who deletes the mirror gets it back, and the pod goes on', async () => {
  await start();
  await write('web.yaml', manifest());
  const ids = await runningIds();
  const first = harness.api.get('web-n').metadata?.uid;
  harness.api.delete('web-n', 30);
  await pass(1000);
  const second = harness.api.get('web-n').metadata?.uid;
  harness.api.delete('web-n', 0);
  await pass(1000);
  const third = harness.api.get('web-n').metadata?.uid;
  expect(new Set([first, second, third]).size).toBe(3);
  expect(harness.show('web-n')).toBe('Running c:running');
  expect(await runningIds()).toEqual(ids);
});

test('a mirror of nothing is deleted', async () => {
  await start();
  const annotations = { 'kubernetes.io/config.mirror': 'x' };
  harness.api.create({ metadata: { name: 'old-n', annotations }, spec: { nodeName: 'n', containers: [] } });
  await pass(1000);
  expect(harness.show('old-n')).toBe('gone');
});

test('a pod of the API that calls itself static is an ordinary one', async () => {
  await start();
  const { podSourceOf } = await import('../pod-source.ts');
  const given: (string | undefined)[] = [];
  const informer = {
    addHandler: (handler: { onAdd?(pod: object): void }) => {
      handler.onAdd?.({ metadata: { annotations: { 'kubernetes.io/config.source': 'file' } } });
      return () => {};
    },
    start() {},
    synced: () => new Promise<void>(() => {}),
  };
  const handlers = {
    set: (pod: { metadata?: { annotations?: Record<string, string> } }) =>
      void given.push(pod.metadata?.annotations?.['kubernetes.io/config.source']),
    remove() {},
    synced() {},
  };
  podSourceOf(informer as never).subscribe(handlers, new AbortController().signal);
  expect(given).toEqual(['api']);
});

test('without the API pods start, end and change; what the API had is left alone until it is back', async () => {
  await start();
  harness.api.create({
    metadata: { name: 'ordinary' },
    spec: { restartPolicy: 'Always', containers: [{ name: 'c', image: 'nginx' }] },
  });
  await write('web.yaml', manifest());
  expect((await running()).toSorted()).toEqual(['ordinary', 'web-n']);
  const ids = (await runningIds()).toSorted();

  await restart('away');
  await pass(60_000);
  expect((await runningIds()).toSorted()).toEqual(ids);
  await write('more.yaml', manifest().replace('web', 'more'));
  expect((await running()).toSorted()).toEqual(['more-n', 'ordinary', 'web-n']);
  await files.unlink(`${folder}/web.yaml`);
  await pass(10_000);
  expect((await running()).toSorted()).toEqual(['more-n', 'ordinary']);
  await write('web.yaml', manifest());
  expect((await running()).toSorted()).toEqual(['more-n', 'ordinary', 'web-n']);
  const held = (await runningIds()).toSorted();

  await apiReturns();
  expect((await runningIds()).toSorted()).toEqual(held);
  expect(harness.show('more-n')).toBe('Running c:running');
  expect(harness.show('web-n')).toBe('Running c:running');
  expect(harness.show('ordinary')).toBe('Running c:running');
});

test('a manifest that went while the kubelet was away ends its pod once every source has spoken', async () => {
  await start();
  await write('web.yaml', manifest());
  await harness.stop();
  await files.unlink(`${folder}/web.yaml`);
  await restart('away');
  await pass(30_000);
  expect(await running()).toEqual(['web-n']);
  await apiReturns();
  await pass(10_000);
  expect(await running()).toEqual([]);
  expect(harness.show('web-n')).toBe('gone');
});

test('a pod that is to run once stays finished, also for the next kubelet', async () => {
  await start();
  await write(
    'once.yaml',
    manifest('nginx', '  restartPolicy: Never\n').replace(
      '{name: web}',
      '{name: web, annotations: {sim.peapod.dev/exit: "0"}}',
    ),
  );
  await pass(5000);
  const shown = harness.show('web-n');
  await restart('there');
  expect(harness.show('web-n')).toBe(shown);
});
