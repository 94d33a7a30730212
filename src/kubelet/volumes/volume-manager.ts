// Mounts, refreshes and removes the volumes of pods. Stands where pkg/kubelet/volumemanager of v1.36 does, with its event messages.

import type { Container, Pod, Volume } from '../../api/generated/types.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Timer } from '../../lib/clock.ts';
import { goErrorText, hasCode } from '../go-error.ts';
import { assertSafeUid, podPaths } from '../pod-paths.ts';
import type { VolumeManager, VolumesResult } from '../seams.ts';
import { hasProjection } from './atomic-writer.ts';
import { type ObjectReference, podReferences, volumeReferences } from './pod-references.ts';
import { setUpVolume, type VolumeEnvironment } from './set-up-volume.ts';
import { isReadOnlyKind, type VolumeKind, volumeKind } from './volume-kinds.ts';
import type { ChangedObject, WatchedObjects } from './watched-objects.ts';

export interface VolumeManagerOptions extends Omit<VolumeEnvironment, 'objects'> {
  objects: WatchedObjects;
  logger: Logger;
  /** An object changed that the pod names: worth another sync, above all where one failed. A hint. */
  sourceChanged?(podUid: string): void;
  /** A volume in use could not be brought up to date (its ConfigMap was deleted, say): an event FailedMount, the pod goes on. */
  refreshFailed?(pod: Pod, message: string): void;
}

export interface ClosableVolumeManager extends VolumeManager {
  /** Stops reacting to changed objects. Leaves everything mounted. */
  close(): void;
}

interface PodState {
  pod: Pod;
  /** Host paths of the volumes that are set up. */
  mounted: Map<string, string>;
  folders: boolean;
  /** The end of the queue of set-ups: a change never runs beside a sync. */
  queue: Promise<unknown>;
  refresh?: Timer | undefined;
  /** The last failure to refresh a volume, told once. */
  failures: Map<string, string>;
  gone: boolean;
}

// Changes that come together (an apply of several objects) are taken together; well within the second that is promised.
const refreshDelayMs = 100;

/** Names of the volumes that some container mounts: others are not set up, as upstream. */
function usedVolumes(pod: Pod): Set<string> {
  const spec = pod.spec;
  const containers: Pick<Container, 'volumeMounts' | 'volumeDevices' | 'env'>[] = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  return new Set(
    containers.flatMap((container) => [
      ...(container.volumeMounts ?? []).map((mount) => mount.name),
      ...(container.volumeDevices ?? []).map((device) => device.name),
      ...(container.env ?? []).flatMap((variable) => variable.valueFrom?.fileKeyRef?.volumeName ?? []),
    ]),
  );
}

const setUpFailure = (volume: string, error: unknown): string =>
  `MountVolume.SetUp failed for volume ${JSON.stringify(volume)} : ${goErrorText(error)}`;

/** What upstream says when a volume's plugin is unknown: no attempt to mount is made, the whole wait fails at once. */
function unsupportedMessage(volumes: readonly { name: string; field: string }[], unmounted: readonly string[]): string {
  const names = volumes.map(({ name }) => name).sort();
  const reasons = volumes.map(
    ({ name, field }) =>
      `failed to get Plugin from volumeSpec for volume ${JSON.stringify(name)} err=no volume plugin matched: ${field} is not supported by this node yet`,
  );
  return `Unable to attach or mount volumes: unmounted volumes=[${[...unmounted].sort().join(' ')}], unattached volumes=[], failed to process volumes=[${names.join(' ')}]: ${reasons.join('; ')}`;
}

/** The manager over real or in-memory files; state that matters is on disk, so that a restarted kubelet goes on with it. */
export function createVolumeManager(options: VolumeManagerOptions): ClosableVolumeManager {
  const { files, mounts, root, objects, clock, logger } = options;
  const pods = new Map<string, PodState>();

  const stateOf = (pod: Pod): PodState => {
    const uid = pod.metadata?.uid ?? '';
    assertSafeUid(uid);
    const state = pods.get(uid) ?? {
      pod,
      mounted: new Map<string, string>(),
      folders: false,
      queue: Promise.resolve(),
      failures: new Map<string, string>(),
      gone: false,
    };
    state.pod = pod;
    pods.set(uid, state);
    return state;
  };

  /** Runs after what is queued for the pod, whether that failed or not. */
  const enqueue = <T>(state: PodState, task: () => Promise<T>): Promise<T> => {
    const run = state.queue.then(task, task);
    state.queue = run.catch(() => {});
    return run;
  };

  const noteRefreshFailure = (state: PodState, volume: string, error: unknown): void => {
    const message = setUpFailure(volume, error);
    if (state.failures.get(volume) === message) return;
    state.failures.set(volume, message);
    logger.warn('a volume in use was not brought up to date', { pod: state.pod.metadata?.name, volume, message });
    options.refreshFailed?.(state.pod, message);
  };

  /** Sets up one volume; gives a message where it failed and is not in use yet. */
  const setUp = async (
    state: PodState,
    name: string,
    kind: Exclude<VolumeKind, { plugin: 'unsupported' }>,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> => {
    const known = state.mounted.get(name);
    if (known !== undefined && !isReadOnlyKind(kind)) return undefined;
    try {
      state.mounted.set(name, await setUpVolume(options, state.pod, name, kind, signal));
      state.failures.delete(name);
      return undefined;
    } catch (error) {
      if (signal?.aborted) throw error;
      const inUse = known ?? (await earlierProjection(options, state.pod, name, kind));
      if (inUse === undefined) return setUpFailure(name, error);
      state.mounted.set(name, inUse);
      noteRefreshFailure(state, name, error);
      return undefined;
    }
  };

  const makePodFolders = async (state: PodState, uid: string): Promise<void> => {
    if (state.folders) return;
    await files.mkdir(podPaths.volumes(root, uid), { recursive: true, mode: 0o750 });
    await files.mkdir(podPaths.plugins(root, uid), { recursive: true, mode: 0o750 });
    state.folders = true;
  };

  const prepareAll = async (state: PodState, signal: AbortSignal | undefined): Promise<VolumesResult> => {
    const { pod } = state;
    const used = usedVolumes(pod);
    const wanted = (pod.spec?.volumes ?? []).filter((volume) => used.has(volume.name));
    await makePodFolders(state, pod.metadata?.uid ?? '');
    const unsupported: { name: string; field: string }[] = [];
    const failures = await Promise.all(
      wanted.map(async (volume: Volume) => {
        const kind = volumeKind(volume);
        if (kind.plugin !== 'unsupported') return setUp(state, volume.name, kind, signal);
        unsupported.push({ name: volume.name, field: kind.field });
        return undefined;
      }),
    );
    const messages = failures.filter((message) => message !== undefined);
    if (unsupported.length > 0) {
      const unmounted = wanted.map(({ name }) => name).filter((name) => !state.mounted.has(name));
      messages.push(unsupportedMessage(unsupported, unmounted));
    }
    if (messages.length > 0) return { ok: false, reason: 'FailedMount', messages };
    return { ok: true, mounts: new Map(wanted.map(({ name }) => [name, state.mounted.get(name) ?? ''])) };
  };

  const refresh = async (state: PodState): Promise<void> => {
    if (state.gone) return;
    for (const volume of state.pod.spec?.volumes ?? []) {
      const kind = volumeKind(volume);
      if (kind.plugin === 'unsupported' || !isReadOnlyKind(kind) || !state.mounted.has(volume.name)) continue;
      await setUp(state, volume.name, kind, undefined);
    }
  };

  const refreshSoon = (state: PodState): void => {
    state.refresh ??= clock.after(refreshDelayMs, () => {
      state.refresh = undefined;
      enqueue(state, () => refresh(state)).catch((error: unknown) =>
        logger.error('refreshing volumes failed', { pod: state.pod.metadata?.name, error: String(error) }),
      );
    });
  };

  const changed = (object: ChangedObject): void => {
    const matches = ({ kind, name }: ObjectReference): boolean => kind === object.kind && name === object.name;
    for (const [uid, state] of pods) {
      if (state.pod.metadata?.namespace !== object.namespace || !podReferences(state.pod).some(matches)) continue;
      const volumes = state.pod.spec?.volumes ?? [];
      if (volumes.some((volume) => [...volumeReferences(volume)].some(matches))) refreshSoon(state);
      options.sourceChanged?.(uid);
    }
  };
  const stopListening = objects.onChange(changed);

  const removeFolder = async (uid: string): Promise<void> => {
    const folder = podPaths.pod(root, uid);
    if ((await files.lstat(folder)) === undefined) return;
    for (const path of (await mounts?.listUnder(folder)) ?? []) await mounts?.unmount(path);
    // Never into something that is still mounted: what it holds is not the pod's to delete.
    const left = (await mounts?.listUnder(folder)) ?? [];
    if (left.length > 0) throw new Error(`still mounted: ${left.join(', ')}`);
    await files.removeTree(folder);
  };

  return {
    async prepare(pod, signal) {
      objects.register(pod);
      const state = stateOf(pod);
      return enqueue(state, () => prepareAll(state, signal));
    },

    async teardown(podUid) {
      assertSafeUid(podUid);
      objects.unregister(podUid);
      options.tokens?.forget(podUid);
      const state = pods.get(podUid);
      if (!state) return removeFolder(podUid);
      state.gone = true;
      state.refresh?.cancel();
      await enqueue(state, () => removeFolder(podUid));
      if (pods.get(podUid) === state) pods.delete(podUid);
    },

    async listPodsOnDisk() {
      try {
        return (await files.readdir(podPaths.pods(root))).sort();
      } catch (error) {
        if (hasCode(error, 'ENOENT')) return [];
        throw error;
      }
    },

    close() {
      stopListening();
      for (const state of pods.values()) state.refresh?.cancel();
    },
  };
}

/** The path of files that an earlier kubelet projected: containers may be using them, so that they count as mounted. */
async function earlierProjection(
  env: VolumeEnvironment,
  pod: Pod,
  name: string,
  kind: VolumeKind,
): Promise<string | undefined> {
  if (!isReadOnlyKind(kind)) return undefined;
  const path = podPaths.volume(env.root, pod.metadata?.uid ?? '', kind.plugin, name);
  return (await hasProjection(env.files, path)) ? path : undefined;
}
