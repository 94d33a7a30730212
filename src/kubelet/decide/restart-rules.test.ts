import { expect, it } from 'vitest';
import type { Container, ContainerRestartRule, Pod, PodSpec } from '../../api/generated/types.ts';
import { type ContainerKind, restartsAfter } from './restart-rules.ts';

const on = (action: string, operator: string, ...values: number[]): ContainerRestartRule => ({
  action,
  exitCodes: { operator, values },
});

it.each<[NonNullable<PodSpec['restartPolicy']>, ContainerKind, Partial<Container>, number, boolean]>([
  ['Always', 'container', {}, 0, true],
  ['OnFailure', 'container', {}, 0, false],
  ['OnFailure', 'container', {}, 1, true],
  ['Never', 'container', {}, 1, false],
  ['Always', 'container', { restartPolicy: 'Never' }, 1, false],
  ['Never', 'container', { restartPolicy: 'OnFailure' }, 1, true],
  ['Never', 'container', { restartPolicy: 'Never', restartPolicyRules: [on('Restart', 'In', 42)] }, 42, true],
  ['Never', 'container', { restartPolicy: 'Never', restartPolicyRules: [on('Restart', 'In', 42)] }, 1, false],
  ['Never', 'container', { restartPolicy: 'Never', restartPolicyRules: [on('Restart', 'NotIn', 42)] }, 1, true],
  ['Always', 'init', {}, 0, false],
  ['Always', 'init', {}, 1, true],
  ['OnFailure', 'init', {}, 1, true],
  ['Never', 'init', {}, 1, false],
  ['Never', 'init', { restartPolicy: 'Always' }, 0, true],
  ['Never', 'init', { restartPolicy: 'Never', restartPolicyRules: [on('Restart', 'In', 3)] }, 3, true],
  ['Always', 'init', { restartPolicy: 'Never' }, 1, false],
  ['Always', 'ephemeral', {}, 1, false],
])(
  'in a pod that restarts %s, a container of kind %s with %j that ends with %i: %s',
  (policy, kind, fields, code, again) => {
    const container: Container = { name: 'c', ...fields };
    const pod: Pod = { spec: { restartPolicy: policy, containers: [container] } };
    expect(restartsAfter(pod, container, kind, code)).toBe(again);
  },
);
