import { expect, test } from 'vitest';
import { type RuntimeFeature, runtimeSupports } from './runtime-supports.ts';

const cases: [string, string, RuntimeFeature, boolean][] = [
  ['containerd', '1.6.20~ds1', 'recursiveReadOnly', false],
  ['containerd', '1.6.20~ds1', 'containerEvents', false],
  ['containerd', 'v1.7.24', 'containerEvents', true],
  ['containerd', 'v1.7.24', 'recursiveReadOnly', false],
  ['containerd', '2.0.0', 'recursiveReadOnly', true],
  ['containerd', '2.0.0', 'imageVolumes', false],
  ['containerd', '2.1.3', 'imageVolumes', true],
  ['containerd', '10.0.0', 'stopSignal', true],
  ['containerd', '2.3.0', 'ambientCapabilities', false],
  ['containerd', 'unknown', 'cdiDevices', false],
  ['cri-o', '1.33.1', 'stopSignal', true],
  ['simulated', '0', 'stopSignal', true],
  ['dockershim', '99.0', 'cdiDevices', false],
];
test.each(cases)('%s %s %s: %s', (runtimeName, runtimeVersion, feature, expected) => {
  expect(runtimeSupports({ runtimeName, runtimeVersion }, feature)).toBe(expected);
});
