import { describe, expect, test } from 'vitest';
import { parseGoDuration } from '../../api/meta/go-format.ts';
import { type EvictionOptions, parseEvictionConfig, unitsOf, withContainerFs } from './thresholds.ts';

const read = (options: EvictionOptions): string[] =>
  parseEvictionConfig(options).thresholds.map(({ signal, value, gracePeriodMs, minReclaim }) => {
    const amount = 'units' in value ? value.units : `${(value.share * 100).toFixed(1)}%`;
    const more = minReclaim && 'units' in minReclaim ? ` +${minReclaim.units}` : '';
    return `${signal} ${amount} ${gracePeriodMs}${more}`;
  });

test("upstream's defaults", () => {
  expect(read({})).toEqual([
    'memory.available 104857600 0',
    'nodefs.available 10.0% 0',
    'nodefs.inodesFree 5.0% 0',
    'imagefs.available 15.0% 0',
    'imagefs.inodesFree 5.0% 0',
    'allocatableMemory.available 104857600 0',
  ]);
  expect(parseEvictionConfig({})).toMatchObject({ maxPodGraceSeconds: 0, pressureTransitionMs: 300_000 });
});

test('what is set replaces the defaults; soft thresholds come with their periods', () => {
  const options = {
    evictionHard: 'memory.available<1Gi, pid.available<100',
    evictionSoft: 'memory.available<2Gi',
    evictionSoftGracePeriod: 'memory.available=1m30s',
    evictionMinimumReclaim: 'memory.available=500Mi',
    evictionMaxPodGracePeriod: 7,
    evictionPressureTransitionPeriod: '30s',
  };
  expect(read(options)).toEqual([
    'memory.available 1073741824 0 +524288000',
    'pid.available 100 0',
    'memory.available 2147483648 90000 +524288000',
    'allocatableMemory.available 1073741824 0 +524288000',
  ]);
  expect(parseEvictionConfig(options)).toMatchObject({ maxPodGraceSeconds: 7, pressureTransitionMs: 30_000 });
});

test('none at all, by an empty text or by shares that mean nothing', () => {
  expect(read({ evictionHard: '' })).toEqual([]);
  expect(read({ evictionHard: 'nodefs.available<0%,imagefs.available<100%' })).toEqual([]);
});

describe('refused, in words that say why', () => {
  test.each<[EvictionOptions, string]>([
    [{ evictionHard: 'memory.available' }, 'malformed pair "memory.available", expect signal<value'],
    [{ evictionHard: 'disk<1' }, 'unsupported eviction signal disk'],
    [{ evictionHard: 'memory.available<0' }, 'eviction threshold memory.available must be positive: 0'],
    [{ evictionHard: 'memory.available<-1Gi' }, 'eviction threshold memory.available must be positive: -1Gi'],
    [{ evictionHard: 'nodefs.available<-5%' }, 'eviction percentage threshold nodefs.available must be >= 0%: -5%'],
    [{ evictionHard: 'nodefs.available<101%' }, 'eviction percentage threshold nodefs.available must be <= 100%: 101%'],
    [{ evictionHard: 'nodefs.available<x%' }, 'invalid percentage "x%"'],
    [
      { evictionSoft: 'memory.available<1Gi' },
      'grace period must be specified for the soft eviction threshold memory.available',
    ],
    [
      { evictionSoftGracePeriod: 'memory.available=-1s' },
      'invalid eviction grace period specified: -1s, must be a positive value',
    ],
    [{ evictionSoftGracePeriod: 'memory.available=soon' }, 'invalid duration "soon"'],
    [
      { evictionMinimumReclaim: 'nodefs.available=0%' },
      'eviction percentage minimum reclaim nodefs.available must be positive: 0%',
    ],
    [
      { evictionMinimumReclaim: 'nodefs.available=-1' },
      'negative eviction minimum reclaim specified for nodefs.available',
    ],
  ])('%j', (options, message) => expect(() => parseEvictionConfig(options)).toThrow(message));
});

test('a share is kept in 32 bits, so that amounts agree with upstream to the byte', () => {
  const [threshold] = parseEvictionConfig({ evictionHard: 'nodefs.available<10%' }).thresholds;
  // As an event of a kubelet with a disk of that size said.
  expect(threshold && unitsOf(threshold.value, 97_828_376_576)).toBe(9_782_837_803);
});

test('the file system of layers has the thresholds of the one it lies on, whatever was set', () => {
  const { thresholds } = parseEvictionConfig({
    evictionHard: 'nodefs.available<1,imagefs.available<2,imagefs.inodesFree<3,containerfs.available<9',
  });
  const layers = (dedicatedImageFs: boolean, splitContainerFs: boolean): unknown[] =>
    withContainerFs(thresholds, { dedicatedImageFs, splitContainerFs })
      .filter(({ signal }) => signal.startsWith('containerfs'))
      .map(({ signal, value }) => [signal, 'text' in value ? value.text : value.share]);
  expect(layers(false, false)).toEqual([['containerfs.available', '1']]);
  expect(layers(true, false)).toEqual([
    ['containerfs.available', '2'],
    ['containerfs.inodesFree', '3'],
  ]);
  expect(layers(true, true)).toEqual([['containerfs.available', '1']]);
});

test.each<[string, number | undefined]>([
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['250ms', 250],
  ['-2s', -2000],
  ['0', 0],
  ['', undefined],
  ['5', undefined],
  ['5x', undefined],
  ['1s2', undefined],
])('parseGoDuration(%j)', (text, ms) => expect(parseGoDuration(text)).toBe(ms));
