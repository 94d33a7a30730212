import { expect, test } from 'vitest';
import type { AppArmorProfile, Pod, PodSpec } from '../../generated/types.ts';
import { appArmorFromAnnotations } from './apparmor-annotations.ts';

const key = 'container.apparmor.security.beta.kubernetes.io/c';
const warning = `metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`;

test.each<[string, Partial<PodSpec>, AppArmorProfile | undefined, string[]]>([
  ['runtime/default', {}, { type: 'RuntimeDefault' }, [warning]],
  ['unconfined', {}, { type: 'Unconfined' }, [warning]],
  ['localhost/strict', {}, { type: 'Localhost', localhostProfile: 'strict' }, [warning]],
  ['localhost/', {}, undefined, [warning]],
  ['else', {}, undefined, [warning]],
  ['runtime/default', { os: { name: 'windows' } }, undefined, []],
  ['unconfined', { securityContext: { appArmorProfile: { type: 'Unconfined' } } }, undefined, []],
  [
    'unconfined',
    { containers: [{ name: 'c', securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } }] },
    { type: 'RuntimeDefault' },
    [],
  ],
  ['runtime/default', { containers: [{ name: 'd' }] }, undefined, []],
])('%s in %j', (annotation, spec, profile, expected) => {
  const pod: Pod = { metadata: { annotations: { [key]: annotation } }, spec: { containers: [{ name: 'c' }], ...spec } };
  const warnings: string[] = [];
  appArmorFromAnnotations(pod, (text) => warnings.push(text));
  expect(pod.spec?.containers[0]?.securityContext?.appArmorProfile).toEqual(profile);
  expect(warnings).toEqual(expected);
});
