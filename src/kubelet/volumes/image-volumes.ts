// Image volumes: pulled like a container's image, and shown to containers read-only and without execution.
// Follows getImageVolumes in pkg/kubelet/kuberuntime/kuberuntime_manager.go of v1.36.

import type { Container, Pod } from '../../api/generated/types.ts';
import type { ImageViews, SandboxConfig } from '../../cri/runtime.ts';
import type { Files, Mounts } from '../../lib/system.ts';
import { hasCode } from '../go-error.ts';
import { podPaths } from '../pod-paths.ts';
import type { ImageManager, ImageResult } from '../seams.ts';

export type PulledImageVolumes =
  | { ok: true /** Volume name → the runtime's reference of its image. */; images: ReadonlyMap<string, string> }
  | Extract<ImageResult, { ok: false }>;

/** Makes the images of the volumes that the container mounts present. The first that cannot be had is the container's failure. */
export async function pullImageVolumes(
  manager: ImageManager,
  pod: Pod,
  container: Pick<Container, 'volumeMounts'>,
  sandboxConfig: SandboxConfig,
  signal?: AbortSignal,
): Promise<PulledImageVolumes> {
  const images = new Map<string, string>();
  const mounted = new Set(container.volumeMounts?.map(({ name }) => name));
  for (const { name, image } of pod.spec?.volumes ?? []) {
    if (!image || !mounted.has(name)) continue;
    // No container's: its events are the pod's own.
    const wanted = {
      name: '',
      image: image.reference ?? '',
      ...(image.pullPolicy ? { imagePullPolicy: image.pullPolicy } : {}),
    };
    const result = await manager.ensureImage(pod, wanted, sandboxConfig, signal);
    if (!result.ok) return result;
    images.set(name, result.imageRef);
  }
  return { ok: true, images };
}

/** Shows images on the host, for runtimes that cannot mount them themselves. */
export interface ShownImages {
  /** The folder with the image's files; `image` is the runtime's reference. Repeating it is a no-op. */
  show(podUid: string, volume: string, image: string, signal?: AbortSignal): Promise<string>;
  /** Takes all of the pod's down again. Without any it is a look at one folder. */
  release(podUid: string): Promise<void>;
}

export interface ShownImagesOptions {
  /** `<dataDir>/kubelet`. */
  root: string;
  files: Files;
  mounts: Mounts;
  views: ImageViews;
}

const hiddenRights = ['ro', 'noexec', 'nosuid', 'nodev'];
const idOf = (image: string): string =>
  image
    .replace(/^.*sha256:/, '')
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .slice(0, 24);
const keyOf = (podUid: string, volume: string, id: string): string => `peapod-volume/${podUid}/${volume}/${id}`;

/**
 * Each image of a volume has a folder of its own, for a container that starts after another pull may get another image than
 * those that run. The folders on disk tell which views there are, so that none outlives its pod.
 */
export function createShownImages({ root, files, mounts, views }: ShownImagesOptions): ShownImages {
  const namesIn = async (folder: string): Promise<string[]> => {
    try {
      return await files.readdir(folder);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    }
  };
  return {
    async show(podUid, volume, image, signal) {
      const id = idOf(image);
      const path = `${podPaths.imageVolumes(root, podUid)}/${volume}/${id}`;
      await files.mkdir(path, { recursive: true, mode: 0o750 });
      if ((await mounts.listUnder(path)).includes(path)) return path;
      await mounts.mountAll(path, await views.view(keyOf(podUid, volume, id), image, signal), hiddenRights);
      return path;
    },
    async release(podUid) {
      const folder = podPaths.imageVolumes(root, podUid);
      const volumes = await namesIn(folder);
      if (volumes.length === 0) return;
      await mounts.unmount(...(await mounts.listUnder(folder)));
      for (const volume of volumes)
        for (const id of await namesIn(`${folder}/${volume}`)) await views.remove(keyOf(podUid, volume, id));
    },
  };
}
