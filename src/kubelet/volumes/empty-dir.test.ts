import { expect, it } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import { hugePageSize, memoryVolumeLimit } from './empty-dir.ts';

it.each([
  ['64Mi', ['100Mi', '100Mi'], [], undefined, 64],
  [undefined, ['100Mi', '50Mi'], [], undefined, 150],
  [undefined, ['100Mi', undefined], [], undefined, 1024],
  [undefined, ['100Mi'], ['300Mi'], undefined, 300],
  [undefined, ['100Mi'], [undefined], undefined, 1024],
  [undefined, [undefined], [], '200Mi', 200],
  ['0', ['100Mi'], [], undefined, 100],
  ['4Gi', [undefined], [], undefined, 1024],
])(
  'in memory, of size %s, containers limited to %j, init to %j, pod to %s: %i Mi',
  (sizeLimit, limits, init, ofPod, expected) => {
    const limited = (memory: string | undefined): object =>
      memory ? { limits: { memory }, requests: { memory } } : {};
    const pod = {
      spec: {
        containers: limits.map((memory) => ({ name: 'c', resources: limited(memory) })),
        initContainers: init.map((memory) => ({ name: 'i', resources: limited(memory) })),
        resources: limited(ofPod),
      },
    } as unknown as Pod;
    expect(memoryVolumeLimit(pod, sizeLimit, '1Gi')).toBe(expected * 2 ** 20);
  },
);

const asking = (...names: string[]): Pod =>
  ({
    spec: { containers: names.map((name) => ({ name: 'c', resources: { requests: { [name]: '1Gi' } } })) },
  }) as unknown as Pod;

it('takes the page size from the medium, or from what is asked for', () => {
  expect(hugePageSize(asking('hugepages-2Mi', 'cpu'), 'HugePages')).toBe('2Mi');
  expect(hugePageSize(asking('hugepages-2Mi', 'hugepages-1Gi'), 'HugePages-1Gi')).toBe('1Gi');
  expect(hugePageSize(asking('hugepages-1Gi'), 'HugePages-1024Mi')).toBe('1Gi');
  expect(() => hugePageSize(asking('hugepages-2Mi', 'hugepages-1Gi'), 'HugePages')).toThrow(
    "medium: HugePages can't be used if container requests multiple huge page sizes",
  );
  expect(() => hugePageSize(asking('hugepages-2Mi'), 'HugePages-1Gi')).toThrow(
    'medium HugePages-1Gi: hugePages storage requested, but there is no resource request for huge pages',
  );
});
