// What the options say of eviction, garbage collection, log rotation and images pulled ahead, checked before anything is started.

import { parseGoDuration } from '../api/meta/go-format.ts';
import { bytes } from '../api/meta/quantity.ts';
import { parseImageReference } from '../api/pod/image-reference.ts';
import type { UpkeepFlags } from '../cli/upkeep-options.ts';
import { type EvictionConfig, parseEvictionConfig } from '../kubelet/eviction/thresholds.ts';
import { checkImageGcPolicy, defaultImageGcPolicy, type ImageGcPolicy } from '../kubelet/garbage/decide-image-gc.ts';
import { checkLogRotatePolicy, defaultLogRotatePolicy, type LogRotatePolicy } from '../kubelet/logs/log-rotator.ts';
import { UserError } from './user-error.ts';

export interface UpkeepSettings {
  eviction: EvictionConfig;
  imageGc: ImageGcPolicy;
  logs: LogRotatePolicy;
  prefetch: readonly string[];
}

function duration(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const ms = parseGoDuration(text);
  if (ms === undefined || ms < 0) throw new Error(`invalid duration ${JSON.stringify(text)}`);
  return ms;
}

/** Throws a UserError that names the options in question. */
export function upkeepSettings(flags: UpkeepFlags): UpkeepSettings {
  const checked = <T>(what: string, read: () => T): T => {
    try {
      return read();
    } catch (error) {
      throw new UserError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  return {
    eviction: checked('--eviction-*', () => parseEvictionConfig(flags)),
    imageGc: checked('--image-gc-*', () => {
      const { highThresholdPercent, lowThresholdPercent, minAgeMs, maxAgeMs } = defaultImageGcPolicy;
      const policy = {
        highThresholdPercent: flags.imageGcHighThreshold ?? highThresholdPercent,
        lowThresholdPercent: flags.imageGcLowThreshold ?? lowThresholdPercent,
        minAgeMs: duration(flags.minimumImageTtlDuration, minAgeMs),
        maxAgeMs: duration(flags.imageMaximumGcAge, maxAgeMs),
      };
      checkImageGcPolicy(policy);
      return policy;
    }),
    logs: checked('--container-log-*', () => {
      const policy = {
        maxSize:
          flags.containerLogMaxSize === undefined ? defaultLogRotatePolicy.maxSize : bytes(flags.containerLogMaxSize),
        maxFiles: flags.containerLogMaxFiles ?? defaultLogRotatePolicy.maxFiles,
      };
      checkLogRotatePolicy(policy);
      return policy;
    }),
    prefetch: checked('--prefetch-images', () => {
      const bad = flags.prefetchImages.find((name) => !parseImageReference(name));
      if (bad !== undefined) throw new Error(`${JSON.stringify(bad)} is no image name`);
      return flags.prefetchImages;
    }),
  };
}
