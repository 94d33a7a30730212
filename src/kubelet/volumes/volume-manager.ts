// Mounts, refreshes and removes the volumes of pods. Stands where pkg/kubelet/volumemanager of v1.36 does, with its event messages.

import type { Container, Node, Pod, Volume } from '../../api/generated/types.ts';
import { claimNameOf } from '../../api/pod/claim-names.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Timer } from '../../lib/clock.ts';
import type { Files } from '../../lib/system.ts';
import { goErrorText, hasCode } from '../go-error.ts';
import { assertSafeUid, podPaths } from '../pod-paths.ts';
import type { VolumeManager, VolumesResult } from '../seams.ts';
import { hasProjection } from './atomic-writer.ts';
import { type ClaimedVolume, type ClaimReader, claimedVolume, type VolumeUse } from './claimed-volume.ts';
import { type ObjectReference, podReferences, showsTrustBundle, volumeReferences } from './pod-references.ts';
import type { ShownImages } from './image-volumes.ts';
import { createMemoryFolder } from './memory-folder.ts';
import { type ReadyVolume, setUpVolume, type VolumeEnvironment } from './set-up-volume.ts';
import type { ChangedBundle, WatchedTrustBundles } from './trust-bundles.ts';
import { isProjected, type MountableKind, type VolumeKind, volumeKind } from './volume-kinds.ts';
import type { ChangedObject, WatchedObjects } from './watched-objects.ts';

export interface VolumeManagerOptions extends Omit<VolumeEnvironment, 'objects' | 'memory' | 'trustBundles'> {
  objects: WatchedObjects;
  trustBundles?: WatchedTrustBundles;
  /** Images that are shown on the host for pods; they are given back with them. */
  shownImages?: Pick<ShownImages, 'release'>;
  /** Reads claims and their volumes; without it claims cannot be mounted. */
  claims?: ClaimReader;
  /** The node, once it is known: volumes that it does not reach are not mounted. */
  node?(): Node | undefined;
  logger: Logger;
  /** An object changed that the pod names: worth another sync, above all where one failed. A hint. */
  sourceChanged?(podUid: string): void;
  /** A volume in use could not be brought up to date (its ConfigMap was deleted, say): an event FailedMount, the pod goes on. */
  refreshFailed?(pod: Pod, message: string): void;
}

export interface ClosableVolumeManager extends VolumeManager {
  /** The folders of local volumes that a pod has, each with the volume's name in the pod and its claim. */
  localFolders(podUid: string): LocalFolder[];
  /** Stops reacting to changed objects. Leaves everything mounted. */
  close(): void;
}

export interface LocalFolder {
  volume: string;
  claim: string;
  path: string;
}

interface PodState {
  pod: Pod;
  /** The volumes that are set up, by name. */
  mounted: Map<string, ReadyVolume>;
  folder: boolean;
  /** The end of the queue of set-ups: a change never runs beside a sync. */
  queue: Promise<unknown>;
  refresh?: Timer | undefined;
  /** When claims that could not be mounted are looked at again. */
  claimLook?: Timer | undefined;
  /** The last failure to refresh a volume, told once. */
  failures: Map<string, string>;
  gone: boolean;
}

// Changes that come together (an apply of several objects) are taken together; well within the second that is promised.
const refreshDelayMs = 100;
const claimLookMs = 2000;

/** A volume that is to be made ready before any container starts. */
interface Wanted {
  volume: Volume;
  kind: Exclude<VolumeKind, { plugin: 'image' }>;
}

/** How each volume is used that some container mounts: others are not set up, as upstream. */
function usedVolumes(pod: Pod): Map<string, VolumeUse> {
  const spec = pod.spec;
  const containers: Pick<Container, 'volumeMounts' | 'volumeDevices' | 'env'>[] = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  const mounts = new Set(containers.flatMap(({ volumeMounts }) => (volumeMounts ?? []).map(({ name }) => name)));
  const devices = new Set(containers.flatMap(({ volumeDevices }) => (volumeDevices ?? []).map(({ name }) => name)));
  const read = containers.flatMap(({ env }) =>
    (env ?? []).flatMap(({ valueFrom }) => valueFrom?.fileKeyRef?.volumeName ?? []),
  );
  const names = new Set([...mounts, ...devices, ...read]);
  return new Map([...names].map((name) => [name, { mounted: mounts.has(name), asDevice: devices.has(name) }]));
}

const setUpFailure = (volume: string, error: unknown): string =>
  `MountVolume.SetUp failed for volume ${JSON.stringify(volume)} : ${goErrorText(error)}`;

/** A local volume that is not there fails before anything is mounted. */
const setUpError = (volume: string, kind: MountableKind, error: unknown): string =>
  kind.plugin === 'local-volume'
    ? refusal(volume, { plugin: 'refused', step: 'NewMounter', why: goErrorText(error) })
    : setUpFailure(volume, error);

/** What a plugin says that never gets as far as mounting. */
function refusal(volume: string, { step, why }: Extract<VolumeKind, { plugin: 'refused' }>): string {
  if (step === 'SetUp') return setUpFailure(volume, new Error(why));
  if (step !== 'NewMounter') return `MountVolume.${step} check failed for volume ${JSON.stringify(volume)} : ${why}`;
  return `MountVolume.NewMounter initialization failed for volume ${JSON.stringify(volume)} : ${why}`;
}

/** A volume of which it is not even known how it would be mounted, and why. */
interface Unprocessed {
  name: string;
  why: string;
  /** A claim that may yet be bound. */
  isClaim: boolean;
}

const noPlugin = (volume: string, { field, yet }: Extract<VolumeKind, { plugin: 'unsupported' }>): string => {
  const why = yet ? `: ${field} is not supported by this node yet` : '';
  return `failed to get Plugin from volumeSpec for volume ${JSON.stringify(volume)} err=no volume plugin matched${why}`;
};

/** What upstream says of those: no attempt to mount is made, the whole wait fails at once. */
function unprocessedMessage(volumes: readonly Unprocessed[], unmounted: readonly string[]): string {
  const names = volumes.map(({ name }) => name).sort();
  const reasons = volumes.map(({ why }) => why);
  return `Unable to attach or mount volumes: unmounted volumes=[${[...unmounted].sort().join(' ')}], unattached volumes=[], failed to process volumes=[${names.join(' ')}]: ${reasons.join('; ')}`;
}

/** The manager over real or in-memory files; state that matters is on disk, so that a restarted kubelet goes on with it. */
export function createVolumeManager(options: VolumeManagerOptions): ClosableVolumeManager {
  const { files, mounts, root, objects, clock, logger } = options;
  const env: VolumeEnvironment = { ...options, memory: createMemoryFolder(root, files, mounts) };
  const pods = new Map<string, PodState>();

  const stateOf = (pod: Pod): PodState => {
    const uid = pod.metadata?.uid ?? '';
    assertSafeUid(uid);
    const state = pods.get(uid) ?? {
      pod,
      mounted: new Map<string, ReadyVolume>(),
      folder: false,
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

  /** Whether another pod has that path of the machine. */
  const isShared =
    (own: PodState) =>
    (path: string): boolean =>
      [...pods.values()].some((state) => state !== own && [...state.mounted.values()].some((one) => one.path === path));

  /** Sets up one volume, in events `shownAs`; gives a message where it failed and is not in use yet. */
  const setUp = async (
    state: PodState,
    name: string,
    kind: MountableKind,
    signal: AbortSignal | undefined,
    shownAs = name,
  ): Promise<string | undefined> => {
    const known = state.mounted.get(name);
    if (known !== undefined && !isProjected(kind)) return undefined;
    try {
      state.mounted.set(name, await setUpVolume(env, state.pod, name, kind, known, signal, isShared(state)));
      state.failures.delete(name);
      return undefined;
    } catch (error) {
      if (signal?.aborted) throw error;
      const inUse = known ?? (await earlierProjection(env, state.pod, name, kind));
      if (inUse === undefined) return setUpError(shownAs, kind, error);
      state.mounted.set(name, inUse);
      noteRefreshFailure(state, name, error);
      return undefined;
    }
  };

  /** The pod's folder, in which others write, too; what it holds is made as it is needed. */
  const makePodFolder = async (state: PodState, uid: string): Promise<void> => {
    if (state.folder) return;
    await files.mkdir(podPaths.pod(root, uid), { recursive: true, mode: 0o750 });
    state.folder = true;
  };

  /** The volume that is mounted for a claim; what is mounted already is not asked for again. */
  const behindClaim = async (
    state: PodState,
    volume: Volume,
    use: VolumeUse,
    signal: AbortSignal | undefined,
  ): Promise<ClaimedVolume> => {
    if (!options.claims) throw new Error('there is nobody to read claims from');
    return claimedVolume(options.claims, state.pod, volume, use, options.node?.(), signal);
  };

  /** Nobody tells when a claim is bound, so that it is asked for again; upstream asks several times a second. */
  const lookAgain = (state: PodState): void => {
    state.claimLook ??= clock.after(claimLookMs, () => {
      state.claimLook = undefined;
      if (!state.gone) options.sourceChanged?.(state.pod.metadata?.uid ?? '');
    });
  };

  /** Makes one volume ready: a message where it failed, or why it could not be tried. */
  const prepareOne = async (
    state: PodState,
    { volume, kind: asked }: Wanted,
    use: VolumeUse,
    signal: AbortSignal | undefined,
  ): Promise<string | Unprocessed | undefined> => {
    const { name } = volume;
    if (asked.plugin === 'claim' && state.mounted.has(name)) return undefined;
    let found: ClaimedVolume = { name, kind: asked };
    try {
      if (asked.plugin === 'claim') found = await behindClaim(state, volume, use, signal);
    } catch (error) {
      signal?.throwIfAborted();
      return { name, why: error instanceof Error ? error.message : String(error), isClaim: true };
    }
    const { kind } = found;
    if (kind.plugin === 'refused') return refusal(found.name, kind);
    if (kind.plugin === 'unsupported') return { name, why: noPlugin(found.name, kind), isClaim: false };
    if (kind.plugin === 'claim' || kind.plugin === 'image') return undefined;
    const failure = await setUp(state, name, kind, signal, found.name);
    const ready = state.mounted.get(name);
    if (ready && kind.plugin === 'local-volume')
      state.mounted.set(name, { ...ready, claim: claimNameOf(state.pod, volume) ?? '' });
    return failure;
  };

  const prepareAll = async (state: PodState, signal: AbortSignal | undefined): Promise<VolumesResult> => {
    const { pod } = state;
    const used = usedVolumes(pod);
    const wanted = (pod.spec?.volumes ?? [])
      .map((volume) => ({ volume, kind: volumeKind(volume), use: used.get(volume.name) }))
      .filter(
        (entry): entry is Wanted & { use: VolumeUse } => entry.use !== undefined && entry.kind.plugin !== 'image',
      );
    await makePodFolder(state, pod.metadata?.uid ?? '');
    const failures = await Promise.all(wanted.map((entry) => prepareOne(state, entry, entry.use, signal)));
    const messages = failures.filter((failure) => typeof failure === 'string');
    const unprocessed = failures.filter((failure): failure is Unprocessed => typeof failure === 'object');
    if (unprocessed.some(({ isClaim }) => isClaim)) lookAgain(state);
    if (unprocessed.length > 0) {
      const unmounted = wanted.map(({ volume }) => volume.name).filter((name) => !state.mounted.has(name));
      messages.push(unprocessedMessage(unprocessed, unmounted));
    }
    if (messages.length > 0) return { ok: false, reason: 'FailedMount', messages };
    return {
      ok: true,
      mounts: new Map(wanted.map(({ volume: { name } }) => [name, state.mounted.get(name)?.path ?? ''])),
    };
  };

  const refresh = async (state: PodState): Promise<void> => {
    if (state.gone) return;
    for (const volume of state.pod.spec?.volumes ?? []) {
      const kind = volumeKind(volume);
      if (!isProjected(kind) || !state.mounted.has(volume.name)) continue;
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

  const bundleChanged = (bundle: ChangedBundle): void => {
    for (const [uid, state] of pods) {
      if (!(state.pod.spec?.volumes ?? []).some((volume) => showsTrustBundle(volume, bundle))) continue;
      refreshSoon(state);
      options.sourceChanged?.(uid);
    }
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
  const stopListening = [objects.onChange(changed), options.trustBundles?.onChange(bundleChanged)];

  /** Takes down what is mounted in a folder of the pod, and the folder; nothing there costs one look. */
  const removeFolder = async (folder: string): Promise<void> => {
    if ((await files.lstat(folder)) === undefined) return;
    try {
      await files.removeTree(folder);
    } catch (error) {
      // Mounts are in the way; nothing was touched.
      if (!mounts || !hasCode(error, 'EBUSY')) throw error;
      await mounts.unmount(...(await mounts.listUnder(folder)));
      await files.removeTree(folder);
    }
  };

  const removePod = async (uid: string): Promise<void> => {
    await options.shownImages?.release(uid);
    await removeFolder(podPaths.pod(root, uid));
    // The mounts that show files of it are gone by now.
    await removeFolder(podPaths.inMemory(root, uid));
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
      if (!state) return removePod(podUid);
      state.gone = true;
      state.refresh?.cancel();
      state.claimLook?.cancel();
      await enqueue(state, () => removePod(podUid));
      if (pods.get(podUid) === state) pods.delete(podUid);
    },

    async listPodsOnDisk() {
      const folders = [podPaths.pods(root), podPaths.memory(root)];
      const names = (await Promise.all(folders.map((folder) => namesIn(files, folder)))).flat();
      return [...new Set(names)].filter((name) => !name.startsWith('.')).sort();
    },

    localFolders: (podUid) =>
      [...(pods.get(podUid)?.mounted ?? [])].flatMap(([volume, { path, claim }]) =>
        claim === undefined ? [] : [{ volume, claim, path }],
      ),

    close() {
      for (const stop of stopListening) stop?.();
      for (const { refresh: later, claimLook } of pods.values()) {
        later?.cancel();
        claimLook?.cancel();
      }
    },
  };
}

async function namesIn(files: Files, folder: string): Promise<string[]> {
  try {
    return await files.readdir(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Files that an earlier kubelet projected: containers may be using them, so that they count as mounted. */
async function earlierProjection(
  env: VolumeEnvironment,
  pod: Pod,
  name: string,
  kind: MountableKind,
): Promise<ReadyVolume | undefined> {
  if (!isProjected(kind)) return undefined;
  const path = podPaths.volume(env.root, pod.metadata?.uid ?? '', kind.plugin, name);
  return (await hasProjection(env.files, path)) ? { path } : undefined;
}
