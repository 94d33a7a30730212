// The volume manager on a real disk, with real mounts where the user may make them.
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConfigMap, Pod, PodSpec, Secret, Volume } from '../../api/generated/types.ts';
import { hostFiles } from '../../host/files.ts';
import { createHostMounts } from '../../host/mounts.ts';
import { hostProcesses } from '../../host/processes.ts';
import { realClock } from '../../host/real-clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { canMount } from '../../../test/support/can-mount.ts';
import { objectNotFound } from './object-source.ts';
import { createVolumeManager, type ClosableVolumeManager } from './volume-manager.ts';
import type { ChangedObject } from './watched-objects.ts';

const mountable = await canMount('tmpfs');
const isRoot = process.getuid?.() === 0;
const hostMounts = createHostMounts();

let dir: string;
let manager: ClosableVolumeManager;
let configMaps: Record<string, ConfigMap>;
let secrets: Record<string, Secret>;
let tell: (changed: ChangedObject) => void;

const start = (mounting = mountable): ClosableVolumeManager =>
  createVolumeManager({
    root: `${dir}/kubelet`,
    files: hostFiles,
    mounts: mounting ? hostMounts : undefined,
    clock: realClock,
    logger: silentLogger,
    nodeAllocatable: () => ({ memory: '1Gi' }),
    objects: {
      configMap: async (_, name) => configMaps[name] ?? Promise.reject(objectNotFound('configmap', name)),
      secret: async (_, name) => secrets[name] ?? Promise.reject(objectNotFound('secret', name)),
      register() {},
      unregister() {},
      onChange(listener) {
        tell = listener;
        return () => {};
      },
      close() {},
    },
  });

beforeEach(() => {
  dir = realpathSync(mkdtempSync(`${tmpdir()}/peapod-volumes-`));
  configMaps = { cfg: { metadata: { name: 'cfg' }, data: { a: '1', b: '1' } } };
  secrets = { key: { metadata: { name: 'key' }, data: { id: Buffer.from('s3cret').toString('base64') } } };
  manager = start();
});
afterEach(async () => {
  manager.close();
  for (const point of await hostMounts.listUnder(dir)) await hostMounts.unmount(point);
  rmSync(dir, { recursive: true, force: true });
});

const podWith = (volumes: Volume[], spec: Partial<PodSpec> = {}): Pod =>
  ({
    metadata: { name: 'web', namespace: 'shop', uid: 'u-1' },
    spec: {
      containers: [{ name: 'c', volumeMounts: volumes.map(({ name }) => ({ name, mountPath: `/${name}` })) }],
      volumes,
      ...spec,
    },
  }) as unknown as Pod;
async function pathOf(pod: Pod, name: string): Promise<string> {
  const result = await manager.prepare(pod);
  if (!result.ok) throw new Error(result.messages.join('\n'));
  return result.mounts.get(name)!;
}
const fsType = async (path: string): Promise<string> =>
  (await hostProcesses.run(['stat', '-f', '-c', '%T', path])).stdout.trim();

/** Both files through one look at ..data, as a careful program reads; undefined when that folder was just replaced. */
function readPair(path: string): [string, string] | undefined {
  const folder = `${path}/${readlinkSync(`${path}/..data`)}`;
  try {
    return [readFileSync(`${folder}/a`, 'utf8'), readFileSync(`${folder}/b`, 'utf8')];
  } catch {
    return undefined;
  }
}

describe('volumes on disk', () => {
  it('gives everyone the emptyDir whatever the umask, and removes it without following links', async () => {
    mkdirSync(`${dir}/keep`);
    writeFileSync(`${dir}/keep/file`, 'x');
    const path = await pathOf(podWith([{ name: 'w', emptyDir: {} }]), 'w');
    expect(statSync(path).mode & 0o7777).toBe(0o777);
    mkdirSync(`${path}/locked`);
    writeFileSync(`${path}/locked/f`, 'x');
    chmodSync(`${path}/locked`, 0o500);
    symlinkSync(`${dir}/keep`, `${path}/link`);
    if (!isRoot) chmodSync(`${path}/locked`, 0o700);
    await manager.teardown('u-1');
    expect(existsSync(`${dir}/kubelet/pods/u-1`)).toBe(false);
    expect(readFileSync(`${dir}/keep/file`, 'utf8')).toBe('x');
    expect(await manager.listPodsOnDisk()).toEqual([]);
  });

  it('swaps a configMap whole: a reader sees old or new, never both', async () => {
    const path = await pathOf(podWith([{ name: 'v', configMap: { name: 'cfg' } }]), 'v');
    const mixed: string[] = [];
    const seen = new Set<string>();
    for (let round = 2; round < 30; round++) {
      configMaps['cfg'] = { metadata: { name: 'cfg' }, data: { a: String(round), b: String(round) } };
      tell({ kind: 'configmap', namespace: 'shop', name: 'cfg' });
      const prepared = manager.prepare(podWith([{ name: 'v', configMap: { name: 'cfg' } }]));
      for (let look = 0; look < 20; look++) {
        const pair = readPair(path);
        if (pair) {
          if (pair[0] !== pair[1]) mixed.push(pair.join('/'));
          seen.add(pair.join('/'));
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      await prepared;
    }
    expect(mixed).toEqual([]);
    expect(seen.size).toBeGreaterThan(2);
    expect(readFileSync(`${path}/a`, 'utf8')).toBe('29');
    expect(readdirSync(path).filter((name) => name.startsWith('..'))).toHaveLength(2);
  });

  it('brings a change to the files within a second', async () => {
    const path = await pathOf(podWith([{ name: 'v', configMap: { name: 'cfg' } }]), 'v');
    configMaps['cfg'] = { metadata: { name: 'cfg' }, data: { a: '2' } };
    tell({ kind: 'configmap', namespace: 'shop', name: 'cfg' });
    await vi.waitFor(() => expect(readFileSync(`${path}/a`, 'utf8')).toBe('2'), { timeout: 1000, interval: 20 });
    await vi.waitFor(() => expect(existsSync(`${path}/b`)).toBe(false), { timeout: 1000, interval: 20 });
  });

  it('goes on after a restart with what is on disk', async () => {
    const pod = podWith([
      { name: 'v', configMap: { name: 'cfg' } },
      { name: 's', secret: { secretName: 'key', defaultMode: 0o400 } },
      { name: 'w', emptyDir: {} },
    ]);
    const path = await pathOf(pod, 'v');
    const folder = readlinkSync(`${path}/..data`);
    const before = await hostMounts.listUnder(dir);
    writeFileSync(`${await pathOf(pod, 'w')}/mine`, 'x');
    manager.close();
    manager = start();
    expect(await pathOf(pod, 'v')).toBe(path);
    expect(readlinkSync(`${path}/..data`)).toBe(folder);
    expect(readFileSync(`${await pathOf(pod, 'w')}/mine`, 'utf8')).toBe('x');
    expect(await hostMounts.listUnder(dir)).toEqual(before);
    expect(statSync(`${await pathOf(pod, 's')}/id`).mode & 0o777).toBe(0o400);
    await manager.teardown('u-1');
    expect(await hostMounts.listUnder(dir)).toEqual(mountable ? [`${dir}/kubelet/pods/.memory`] : []);
  });

  it('works without mounts, as on a rootless node', async () => {
    manager.close();
    manager = start(false);
    const pod = podWith([
      { name: 's', secret: { secretName: 'key' } },
      { name: 'm', emptyDir: { medium: 'Memory' } },
    ]);
    expect(readFileSync(`${await pathOf(pod, 's')}/id`, 'utf8')).toBe('s3cret');
    await manager.teardown('u-1');
    expect(await manager.listPodsOnDisk()).toEqual([]);
  });

  it.skipIf(!mountable)('keeps secrets and memory volumes off the disk, with a limit', async () => {
    const pod = podWith([
      { name: 's', secret: { secretName: 'key' } },
      { name: 'm', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
    ]);
    const secret = await pathOf(pod, 's');
    const memory = await pathOf(pod, 'm');
    expect([await fsType(secret), await fsType(memory)]).toEqual(['tmpfs', 'tmpfs']);
    expect(statSync(memory).mode & 0o7777).toBe(0o777);
    expect(() => writeFileSync(`${memory}/big`, Buffer.alloc(2 ** 21))).toThrow('ENOSPC');
    await manager.teardown('u-1');
    expect(await hostMounts.listUnder(dir)).toEqual(mountable ? [`${dir}/kubelet/pods/.memory`] : []);
    expect(existsSync(`${dir}/kubelet/pods/u-1`)).toBe(false);
  });

  it.skipIf(!isRoot)('gives volumes to fsGroup', async () => {
    const pod = podWith(
      [
        { name: 'w', emptyDir: {} },
        { name: 'v', configMap: { name: 'cfg', defaultMode: 0o400 } },
      ],
      { securityContext: { fsGroup: 2000 } },
    );
    const work = await pathOf(pod, 'w');
    expect([statSync(work).gid, statSync(work).mode & 0o7777]).toEqual([2000, 0o2777]);
    const file = `${await pathOf(pod, 'v')}/a`;
    expect([statSync(file).gid, statSync(file).mode & 0o7777]).toEqual([2000, 0o440]);
    expect(lstatSync(file).gid).toBe(2000);
  });

  it('checks and makes hostPaths in words that users know', async () => {
    const prepare = async (path: string, type: string): Promise<unknown> =>
      manager.prepare(podWith([{ name: 'h', hostPath: { path, type } }] as Volume[]));
    expect(await prepare(`${dir}/none`, 'Directory')).toMatchObject({
      messages: [`MountVolume.SetUp failed for volume "h" : hostPath ${dir}/none doesn't exist`],
    });
    expect(await prepare(`${dir}/none/file`, 'FileOrCreate')).toMatchObject({
      messages: [`MountVolume.SetUp failed for volume "h" : open ${dir}/none/file: no such file or directory`],
    });
    expect(await prepare('/dev/null', 'CharDevice')).toMatchObject({ ok: true });
  });
});
