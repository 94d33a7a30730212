import { expect, it } from 'vitest';
import type { Pod, PodSpec } from '../../generated/types.ts';
import { setPodDefaults } from './defaults.ts';
import { podWarnings } from './warnings.ts';

function warningsOf(spec: object, meta: object = {}): string[] {
  const pod: Pod = {
    metadata: { name: 'p', ...meta },
    spec: { containers: [{ name: 'a', image: 'i' }], ...spec } as PodSpec,
  };
  setPodDefaults(pod);
  return podWarnings(pod);
}
const container = (fields: object): object => ({ containers: [{ name: 'a', image: 'i', ...fields }] });

it.each<[object, string[]]>([
  [{}, []],
  [
    { nodeSelector: { 'beta.kubernetes.io/os': 'linux' } },
    ['spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
  ],
  // It is 1 by now, of a pod: of templates there is a warning.
  [{ terminationGracePeriodSeconds: -1 }, []],
  [
    {
      volumes: [
        { name: 'v', ephemeral: { volumeClaimTemplate: { spec: { resources: { requests: { storage: '0.5' } } } } } },
      ],
    },
    [
      'spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources.requests[storage]: fractional byte value "500m" is invalid, must be an integer',
    ],
  ],
  [
    { volumes: [{ name: 'v', projected: { sources: [{}, { configMap: { name: 'c' } }] } }] },
    ['volume "v" (Projected) has no sources provided'],
  ],
  [{ hostAliases: [{ ip: '1.1.1.1' }, { ip: '1.1.1.1' }] }, ['spec.hostAliases[1].ip: duplicate ip "1.1.1.1"']],
  [
    container({ resources: { limits: { memory: '1500m' } } }),
    [
      'spec.containers[0].resources.limits[memory]: fractional byte value "1500m" is invalid, must be an integer',
      'spec.containers[0].resources.requests[memory]: fractional byte value "1500m" is invalid, must be an integer',
    ],
  ],
  [
    container({
      env: [
        { name: 'X', value: 'a' },
        { name: 'X', value: 'b' },
        { name: 'X', value: '$(X)c' },
      ],
    }),
    ['spec.containers[0].env[1]: hides previous definition of "X", which may be dropped when using apply'],
  ],
  [
    container({ ports: [{ containerPort: 80 }, { name: 'b', containerPort: 80 }] }),
    ['spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]'],
  ],
  [
    container({ ports: [{ containerPort: 80, hostIP: '1.1.1.1' }] }),
    [
      'spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:1.1.1.1}',
    ],
  ],
  [container({ livenessProbe: { exec: { command: ['x'] } }, lifecycle: { preStop: { sleep: { seconds: 1 } } } }), []],
  [
    {
      volumes: [
        { name: 'a', emptyDir: {} },
        { name: 'b', nfs: { server: 's', path: '/' } },
      ],
    },
    ['spec.volumes[1].nfs: accepted but not acted on'],
  ],
])('%j', (spec, warnings) => {
  expect(warningsOf(spec)).toEqual(warnings);
});

it('warns of names that make poor hostnames', () => {
  expect(warningsOf({}, { name: 'a.b' })).toEqual([
    "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
  ]);
});

it('stops at a hundred ports that clash', () => {
  const ports = Array.from({ length: 20_000 }, () => ({ containerPort: 1 }));
  const started = performance.now();
  const count = warningsOf(container({ ports })).filter((text) => text.includes('duplicate port definition')).length;
  expect(count).toBeGreaterThanOrEqual(100);
  expect(count).toBeLessThan(300);
  expect(performance.now() - started).toBeLessThan(2_000);
});
