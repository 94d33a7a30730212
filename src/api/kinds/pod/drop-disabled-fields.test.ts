import { describe, expect, it } from 'vitest';
import type { Container, Pod, PodTemplate, VolumeProjection } from '../../generated/types.ts';
import { fieldErrorText } from '../../meta/errors.ts';
import { podTemplateKind } from '../podtemplate/definition.ts';
import { setPodDefaults } from './defaults.ts';
import { podStrategy } from './strategy.ts';

const podWith = (container: Partial<Container>, init: Partial<Container> = {}): Pod => {
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'd' },
    spec: {
      containers: [{ name: 'c', image: 'i', ...container }],
      initContainers: [{ name: 'i', image: 'i', ...init }],
    },
  };
  setPodDefaults(pod);
  return pod;
};
const preStop = { sleep: { seconds: 1 } };

it.each<[string, Pod, warnings: string[], lifecycles: unknown[]]>([
  ['none', podWith({ lifecycle: { preStop } }), [], [undefined, { preStop }]],
  [
    'one beside a hook',
    podWith({ lifecycle: { preStop, stopSignal: 'SIGUSR1' } }),
    ['spec.containers[0].lifecycle.stopSignal: accepted but not acted on'],
    [undefined, { preStop }],
  ],
  [
    'of an init container, which may have no lifecycle',
    podWith({}, { lifecycle: { stopSignal: 'SIGTERM' } }),
    ['spec.initContainers[0].lifecycle.stopSignal: accepted but not acted on'],
    [undefined, undefined],
  ],
])('stop signals: %s', (_, pod, warnings, lifecycles) => {
  const warned: string[] = [];
  const context = {
    now: 0,
    user: 'u',
    dryRun: false,
    allowPrivileged: true,
    warn: (text: string) => warned.push(text),
  };
  podStrategy.prepareForCreate?.(pod, context);
  expect(warned).toEqual(warnings);
  expect([...pod.spec!.initContainers!, ...pod.spec!.containers].map(({ lifecycle }) => lifecycle)).toEqual(lifecycles);
  expect(podStrategy.validateCreate(pod, context).map(fieldErrorText)).toEqual([]);
});

describe('projected sources', () => {
  const clusterTrustBundle = { name: 'ca', path: 'ca.pem' };
  const podCertificate = { signerName: 'example.com/a', keyType: 'ED25519', keyPath: 'k' };
  const podOf = (...sources: VolumeProjection[]): Pod => ({
    ...podWith({}),
    spec: { ...podWith({}).spec!, volumes: [{ name: 'v', projected: { sources } }] },
  });
  const context = { now: 0, user: 'u', dryRun: false, allowPrivileged: true };
  const sourcesOf = (pod: Pod): unknown => pod.spec?.volumes?.[0]?.projected?.sources;

  it('of trust bundles and certificates go without a word of their gates', () => {
    const warned: string[] = [];
    const pod = podOf({ clusterTrustBundle }, { podCertificate });
    podStrategy.prepareForCreate?.(pod, { ...context, warn: (text) => warned.push(text) });
    expect(sourcesOf(pod)).toEqual([{}, {}]);
    expect(warned).toEqual([
      'spec.volumes[0].projected.sources[0].clusterTrustBundle: accepted but not acted on',
      'spec.volumes[0].projected.sources[1].podCertificate: accepted but not acted on',
    ]);
    expect(podStrategy.warnings?.(pod, undefined)).toContain('volume "v" (Projected) has no sources provided');
    expect(podStrategy.validateCreate(pod, context).map(fieldErrorText)).toEqual([]);
  });

  it('of trust bundles stay with their gate, and where the pod has had one before', () => {
    const gates = new Set(['ClusterTrustBundleProjection'] as const);
    const pod = podOf({ clusterTrustBundle });
    podStrategy.prepareForCreate?.(pod, { ...context, gates });
    expect(sourcesOf(pod)).toEqual([{ clusterTrustBundle }]);
    const update = structuredClone(pod);
    podStrategy.prepareForUpdate?.(update, pod, context);
    expect(sourcesOf(update)).toEqual([{ clusterTrustBundle }]);
  });

  it('of templates go like those of pods', () => {
    const object: PodTemplate = { metadata: { name: 't' }, template: podOf({ clusterTrustBundle }) };
    const warned: string[] = [];
    podTemplateKind.strategy.prepareForCreate?.(object, { ...context, warn: (text) => warned.push(text) });
    expect(object.template?.spec?.volumes?.[0]?.projected?.sources).toEqual([{}]);
    expect(warned).toEqual([
      'template.spec.volumes[0].projected.sources[0].clusterTrustBundle: accepted but not acted on',
    ]);
  });
});
