// A volume manager over files, mounts, objects and a clock in memory, for the tests of what it does with volumes.
import type { ConfigMap, Pod, PodSpec, Secret, Volume } from '../api/generated/types.ts';
import { silentLogger } from '../lib/logger.ts';
import type { Mounts } from '../lib/system.ts';
import { createMemoryFiles } from './memory-files.ts';
import { createVirtualClock } from './virtual-clock.ts';
import { objectNotFound } from '../kubelet/volumes/object-source.ts';
import {
  createVolumeManager,
  type ClosableVolumeManager,
  type VolumeManagerOptions,
} from '../kubelet/volumes/volume-manager.ts';
import type { ChangedObject, WatchedObjects } from '../kubelet/volumes/watched-objects.ts';

const root = '/data/kubelet';
/** Where the pod `u-1` has its volumes. */
export const base = `${root}/pods/u-1`;
/** Where the volumes of all pods are that may not reach a disk. */
export const memory = `${root}/pods/.memory`;
export const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A pod `shop/web` whose container mounts all the volumes. */
export const podWith = (volumes: Volume[], spec: Partial<PodSpec> = {}, metadata = {}): Pod =>
  ({
    metadata: { name: 'web', namespace: 'shop', uid: 'u-1', labels: { app: 'web' }, ...metadata },
    spec: {
      containers: [{ name: 'c', volumeMounts: volumes.map(({ name }) => ({ name, mountPath: `/${name}` })) }],
      volumes,
      ...spec,
    },
  }) as unknown as Pod;

export type VolumeWorld = ReturnType<typeof createVolumeWorld>;

/** An empty host with a ConfigMap `settings` and a Secret `login`, and a manager on it; tests change what they like. */
export function createVolumeWorld() {
  const w = {
    files: createMemoryFiles(),
    mounted: [] as string[],
    /** What was asked of mount and umount, a call each. */
    calls: [] as string[],
    tmpfs: {} as Record<string, unknown>,
    clock: createVirtualClock(),
    configMaps: new Map<string, ConfigMap>([
      [
        'settings',
        { metadata: { name: 'settings' }, data: { color: 'red', size: 'xl' }, binaryData: { bin: base64('\u0001') } },
      ],
    ]),
    secrets: new Map<string, Secret>([['login', { metadata: { name: 'login' }, data: { user: base64('bob') } }]]),
    /** UIDs of pods whose objects are watched, and `-` before those that are so no more. */
    registered: [] as string[],
    listeners: new Set<(changed: ChangedObject) => void>(),
    hints: [] as string[],
    refreshFailures: [] as string[],
    mounts: undefined as unknown as Mounts,
    manager: undefined as unknown as ClosableVolumeManager,
    /** Another manager on the same host, as after a restart. */
    start: (more: Partial<VolumeManagerOptions> = {}): ClosableVolumeManager =>
      createVolumeManager({
        root,
        files: w.files,
        mounts: w.mounts,
        clock: w.clock,
        objects: watched,
        logger: silentLogger,
        nodeAllocatable: () => ({ cpu: '4', memory: '1Gi' }),
        tokens: {
          token: async (pod, { audience }) => `token of ${pod.metadata?.name} for ${audience || 'api'}`,
          forget: () => {},
        },
        sourceChanged: (uid) => w.hints.push(uid),
        refreshFailed: (_, message) => w.refreshFailures.push(message),
        ...more,
      }),
    /** The path of each volume. @throws where one of them could not be set up. */
    async pathsOf(pod: Pod): Promise<Record<string, string>> {
      const result = await w.manager.prepare(pod);
      if (!result.ok) throw new Error(result.messages.join('\n'));
      return Object.fromEntries(result.mounts);
    },
    async messagesOf(pod: Pod): Promise<readonly string[]> {
      const result = await w.manager.prepare(pod);
      return result.ok ? [] : result.messages;
    },
    text: async (path: string): Promise<string> => (await w.files.readFile(path)).toString(),
    mode: async (path: string): Promise<number> => ((await w.files.stat(path))?.mode ?? 0) & 0o7777,
    /** The names that a container sees in the folder. */
    visible: async (path: string): Promise<string[]> =>
      (await w.files.readdir(path)).filter((name) => !name.startsWith('..')).sort(),
  };
  const watched: WatchedObjects = {
    async configMap(_, name) {
      const found = w.configMaps.get(name);
      if (!found) throw objectNotFound('configmap', name);
      return found;
    },
    async secret(_, name) {
      const found = w.secrets.get(name);
      if (!found) throw objectNotFound('secret', name);
      return found;
    },
    register: (pod) => void w.registered.push(pod.metadata?.uid ?? ''),
    unregister: (uid) => void w.registered.push(`-${uid}`),
    onChange(listener) {
      w.listeners.add(listener);
      return () => w.listeners.delete(listener);
    },
    close() {},
  };
  const removeTree = w.files.removeTree.bind(w.files);
  w.files.removeTree = async (path) => {
    if (w.mounted.some((point) => point === path || point.startsWith(`${path}/`)))
      throw Object.assign(new Error(`EBUSY: ${path}`), { code: 'EBUSY' });
    await removeTree(path);
  };
  w.mounts = {
    listUnder: async (path) => w.mounted.filter((point) => point === path || point.startsWith(`${path}/`)).reverse(),
    async mountTmpfs(path, options) {
      w.calls.push('mount');
      w.tmpfs[path] = options;
      w.mounted.push(path);
    },
    async mountHugePages(path, options) {
      w.calls.push('mount');
      w.tmpfs[path] = options;
      w.mounted.push(path);
    },
    async mountAll() {},
    async bind() {},
    async unmount(...paths) {
      w.calls.push(`umount ${paths.length}`);
      w.mounted = w.mounted.filter((point) => !paths.includes(point));
    },
  };
  w.manager = w.start();
  return w;
}
