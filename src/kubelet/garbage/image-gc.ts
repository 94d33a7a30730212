// Removes images that no container uses, when the disk fills up, when they grow old, or when asked to. Follows pkg/kubelet/images/image_gc_manager.go of v1.36.

import type { ImageService, RuntimeContainer, RuntimeImage, RuntimeService } from '../../cri/runtime.ts';
import { byteSize } from '../../lib/byte-size.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import {
  bytesToFree,
  forSpace,
  type ImageGcPolicy,
  type ImageRecord,
  type ImageRecords,
  noteImages,
  tooOld,
} from './decide-image-gc.ts';

export interface ImageGc {
  /** Keeps the disk below the high threshold. Rejects when that could not be reached. */
  collect(): Promise<void>;
  /** Removes all that nothing uses. */
  removeUnused(): Promise<void>;
}

export interface ImageGcOptions {
  images: ImageService;
  runtime: Pick<RuntimeService, 'listContainers'>;
  policy: ImageGcPolicy;
  /** Of the file system that holds images. */
  disk(): Promise<{ totalBytes: number; availableBytes: number }>;
  /** Names of images that never go: the one that holds pods' namespaces. */
  keep: readonly string[];
  nodeEvent(reason: string, message: string): void;
  countRemoved(reason: 'space' | 'age'): void;
  clock: Clock;
  logger: Logger;
}

const namesOf = ({ id, repoTags, repoDigests }: RuntimeImage): string[] => [id, ...repoTags, ...repoDigests];

/** Whether a container, dead or alive, was made from the image. */
function usedBy(containers: readonly RuntimeContainer[]): (image: RuntimeImage) => boolean {
  const refs = new Set(containers.flatMap(({ imageId, imageRef, image }) => [imageId, imageRef, image.image]));
  refs.delete('');
  return (image) => namesOf(image).some((name) => refs.has(name));
}

export function createImageGc(options: ImageGcOptions): ImageGc {
  const { images, clock, logger, policy } = options;
  const startedAt = clock.now();
  const keep = new Set(options.keep);
  const isKept = (image: RuntimeImage): boolean => namesOf(image).some((name) => keep.has(name));
  let records: ImageRecords = new Map();
  let looked = false;

  /** Gives the time of the look: an image with that time is in use. */
  const observe = async (): Promise<number> => {
    // Listed first: an image that is taken into use in between is then seen as used.
    const present = await images.listImages();
    const containers = await options.runtime.listContainers();
    const now = clock.now();
    // What is there at the first look is of unknown age, and may go.
    records = noteImages(records, present, usedBy(containers), isKept, now, looked ? now : 0);
    looked = true;
    return now;
  };

  /** Removes one after another until that many bytes are free. Rejects when some would not go. */
  const remove = async (list: readonly ImageRecord[], bytes: number, reason: 'space' | 'age'): Promise<number> => {
    let freed = 0;
    const failures: string[] = [];
    for (const { id, size } of list) {
      if (freed >= bytes) break;
      try {
        await images.removeImage(id);
        records = new Map([...records].filter(([known]) => known !== id));
        freed += size;
        options.countRemoved(reason);
        logger.info('removed an image', { id, size, reason });
      } catch (error) {
        failures.push(String(error));
      }
    }
    if (failures.length > 0)
      throw new Error(
        `wanted to free ${bytes} bytes, but freed ${freed} bytes space with errors in image deletion: ${failures.join(', ')}`,
      );
    return freed;
  };

  return {
    async collect() {
      const now = await observe();
      await remove(tooOld(records, policy, now, startedAt), Number.POSITIVE_INFINITY, 'age');
      const disk = await options.disk();
      if (disk.totalBytes === 0) {
        const message = 'invalid capacity 0 on image filesystem';
        options.nodeEvent('InvalidDiskCapacity', message);
        throw new Error(message);
      }
      const { usedPercent, bytes } = bytesToFree(disk, policy);
      if (bytes <= 0 || policy.highThresholdPercent === 100) return;
      logger.info('the disk with images fills up', { usedPercent, bytes });
      const freed = await remove(forSpace(records, policy, now), bytes, 'space');
      if (freed >= bytes) return;
      const message =
        `Insufficient free disk space on the node's image filesystem (${usedPercent}% of ${byteSize(disk.totalBytes)} used). ` +
        `Failed to free sufficient space by deleting unused images (freed ${freed} bytes). ` +
        'Investigate disk usage, as it could be used by active images, logs, volumes, or other data.';
      options.nodeEvent('FreeDiskSpaceFailed', message);
      throw new Error(message);
    },
    async removeUnused() {
      const now = await observe();
      await remove(forSpace(records, policy, now), Number.POSITIVE_INFINITY, 'space');
    },
  };
}
