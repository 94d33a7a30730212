import { expect, it } from 'vitest';
import type { Container, Pod } from '../../generated/types.ts';
import { fieldErrorText } from '../../meta/errors.ts';
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
