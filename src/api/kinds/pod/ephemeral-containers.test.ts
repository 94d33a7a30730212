import { expect, it } from 'vitest';
import type { EphemeralContainer, Pod } from '../../generated/types.ts';
import { fieldErrorText } from '../../meta/errors.ts';
import { setPodDefaults } from './defaults.ts';
import { podEphemeralContainersStrategy } from './ephemeral-containers.ts';
import { configMirrorAnnotation } from '../../pod/static-pod.ts';

const context = { now: 0, user: 'u', dryRun: false, allowPrivileged: true };

function podWith(ephemeralContainers: object[], metadata: object = {}, spec: object = {}): Pod {
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'd', resourceVersion: '1', generation: 1, ...metadata },
    spec: {
      containers: [{ name: 'a', image: 'i' }],
      initContainers: [{ name: 'i', image: 'i' }],
      ephemeralContainers: ephemeralContainers as EphemeralContainer[],
      nodeName: 'n',
      ...spec,
    },
    status: { phase: 'Running', qosClass: 'BestEffort' },
  };
  setPodDefaults(pod);
  return pod;
}

function change(old: Pod, pod: Pod): { pod: Pod; errors: string[] } {
  podEphemeralContainersStrategy.prepareForUpdate?.(pod, old, context);
  return { pod, errors: podEphemeralContainersStrategy.validateUpdate(pod, old, context).map(fieldErrorText) };
}

const e = (name: string, more: object = {}): object => ({ name, image: 'i', ...more });

it('adds containers, and changes nothing else', () => {
  const old = podWith([], { labels: { a: 'b' }, finalizers: ['x/y'] });
  const asked = podWith(
    [e('d', { targetContainerName: 'a', stdin: true, tty: true })],
    { labels: { a: 'c' } },
    { nodeName: 'm' },
  );
  const { pod, errors } = change(old, { ...asked, status: { phase: 'Failed' } });
  expect(errors).toEqual([]);
  expect(pod.metadata).toMatchObject({ generation: 2, labels: { a: 'b' }, finalizers: ['x/y'] });
  expect(pod.spec?.nodeName).toBe('n');
  expect(pod.status).toEqual(old.status);
  expect(pod.spec?.ephemeralContainers?.[0]).toMatchObject({
    name: 'd',
    terminationMessagePolicy: 'File',
    imagePullPolicy: 'Always',
  });
});

it('leaves the generation where nothing is added', () => {
  const { pod, errors } = change(podWith([e('d')]), podWith([e('d')]));
  expect([pod.metadata?.generation, errors]).toEqual([1, []]);
});

const at = 'spec.ephemeralContainers';
it.each<[string, object[], object[], string[]]>([
  [
    'a removed one',
    [e('d'), e('f')],
    [e('f')],
    [`${at}: Forbidden: existing ephemeral containers "d" may not be removed\n`],
  ],
  ['another order', [e('d'), e('f')], [e('f'), e('d')], []],
  ['a name twice', [e('d')], [e('d'), e('d')], [`${at}[1].name: Duplicate value: "d"`]],
  ['a name of an app container', [], [e('a')], [`${at}[0].name: Duplicate value: "a"`]],
  ['an unknown target', [], [e('d', { targetContainerName: 'x' })], [`${at}[0].targetContainerName: Not found: "x"`]],
  ['itself as target', [], [e('d', { targetContainerName: 'd' })], [`${at}[0].targetContainerName: Not found: "d"`]],
  [
    'resources',
    [],
    [e('d', { resources: { limits: { cpu: '1' } } })],
    [`${at}[0].resources: Forbidden: cannot be set for an Ephemeral Container`],
  ],
  [
    'probes',
    [],
    [e('d', { livenessProbe: { exec: { command: ['x'] } } })],
    [`${at}[0].livenessProbe: Forbidden: cannot be set for an Ephemeral Container`],
  ],
  ['no image', [], [e('d', { image: '' })], [`${at}[0].image: Required value`]],
])('%s', (_, before, after, errors) => {
  expect(change(podWith(before), podWith(after)).errors).toEqual(errors);
});

it('shows what was changed of one that is there', () => {
  const [error = '', ...rest] = change(podWith([e('d')]), podWith([e('d', { image: 'j' })])).errors;
  expect(rest).toEqual([]);
  expect(error).toContain(`${at}: Forbidden: existing ephemeral containers "d" may not be changed\n`);
  expect(error).toMatch(/\n-\s+"Image": "i",\n\+\s+"Image": "j",\n/);
});

it('is privileged only where the server lets it', () => {
  const asked = podWith([e('d', { securityContext: { privileged: true } })]);
  const refusing = { ...context, allowPrivileged: false };
  const errors = podEphemeralContainersStrategy.validateUpdate(asked, podWith([]), refusing).map(fieldErrorText);
  expect(errors).toEqual([`${at}[0].securityContext.privileged: Forbidden: disallowed by cluster policy`]);
});

it('is not for static pods', () => {
  const annotations = { [configMirrorAnnotation]: 'x' };
  expect(change(podWith([], { annotations }), podWith([e('d')])).errors).toEqual([
    '[]: Forbidden: static pods do not support ephemeral containers',
  ]);
});
