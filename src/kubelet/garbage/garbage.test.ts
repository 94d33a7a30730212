// What goes when nobody uses it: containers, images, by tables and on the simulated runtime.
import { describe, expect, test } from 'vitest';
import type { ImageService, RuntimeContainer, RuntimeImage, RuntimeService } from '../../cri/runtime.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { startHarness } from '../testing/kubelet-harness.ts';
import type { ContainerRecord, RuntimePod } from '../runtime-pod.ts';
import { createContainerGc } from './container-gc.ts';
import { decideContainerGc } from './decide-container-gc.ts';
import { bytesToFree, checkImageGcPolicy, defaultImageGcPolicy, type ImageGcPolicy } from './decide-image-gc.ts';
import { collectGarbage } from './garbage-collector.ts';
import { createImageGc } from './image-gc.ts';

const container = (id: string, name: string, state: ContainerRecord['state']): ContainerRecord =>
  ({ id, name, state, logPath: `/logs/${name}/${id}.log` }) as ContainerRecord;
const podOf = (containers: ContainerRecord[], ready = false): RuntimePod =>
  ({ uid: 'u', containers, sandboxes: [{ id: 'box', state: ready ? 'ready' : 'notready' }] }) as unknown as RuntimePod;
const ids = (list: readonly ContainerRecord[]): string[] => list.map(({ id }) => id);

describe('dead containers', () => {
  const many = [
    container('a3', 'a', 'running'),
    container('a2', 'a', 'exited'),
    container('a1', 'a', 'exited'),
    container('b1', 'b', 'exited'),
    container('c1', 'c', 'created'),
  ];
  test('one of each container is kept', () => {
    const garbage = decideContainerGc([{ runtime: podOf(many, true), finished: false }], true);
    expect(ids(garbage.containers)).toEqual(['a1']);
    expect(garbage.sandboxes).toEqual([]);
  });
  test('of a finished pod all go only when room is needed, and its sandbox after them', () => {
    const done = many.filter(({ state }) => state !== 'running');
    const pods = [{ runtime: podOf(done), finished: true }];
    expect(ids(decideContainerGc(pods, false).containers)).toEqual(['a1']);
    expect(decideContainerGc(pods, false).sandboxes).toEqual([]);
    expect(ids(decideContainerGc(pods, true).containers)).toEqual(['a2', 'a1', 'b1', 'c1']);
    expect(decideContainerGc(pods, true).sandboxes).toEqual(['box']);
  });
  test('their logs go with them, rotated ones too; one that would not go keeps none of the others', async () => {
    const files = createMemoryFiles();
    await files.mkdir('/logs/a', { recursive: true });
    for (const name of ['a1.log', 'a1.log.20260101-000000.gz', 'a2.log']) await files.writeFile(`/logs/a/${name}`, '');
    const removed: string[] = [];
    const gc = createContainerGc({
      pods: () => [{ runtime: podOf([container('bad', 'a', 'exited'), ...many.slice(1, 3)]), finished: true }],
      runtime: {
        removeContainer: async (id) => {
          if (id === 'bad') throw new Error('busy');
          removed.push(id);
        },
        stopPodSandbox: async () => {},
        removePodSandbox: async (id) => void removed.push(id),
      },
      files,
      logger: silentLogger,
    });
    await expect(gc.collectAll()).rejects.toThrow('container bad: Error: busy');
    expect(removed).toEqual(['a2', 'a1', 'box']);
    expect(await files.readdir('/logs/a')).toEqual([]);
  });
});

test('what is told of a finished pod stays when its containers are gone, also to a new kubelet', async () => {
  const clock = createVirtualClock();
  const files = createMemoryFiles({ now: () => clock.now() });
  const harness = await startHarness({ clock, random: createSeededRandom(1), files });
  harness.api.create({
    metadata: { name: 'done', annotations: { 'sim.peapod.dev/exit-code': '3', 'sim.peapod.dev/run-time': '1s' } },
    spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] },
  });
  await clock.advance(5000);
  const gc = createContainerGc({
    pods: () => harness.kubelet().heldPods(),
    runtime: harness.runtime,
    files,
    logger: silentLogger,
  });
  await gc.collect();
  expect((await harness.runtime.listContainers()).length).toBe(1);
  await gc.collectAll();
  expect(await harness.runtime.listContainers()).toEqual([]);
  expect(await harness.runtime.listPodSandbox()).toEqual([]);
  await clock.advance(5000);
  expect(harness.show('done')).toBe('Failed c:Error/3');
  await harness.restart();
  await clock.advance(5000);
  expect(harness.show('done')).toBe('Failed c:Error/3');
  await harness.stop();
});

const image = (id: string, size: number, more: Partial<RuntimeImage> = {}): RuntimeImage => ({
  id,
  size,
  repoTags: [`docker.io/library/${id}:latest`],
  repoDigests: [],
  username: '',
  pinned: false,
  ...more,
});

function setUp(images: RuntimeImage[], used: string[], policy: Partial<ImageGcPolicy> = {}) {
  const clock = createVirtualClock();
  const world = {
    clock,
    images,
    used,
    disk: { totalBytes: 1000, availableBytes: 100 },
    removed: [] as string[],
    events: [] as string[],
    reasons: [] as string[],
    stuck: new Set<string>(),
    passing: 0,
  };
  const service = {
    listImages: async () => world.images,
    removeImage: async (id: string) => {
      if (world.stuck.has(id)) throw new Error(`${id} is stuck`);
      world.removed.push(id);
      world.disk.availableBytes += world.images.find((each) => each.id === id)?.size ?? 0;
      world.images = world.images.filter((each) => each.id !== id);
    },
  } as unknown as ImageService;
  const runtime: Pick<RuntimeService, 'listContainers'> = {
    async listContainers() {
      // It takes a while, as on a machine.
      world.passing += 5;
      return world.used.map((id) => ({ imageId: '', imageRef: id, image: { image: id } }) as RuntimeContainer);
    },
  };
  const gc = createImageGc({
    images: service,
    runtime,
    policy: { ...defaultImageGcPolicy, ...policy },
    disk: async () => world.disk,
    keep: ['docker.io/library/infra:latest'],
    nodeEvent: (reason, message) => void world.events.push(`${reason} ${message}`),
    countRemoved: (reason) => void world.reasons.push(reason),
    clock: { ...clock, now: () => clock.now() + (world.passing += 1) },
    logger: silentLogger,
  });
  return { world, gc, clock };
}

describe('images', () => {
  test('from the high threshold on, down to the low one: those unused for longest first', async () => {
    const { world, gc, clock } = setUp([image('old', 60), image('used', 500), image('new', 60)], ['new', 'used']);
    world.disk.availableBytes = 1000;
    await gc.collect();
    world.disk.availableBytes = 100;
    await clock.advance(200_000);
    world.used = ['used'];
    await gc.collect();
    expect(world.removed).toEqual(['old', 'new']);
    expect(world.events).toEqual([]);
    expect(world.reasons).toEqual(['space', 'space']);
  });

  test('below the high threshold nothing goes', async () => {
    const { world, gc } = setUp([image('a', 100)], []);
    world.disk.availableBytes = 160;
    await gc.collect();
    expect(world.removed).toEqual([]);
  });

  test('those that came within two minutes stay, and those in use, pinned ones and the infra image always do', async () => {
    const { world, gc, clock } = setUp(
      [image('used', 10), image('pinned', 10, { pinned: true }), image('infra', 10)],
      ['used'],
    );
    world.disk.availableBytes = 1000;
    await gc.collect();
    await clock.advance(10_000);
    world.images = [...world.images, image('fresh', 10)];
    await gc.removeUnused();
    expect(world.removed).toEqual([]);
    await clock.advance(120_000);
    await gc.removeUnused();
    expect(world.removed).toEqual(['fresh']);
  });

  test('when that is not enough, the node says so', async () => {
    const { world, gc } = setUp([image('a', 10)], []);
    const message =
      "Insufficient free disk space on the node's image filesystem (90% of 0.0 MiB used). Failed to free sufficient space by " +
      'deleting unused images (freed 10 bytes). Investigate disk usage, as it could be used by active images, logs, volumes, or other data.';
    await expect(gc.collect()).rejects.toThrow(message);
    expect(world.events).toEqual([`FreeDiskSpaceFailed ${message}`]);
  });

  test('one that cannot be removed keeps none of the others', async () => {
    const { world, gc } = setUp([image('a', 10), image('b', 200)], []);
    world.stuck.add('a');
    await expect(gc.collect()).rejects.toThrow(
      'wanted to free 100 bytes, but freed 200 bytes space with errors in image deletion: Error: a is stuck',
    );
    expect(world.removed).toEqual(['b']);
  });

  test('with a maximum age, unused ones go whatever the disk has, counted from the start', async () => {
    const { world, gc, clock } = setUp([image('a', 10), image('b', 10)], ['b'], { maxAgeMs: 3_600_000 });
    world.disk.availableBytes = 900;
    await gc.collect();
    await clock.advance(3_599_000);
    await gc.collect();
    expect(world.removed).toEqual([]);
    await clock.advance(1000);
    await gc.collect();
    expect(world.removed).toEqual(['a']);
    expect(world.reasons).toEqual(['age']);
  });

  test('a disk without a size is an error', async () => {
    const { world, gc } = setUp([], []);
    world.disk.totalBytes = 0;
    await expect(gc.collect()).rejects.toThrow('invalid capacity 0 on image filesystem');
    expect(world.events).toEqual(['InvalidDiskCapacity invalid capacity 0 on image filesystem']);
  });

  test.each<[number, number, number]>([
    [1000, 90, 0],
    [150, 85, 50],
    [151, 85, 49],
    [0, 100, 200],
  ])('%d of 1000 free', (availableBytes, usedPercent, bytes) => {
    const seen = bytesToFree({ totalBytes: 1000, availableBytes }, defaultImageGcPolicy);
    expect(seen).toEqual({ usedPercent: availableBytes === 1000 ? 0 : usedPercent, bytes });
  });

  test.each<[Partial<ImageGcPolicy>, string]>([
    [{ highThresholdPercent: 101 }, 'invalid HighThresholdPercent 101, must be in range [0-100]'],
    [{ lowThresholdPercent: 101 }, 'invalid LowThresholdPercent 101, must be in range [0-100]'],
    [{ highThresholdPercent: 80 }, 'LowThresholdPercent 80 can not be higher than or equal to HighThresholdPercent 80'],
  ])('%j', (change, message) =>
    expect(() => checkImageGcPolicy({ ...defaultImageGcPolicy, ...change })).toThrow(message),
  );
});

test('failures are told: of containers at once, of images from the second on', async () => {
  const clock = createVirtualClock();
  const events: string[] = [];
  const fail = (what: string) => async (): Promise<void> => {
    throw new Error(what);
  };
  const stop = new AbortController();
  const running = collectGarbage(
    {
      containers: { collect: fail('containers') },
      images: { collect: fail('images') },
      nodeEvent: (reason, message) => void events.push(`${reason} ${message}`),
      clock,
      logger: silentLogger,
    },
    stop.signal,
  );
  await clock.settle();
  expect(events).toEqual(['ContainerGCFailed containers']);
  await clock.advance(300_000);
  expect(events.filter((event) => event.startsWith('Image'))).toEqual(['ImageGCFailed images']);
  stop.abort();
  await running;
});
