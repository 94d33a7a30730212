// Which CRI fields and calls a runtime version really acts on: older ones ignore newer fields silently, so the kubelet asks here and refuses.

import type { RuntimeVersion } from './runtime.ts';

/** A part of CRI that came after containerd 1.6. */
export type RuntimeFeature =
  | 'supplementalGroupsPolicy'
  | 'recursiveReadOnly'
  | 'stopSignal'
  | 'imageVolumes'
  | 'imageVolumeSubPath'
  | 'ambientCapabilities'
  | 'cdiDevices'
  | 'containerEvents'
  | 'runtimeConfig'
  | 'containerUser'
  | 'pinnedImages';

// Least containerd version per field (its release notes), and least CRI-O version; undefined where it has none.
const least: Readonly<Record<RuntimeFeature, { containerd?: string; 'cri-o'?: string }>> = {
  supplementalGroupsPolicy: { containerd: '2.0', 'cri-o': '1.31' },
  recursiveReadOnly: { containerd: '2.0', 'cri-o': '1.30' },
  stopSignal: { containerd: '2.3', 'cri-o': '1.33' },
  imageVolumes: { containerd: '2.1', 'cri-o': '1.31' },
  imageVolumeSubPath: { containerd: '2.2', 'cri-o': '1.33' },
  ambientCapabilities: {},
  cdiDevices: { containerd: '1.7', 'cri-o': '1.23' },
  containerEvents: { containerd: '1.7', 'cri-o': '1.26' },
  runtimeConfig: { containerd: '2.0', 'cri-o': '1.28' },
  containerUser: { containerd: '2.0', 'cri-o': '1.31' },
  pinnedImages: { containerd: '1.7', 'cri-o': '1.23' },
};

const numbers = (version: string): [number, number] => {
  const [, major = '0', minor = '0'] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  return [Number(major), Number(minor)];
};

/**
 * Whether the runtime acts on the feature. An unknown runtime is trusted with nothing; the simulated one
 * (`runtimeName: 'simulated'`) with everything.
 */
export function runtimeSupports(
  version: Pick<RuntimeVersion, 'runtimeName' | 'runtimeVersion'>,
  feature: RuntimeFeature,
): boolean {
  if (version.runtimeName === 'simulated') return true;
  const name =
    version.runtimeName === 'cri-o' ? 'cri-o' : version.runtimeName === 'containerd' ? 'containerd' : undefined;
  const needed = name && least[feature][name];
  if (needed === undefined) return false;
  const [major, minor] = numbers(version.runtimeVersion);
  const [neededMajor, neededMinor] = numbers(needed);
  return major > neededMajor || (major === neededMajor && minor >= neededMinor);
}
