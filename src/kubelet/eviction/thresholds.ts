// Eviction thresholds: what they are, upstream's defaults, and their reading from options. Pure.
// Follows pkg/kubelet/eviction/helpers.go and api/types.go, pkg/kubelet/apis/config/v1beta1/defaults_linux.go of v1.36.

import { parseGoDuration } from '../../api/meta/go-format.ts';
import { bytes, canonicalQuantity, parseQuantity } from '../../api/meta/quantity.ts';

/** What is watched. */
export type Signal =
  | 'memory.available'
  | 'allocatableMemory.available'
  | 'nodefs.available'
  | 'nodefs.inodesFree'
  | 'imagefs.available'
  | 'imagefs.inodesFree'
  | 'containerfs.available'
  | 'containerfs.inodesFree'
  | 'pid.available';

export type PressureCondition = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';
/** What is short; as messages name it. */
export type StarvedResource = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';

interface SignalFacts {
  condition: PressureCondition;
  resource: StarvedResource;
}

const disk: SignalFacts = { condition: 'DiskPressure', resource: 'ephemeral-storage' };
const inodes: SignalFacts = { condition: 'DiskPressure', resource: 'inodes' };
const memory: SignalFacts = { condition: 'MemoryPressure', resource: 'memory' };

export const signalFacts: Readonly<Record<Signal, SignalFacts>> = {
  'memory.available': memory,
  'allocatableMemory.available': memory,
  'nodefs.available': disk,
  'nodefs.inodesFree': inodes,
  'imagefs.available': disk,
  'imagefs.inodesFree': inodes,
  'containerfs.available': disk,
  'containerfs.inodesFree': inodes,
  'pid.available': { condition: 'PIDPressure', resource: 'pids' },
};

const isSignal = (text: string): text is Signal => Object.hasOwn(signalFacts, text);

/** An amount, or a share of what there is in all (a float32, as upstream keeps it). */
export type ThresholdValue =
  /** `text`: as messages print it. */
  { units: number; text: string } | { share: number };

export interface Threshold {
  signal: Signal;
  value: ThresholdValue;
  /** How much more than the value must be free again before the threshold counts as resolved. */
  minReclaim?: ThresholdValue;
  /** How long it must be met before it counts; 0 for a hard threshold. */
  gracePeriodMs: number;
}

export interface EvictionConfig {
  thresholds: readonly Threshold[];
  /** Most seconds that a pod is given at a soft threshold. */
  maxPodGraceSeconds: number;
  /** How long a condition stays after it was last observed. */
  pressureTransitionMs: number;
}

/** The options as users write them. Absent ones are upstream's defaults. */
export interface EvictionOptions {
  evictionHard?: string;
  evictionSoft?: string;
  evictionSoftGracePeriod?: string;
  evictionMinimumReclaim?: string;
  evictionMaxPodGracePeriod?: number;
  evictionPressureTransitionPeriod?: string;
}

export const defaultEvictionHard =
  'memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%';
export const defaultTransitionPeriod = '5m';

export const isHard = (threshold: Threshold): boolean => threshold.gracePeriodMs === 0;

/** How many units a value is of a capacity, cut to whole ones. */
export const unitsOf = (value: ThresholdValue, capacity: number): number =>
  'units' in value ? value.units : Math.trunc(capacity * value.share);

/** `a<b,c<d` or `a=b,c=d` as pairs. Throws an Error that quotes the bad part. */
function pairs(text: string, separator: '<' | '='): [Signal, string][] {
  const seen = new Map<Signal, string>();
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue;
    const at = part.indexOf(separator);
    if (at < 0) throw new Error(`malformed pair ${JSON.stringify(part)}, expect signal${separator}value`);
    const signal = part.slice(0, at).trim();
    if (!isSignal(signal)) throw new Error(`unsupported eviction signal ${signal}`);
    seen.set(signal, part.slice(at + 1).trim());
  }
  return [...seen];
}

/** Percentages are kept as upstream keeps them, in 32 bits: what is reckoned with them agrees to the byte. */
function parseShare(text: string): number {
  const percent = Number(text.slice(0, -1));
  if (text.length < 2 || Number.isNaN(percent)) throw new Error(`invalid percentage ${JSON.stringify(text)}`);
  return Math.fround(Math.fround(percent) / 100);
}

function parseThreshold(signal: Signal, text: string): ThresholdValue | undefined {
  if (text === '0%' || text === '100%') return undefined;
  if (text.endsWith('%')) {
    const share = parseShare(text);
    if (share < 0) throw new Error(`eviction percentage threshold ${signal} must be >= 0%: ${text}`);
    if (share > 1) throw new Error(`eviction percentage threshold ${signal} must be <= 100%: ${text}`);
    return { share };
  }
  if (parseQuantity(text).nanos <= 0n) throw new Error(`eviction threshold ${signal} must be positive: ${text}`);
  return { units: bytes(text), text: canonicalQuantity(text) };
}

function parseReclaim(signal: Signal, text: string): ThresholdValue {
  if (text.endsWith('%')) {
    const share = parseShare(text);
    if (share <= 0) throw new Error(`eviction percentage minimum reclaim ${signal} must be positive: ${text}`);
    return { share };
  }
  if (parseQuantity(text).nanos < 0n) throw new Error(`negative eviction minimum reclaim specified for ${signal}`);
  return { units: bytes(text), text: canonicalQuantity(text) };
}

function parseGrace(text: string): number {
  const ms = parseGoDuration(text);
  if (ms === undefined) throw new Error(`invalid duration ${JSON.stringify(text)}`);
  if (ms < 0) throw new Error(`invalid eviction grace period specified: ${text}, must be a positive value`);
  return ms;
}

/** The limit on all pods' memory together is the machine's, counted from what they may use: a hard memory threshold holds there too. */
const alsoForAllocatable = (thresholds: readonly Threshold[]): Threshold[] =>
  thresholds
    .filter((threshold) => threshold.signal === 'memory.available' && isHard(threshold))
    .map((threshold) => ({ ...threshold, signal: 'allocatableMemory.available' }));

/** Reads the options. Throws an Error in upstream's words. */
export function parseEvictionConfig(options: EvictionOptions): EvictionConfig {
  const reclaim = new Map(
    pairs(options.evictionMinimumReclaim ?? '', '=').map(([signal, text]) => [signal, parseReclaim(signal, text)]),
  );
  const grace = new Map(
    pairs(options.evictionSoftGracePeriod ?? '', '=').map(([signal, text]) => [signal, parseGrace(text)]),
  );
  const read = (text: string, graceOf: (signal: Signal) => number): Threshold[] =>
    pairs(text, '<').flatMap(([signal, written]) => {
      const value = parseThreshold(signal, written);
      const minReclaim = reclaim.get(signal);
      if (value === undefined) return [];
      return [{ signal, value, gracePeriodMs: graceOf(signal), ...(minReclaim === undefined ? {} : { minReclaim }) }];
    });
  const hard = read(options.evictionHard ?? defaultEvictionHard, () => 0);
  const soft = read(options.evictionSoft ?? '', (signal) => {
    const ms = grace.get(signal);
    if (ms === undefined) throw new Error(`grace period must be specified for the soft eviction threshold ${signal}`);
    return ms;
  });
  const period = options.evictionPressureTransitionPeriod ?? defaultTransitionPeriod;
  return {
    thresholds: [...hard, ...soft, ...alsoForAllocatable(hard)],
    maxPodGraceSeconds: options.evictionMaxPodGracePeriod ?? 0,
    // Zero means the default, as an unset field does upstream.
    pressureTransitionMs: parseGrace(period) || parseGrace(defaultTransitionPeriod),
  };
}

/**
 * The thresholds with those of the file system of containers' layers, which cannot be set: they are those of the images' where
 * layers lie beside the images on a file system of their own, else those of the pods' folders.
 */
export function withContainerFs(
  thresholds: readonly Threshold[],
  disks: { dedicatedImageFs: boolean; splitContainerFs: boolean },
): Threshold[] {
  const from = disks.dedicatedImageFs && !disks.splitContainerFs ? 'imagefs' : 'nodefs';
  const others = thresholds.filter(({ signal }) => !signal.startsWith('containerfs.'));
  const copies = others.flatMap((threshold): Threshold[] => {
    if (threshold.signal === `${from}.available`) return [{ ...threshold, signal: 'containerfs.available' }];
    return threshold.signal === `${from}.inodesFree` ? [{ ...threshold, signal: 'containerfs.inodesFree' }] : [];
  });
  return [...others, ...copies];
}
