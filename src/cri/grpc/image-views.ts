// Images' files as mounts, from containerd's snapshots service: for versions of it whose CRI cannot mount an image (before 2.1).

import { type ImageViews, isRuntimeError, RuntimeError, type ViewMount } from '../runtime.ts';
import type { Channel } from './channel.ts';

const metadata = { 'containerd-namespace': 'k8s.io' };
const callMs = 60_000;

interface VerboseStatus {
  image?: object;
  info?: Record<string, string>;
}

/** The snapshot that holds all of an image's layers; CRI tells it among the details. */
async function chainOf(channel: Channel, image: string, signal: AbortSignal | undefined): Promise<string> {
  const request = { image: { image }, verbose: true };
  const status = await channel.unary<VerboseStatus>('ImageService.ImageStatus', request, { timeoutMs: callMs, signal });
  if (!status.image) throw new RuntimeError('NotFound', `image ${JSON.stringify(image)} is not present`);
  const details = JSON.parse(status.info?.['info'] ?? '{}') as { chainID?: string };
  if (!details.chainID)
    throw new RuntimeError('Internal', `the runtime does not tell the layers of ${JSON.stringify(image)}`);
  return details.chainID;
}

/** The name of the snapshotter that holds images; CRI shows it in the path of the images' file system. */
async function snapshotterOf(channel: Channel, signal: AbortSignal | undefined): Promise<string> {
  interface Info {
    image: { fsId?: { mountpoint?: string } }[];
  }
  const { image } = await channel.unary<Info>('ImageService.ImageFsInfo', {}, { timeoutMs: callMs, signal });
  const [, name] = /\.snapshotter\.v1\.([\w-]+)$/.exec(image[0]?.fsId?.mountpoint ?? '') ?? [];
  if (name === undefined) throw new RuntimeError('Internal', 'the runtime does not tell its snapshotter');
  return name;
}

/** ImageViews on the channel. */
export function grpcImageViews(channel: Channel): ImageViews {
  const call = <T>(method: string, request: object, signal?: AbortSignal): Promise<T> =>
    channel.unary<T>(`Snapshots.${method}`, request, { timeoutMs: callMs, signal, metadata });
  return {
    async view(key, image, signal) {
      const [parent, snapshotter] = await Promise.all([
        chainOf(channel, image, signal),
        snapshotterOf(channel, signal),
      ]);
      // Without a root of its own the next collection of garbage would take the view, and the layers of a removed image.
      const labels = { 'containerd.io/gc.root': 'image-volume' };
      const answer = call<{ mounts: ViewMount[] }>('View', { snapshotter, key, parent, labels }, signal);
      const { mounts } = await answer.catch((error: unknown) => {
        if (!isRuntimeError(error, 'AlreadyExists')) throw error;
        return call<{ mounts: ViewMount[] }>('Mounts', { snapshotter, key }, signal);
      });
      return mounts.map(({ type, source, options }) => ({ type, source, options }));
    },
    async remove(key, signal) {
      try {
        await call('Remove', { snapshotter: await snapshotterOf(channel, signal), key }, signal);
      } catch (error) {
        if (!isRuntimeError(error, 'NotFound')) throw error;
      }
    },
  };
}
