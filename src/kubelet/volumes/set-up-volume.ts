// Makes one volume of a pod ready on the node. Follows SetUp of pkg/volume/{emptydir,hostpath,configmap,secret,…} of v1.36.

import { createHash } from 'node:crypto';
import type { Pod } from '../../api/generated/types.ts';
import type { Clock } from '../../lib/clock.ts';
import { podPaths } from '../pod-paths.ts';
import { hasProjection, type Payload, writePayload } from './atomic-writer.ts';
import { type EmptyDirEnvironment, setUpEmptyDir } from './empty-dir.ts';
import { prepareHostPath } from './host-path.ts';
import { setUpLocalVolume } from './local-volume.ts';
import { makeFolder, sharedMode } from './make-folder.ts';
import type { MemoryFolder } from './memory-folder.ts';
import { setVolumeOwnership } from './ownership.ts';
import { makePayload, type PayloadSources, type ProjectedSource } from './payload.ts';
import type { MountableKind } from './volume-kinds.ts';

export interface VolumeEnvironment extends PayloadSources, EmptyDirEnvironment {
  memory: MemoryFolder;
  clock: Clock;
}

/** A volume that is ready. */
export interface ReadyVolume {
  /** Host path. */
  path: string;
  /** Of projected files: what tells the same content again. */
  digest?: string;
  /** Of a local volume: the claim that it is there for. */
  claim?: string;
}

function digestOf(payload: Payload, group: number | undefined): string {
  const hash = createHash('sha256').update(`${group}\n`);
  for (const [path, { data, mode, uid }] of payload)
    hash.update(`${JSON.stringify([path, mode, uid, data.length])}\n`).update(data);
  return hash.digest('base64');
}

async function setUpProjected(
  env: VolumeEnvironment,
  pod: Pod,
  name: string,
  kind: ProjectedSource,
  known: ReadyVolume | undefined,
  signal: AbortSignal | undefined,
): Promise<ReadyVolume> {
  const { files } = env;
  // Gathered first, so that a missing object leaves nothing behind.
  const payload = await makePayload(kind, pod, env, signal);
  const group = pod.spec?.securityContext?.fsGroup;
  const digest = digestOf(payload, group);
  if (known?.digest === digest && (await hasProjection(files, known.path))) return known;
  if (kind.plugin !== 'configmap') await env.memory();
  const path = podPaths.volume(env.root, pod.metadata?.uid ?? '', kind.plugin, name);
  const fresh = known === undefined && (await files.lstat(path)) === undefined;
  if (fresh) await makeFolder(files, path, sharedMode);
  await writePayload(files, path, payload, env.clock.now(), {
    fresh,
    setOwnership: group === undefined ? undefined : () => setVolumeOwnership(files, path, group, true),
  });
  return { path, digest };
}

/**
 * Makes the volume ready, or brings its files up to date. `known` is what an earlier call gave: with nothing to change it is
 * given again, at hardly any cost. `isShared` tells whether another pod has that path of the machine. Throws in upstream's words.
 */
export async function setUpVolume(
  env: VolumeEnvironment,
  pod: Pod,
  name: string,
  kind: MountableKind,
  known: ReadyVolume | undefined,
  signal?: AbortSignal,
  isShared: (path: string) => boolean = () => false,
): Promise<ReadyVolume> {
  switch (kind.plugin) {
    case 'empty-dir':
      return { path: await setUpEmptyDir(env, pod, name, kind.source) };
    case 'host-path':
      await prepareHostPath(env.files, kind.source);
      return { path: kind.source.path };
    case 'local-volume':
      await setUpLocalVolume(env, pod, name, kind.source, isShared(kind.source.path));
      return { path: kind.source.path };
    case 'configmap':
    case 'secret':
    case 'downward-api':
    case 'projected':
      return setUpProjected(env, pod, name, kind, known, signal);
    default:
      return kind satisfies never;
  }
}
