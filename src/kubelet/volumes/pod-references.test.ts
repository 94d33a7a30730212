import { expect, it } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import { podReferences } from './pod-references.ts';

it('finds every ConfigMap and Secret once', () => {
  const pod = {
    spec: {
      imagePullSecrets: [{ name: 'pull' }, {}],
      initContainers: [{ name: 'i', envFrom: [{ configMapRef: { name: 'a' } }, { secretRef: { name: 's1' } }] }],
      containers: [
        {
          name: 'c',
          env: [
            { name: 'X', valueFrom: { configMapKeyRef: { name: 'b', key: 'k' } } },
            { name: 'Y', valueFrom: { secretKeyRef: { name: 's1', key: 'k' } } },
            { name: 'Z', value: 'z' },
          ],
        },
      ],
      ephemeralContainers: [{ name: 'e', envFrom: [{ configMapRef: { name: 'dbg' } }] }],
      volumes: [
        { name: '1', configMap: { name: 'a' } },
        { name: '2', secret: { secretName: 's2' } },
        { name: '3', emptyDir: {} },
        {
          name: '4',
          projected: { sources: [{ configMap: { name: 'p' } }, { secret: { name: 's3' } }, { downwardAPI: {} }] },
        },
      ],
    },
  } as unknown as Pod;
  expect(podReferences(pod).map(({ kind, name }) => `${kind}/${name}`)).toEqual([
    'secret/pull',
    'configmap/a',
    'secret/s1',
    'configmap/b',
    'configmap/dbg',
    'secret/s2',
    'configmap/p',
    'secret/s3',
  ]);
  expect(podReferences({})).toEqual([]);
});
