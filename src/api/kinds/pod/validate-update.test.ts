import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec, PodStatus } from '../../generated/types.ts';
import { fieldErrorText } from '../../meta/errors.ts';
import { checkObject } from '../../schema/decode.ts';
import { loadSchema } from '../../schema/load.ts';
import { setPodDefaults } from './defaults.ts';
import { podStatusStrategy, podStrategy } from './strategy.ts';

const context = { now: 0, user: 'u', dryRun: false, allowPrivileged: true };

function podWith(spec: object, status: PodStatus = {}): Pod {
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'd', resourceVersion: '1', generation: 1 },
    spec: { containers: [{ name: 'a', image: 'i' }], ...spec } as PodSpec,
    status: { phase: 'Pending', qosClass: 'BestEffort', ...status },
  };
  checkObject(loadSchema(), 'io.k8s.api.core.v1.Pod', pod);
  setPodDefaults(pod);
  return pod;
}

function update(before: object, after: object): { errors: string[]; generation: number | undefined } {
  const [old, pod] = [podWith(before), podWith(after)];
  podStrategy.prepareForUpdate?.(pod, old, context);
  return {
    errors: podStrategy.validateUpdate(pod, old, context).map(fieldErrorText),
    generation: pod.metadata?.generation,
  };
}

describe('what may change', () => {
  it.each<[object, object]>([
    [{}, { containers: [{ name: 'a', image: 'j' }] }],
    [{}, { activeDeadlineSeconds: 5 }],
    [{ activeDeadlineSeconds: 5 }, { activeDeadlineSeconds: 4 }],
    [
      { tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoExecute' }] },
      {
        tolerations: [
          { key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 9 },
          { key: 'b', operator: 'Exists' },
        ],
      },
    ],
    [{ schedulingGates: [{ name: 'g' }] }, {}],
    [{ schedulingGates: [{ name: 'g' }] }, { schedulingGates: [{ name: 'g' }], nodeSelector: { a: 'b' } }],
  ])('%j to %j', (before, after) => {
    expect(update(before, after)).toEqual({ errors: [], generation: 2 });
  });
  it('takes zero values for absent ones', () => {
    expect(
      update({}, { hostNetwork: false, nodeName: '', containers: [{ name: 'a', image: 'i', tty: false, env: [] }] }),
    ).toEqual({ errors: [], generation: 1 });
  });
});

describe('what may not', () => {
  it.each<[object, object, string]>([
    [
      {},
      {
        containers: [
          { name: 'a', image: 'i' },
          { name: 'b', image: 'i' },
        ],
      },
      'spec.containers: Forbidden: pod updates may not add or remove containers',
    ],
    [
      { activeDeadlineSeconds: 5 },
      { activeDeadlineSeconds: 6 },
      'spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value',
    ],
    [
      { activeDeadlineSeconds: 5 },
      {},
      'spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value',
    ],
    [
      { tolerations: [{ key: 'a', operator: 'Exists' }] },
      {},
      'spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds',
    ],
    [
      {},
      { schedulingGates: [{ name: 'g' }] },
      "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'g'",
    ],
    [
      { schedulingGates: [{ name: 'g' }], nodeSelector: { a: 'b' } },
      { schedulingGates: [{ name: 'g' }] },
      'spec.nodeSelector: Invalid value: {}: only additions are allowed (no mutations or deletions)',
    ],
    [
      {},
      { hostname: 'h' },
      [
        'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
        '@@ -63,7 +63,7 @@',
        '  "AppArmorProfile": null,',
        '  "SELinuxChangePolicy": null',
        ' },',
      ]
        .join('\n')
        .slice(0, 300),
    ],
  ])('%j to %j', (before, after, error) => {
    const { errors } = update(before, after);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.slice(0, error.length)).toBe(error);
  });
  it('shows the difference', () => {
    const [error] = update({}, { hostname: 'h' }).errors;
    expect(error?.split('\n').slice(1)).toEqual([
      '@@ -64,7 +64,7 @@',
      '   "SELinuxChangePolicy": null',
      '  },',
      '  "ImagePullSecrets": null,',
      '- "Hostname": "",',
      '+ "Hostname": "h",',
      '  "Subdomain": "",',
      '  "SetHostnameAsFQDN": null,',
      '  "Affinity": null,',
      '',
    ]);
  });
});

describe('status', () => {
  const ended = (exitCode: number): PodStatus => ({
    containerStatuses: [
      { name: 'a', image: '', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode } } },
    ],
  });
  const running: PodStatus = {
    containerStatuses: [{ name: 'a', image: '', imageID: '', ready: true, restartCount: 0, state: { running: {} } }],
  };
  const change = (spec: object, before: PodStatus, after: PodStatus): string[] => {
    const [old, pod] = [podWith(spec, before), podWith(spec, after)];
    podStatusStrategy.prepareForUpdate?.(pod, old, context);
    return podStatusStrategy.validateUpdate(pod, old, context).map(fieldErrorText);
  };
  const stays = 'status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state';
  it.each<[string, object, PodStatus, PodStatus, string[]]>([
    ['Always', {}, ended(1), running, []],
    ['Never', { restartPolicy: 'Never' }, ended(1), running, [stays]],
    ['OnFailure after failure', { restartPolicy: 'OnFailure' }, ended(1), running, []],
    ['OnFailure after success', { restartPolicy: 'OnFailure' }, ended(0), running, [stays]],
    ['its own policy', { containers: [{ name: 'a', image: 'i', restartPolicy: 'Never' }] }, ended(1), running, [stays]],
    [
      'a rule',
      {
        containers: [
          {
            name: 'a',
            image: 'i',
            restartPolicy: 'Never',
            restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [1] } }],
          },
        ],
      },
      ended(1),
      running,
      [],
    ],
    [
      'two of a family',
      {},
      {},
      { podIPs: [{ ip: '1.1.1.1' }, { ip: '1.1.1.2' }] },
      [
        'status.podIPs: Invalid value: [{"IP":"1.1.1.1"},{"IP":"1.1.1.2"}]: may specify no more than one IP for each IP family',
      ],
    ],
    ['dual stack', {}, {}, { podIPs: [{ ip: '1.1.1.1' }, { ip: 'fd00::1' }] }, []],
    [
      'host address',
      {},
      {},
      { hostIP: '1.1.1.1', hostIPs: [{ ip: '1.1.1.2' }] },
      ['status.hostIPs[0].ip: Invalid value: "1.1.1.2": must be equal to `hostIP`'],
    ],
    [
      'nominated when bound',
      { nodeName: 'n' },
      {},
      { nominatedNodeName: 'm' },
      ['status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node'],
    ],
  ])('%s', (_name, spec, before, after, errors) => {
    expect(change(spec, before, after)).toEqual(errors);
  });
  it('keeps the spec, the class and observed generations', () => {
    const old = podWith(
      {},
      { observedGeneration: 3, conditions: [{ type: 'Ready', status: 'True', observedGeneration: 2 }] },
    );
    const pod = podWith({ hostname: 'h' }, { conditions: [{ type: 'Ready', status: 'False' }] });
    delete pod.status?.qosClass;
    podStatusStrategy.prepareForUpdate?.(pod, old, context);
    expect(pod.spec).toEqual(old.spec);
    expect(pod.status).toEqual({
      phase: 'Pending',
      qosClass: 'BestEffort',
      observedGeneration: 3,
      conditions: [{ type: 'Ready', status: 'False', observedGeneration: 2 }],
    });
  });
});

describe('deletion', () => {
  it.each<[string, object, PodStatus, { gracePeriodSeconds?: number }, number]>([
    ['not placed', {}, {}, {}, 0],
    ['placed', { nodeName: 'n' }, {}, {}, 30],
    ['asked', { nodeName: 'n' }, {}, { gracePeriodSeconds: 5 }, 5],
    ['forced', { nodeName: 'n' }, {}, { gracePeriodSeconds: 0 }, 0],
    ['negative', { nodeName: 'n', terminationGracePeriodSeconds: -5 }, {}, {}, 1],
    ['ended', { nodeName: 'n' }, { phase: 'Failed' }, {}, 0],
  ])('%s', (_name, spec, status, request, seconds) => {
    expect(podStrategy.gracePeriod?.(podWith(spec, status), request)).toBe(seconds);
  });
});
