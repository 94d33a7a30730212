// Tests what is written on containers and read back.
import { describe, expect, test } from 'vitest';
import {
  containerAnnotations,
  containerHash,
  containerLabels,
  containerRecordOf,
  ownerOf,
  sandboxLabels,
} from './runtime-labels.ts';

const pod = {
  metadata: { name: 'web', namespace: 'default', uid: 'u-1', labels: { app: 'web' }, deletionGracePeriodSeconds: 5 },
  spec: { terminationGracePeriodSeconds: 30, containers: [] },
};
const container = {
  name: 'nginx',
  image: 'nginx:1.25',
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File' as const,
};

describe('runtime labels', () => {
  test('a container is read back as what it was written', () => {
    expect(ownerOf(containerLabels(pod, container))).toEqual({
      name: 'web',
      namespace: 'default',
      uid: 'u-1',
      container: 'nginx',
    });
    expect(ownerOf(sandboxLabels(pod))).toEqual({ name: 'web', namespace: 'default', uid: 'u-1' });
    expect(sandboxLabels(pod)['app']).toBe('web');
    expect(containerRecordOf(containerAnnotations(pod, container, 3))).toEqual({
      hash: containerHash(container),
      restartCount: 3,
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
      podDeletionGracePeriod: 5,
      podTerminationGracePeriod: 30,
    });
  });

  test('something that is not a pod has no owner', () => expect(ownerOf({ a: 'b' })).toBeUndefined());

  test('the hash follows name and image only', () => {
    expect(containerHash({ ...container })).toBe(containerHash({ name: 'nginx', image: 'nginx:1.25' }));
    expect(containerHash({ name: 'nginx', image: 'nginx:1.26' })).not.toBe(containerHash(container));
    expect(containerHash(container)).toMatch(/^[0-9a-f]+$/);
  });
});
