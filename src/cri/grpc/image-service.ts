// CRI's ImageService over gRPC, on a channel to the runtime's socket.

import type { ImageService, ImageSpec } from '../runtime.ts';
import type { Channel } from './channel.ts';
import {
  type FilesystemMessage,
  filesystemFrom,
  type ImageMessage,
  imageFrom,
  sandboxConfigMessage,
} from './convert.ts';

const requestMs = 120_000;
const spec = (image: string | ImageSpec): ImageSpec => (typeof image === 'string' ? { image } : image);

/** An ImageService on the channel. Pulls have no deadline: the runtime gives up by itself when nothing more arrives. */
export function grpcImageService(channel: Channel): ImageService {
  const call = <T>(method: string, request: object, signal?: AbortSignal): Promise<T> =>
    channel.unary<T>(`ImageService.${method}`, request, { timeoutMs: requestMs, signal });
  return {
    async listImages(image, signal) {
      const request = image === undefined ? {} : { filter: { image: { image } } };
      const { images } = await call<{ images: ImageMessage[] }>('ListImages', request, signal);
      return images.map(imageFrom);
    },
    async imageStatus(image, signal) {
      const message = await call<{ image?: ImageMessage }>('ImageStatus', { image: spec(image) }, signal);
      return message.image && imageFrom(message.image);
    },
    async pullImage(image, auth, sandboxConfig, signal) {
      const request = {
        image: spec(image),
        auth,
        sandboxConfig: sandboxConfig && sandboxConfigMessage(sandboxConfig),
      };
      const { imageRef } = await channel.unary<{ imageRef?: string }>('ImageService.PullImage', request, { signal });
      return imageRef ?? '';
    },
    async removeImage(image, signal) {
      await call('RemoveImage', { image: spec(image) }, signal);
    },
    async imageFsInfo(signal) {
      const m = await call<{ image: FilesystemMessage[]; container: FilesystemMessage[] }>('ImageFsInfo', {}, signal);
      return { image: m.image.map(filesystemFrom), container: m.container.map(filesystemFrom) };
    },
  };
}
