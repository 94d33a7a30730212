import { describe, expect, it } from 'vitest';
import { testKind } from '../test-kind.ts';
import { podTemplateKind } from './definition.ts';

const { create, update, row } = testKind(podTemplateKind);
const containers = [{ name: 'c', image: 'i:1', resources: { limits: { memory: '1024Ki' } } }];
const of = (spec: object = {}, metadata: object = {}) => ({ template: { metadata, spec: { containers, ...spec } } });

describe('PodTemplate', () => {
  it('gets the defaults of the spec of a pod, but for what only pods get', () => {
    const { object, errors } = create(of({ hostNetwork: true }));
    expect(errors).toEqual([]);
    expect(object['template']).toMatchObject({
      spec: {
        restartPolicy: 'Always',
        dnsPolicy: 'ClusterFirst',
        schedulerName: 'default-scheduler',
        terminationGracePeriodSeconds: 30,
        securityContext: {},
        containers: [{ imagePullPolicy: 'IfNotPresent', resources: { limits: { memory: '1Mi' } } }],
      },
    });
    expect(object['template']).not.toHaveProperty('spec.enableServiceLinks');
    expect(object['template']).not.toHaveProperty('spec.containers[0].resources.requests');
  });

  it.each([
    [{}, ['template.spec.containers: Required value']],
    [of({}, { labels: { 'a b': 'c' } }), [expect.stringContaining('template.labels: Invalid value: "a b"')]],
    [
      of({ containers: [{ name: 'C', image: 'i' }] }),
      [expect.stringContaining('template.spec.containers[0].name: Invalid value: "C"')],
    ],
    [
      of({ ephemeralContainers: [{ name: 'e', image: 'i' }] }),
      ['template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template'],
    ],
    [
      of({}, { annotations: { 'controller.kubernetes.io/pod-deletion-cost': 'x' } }),
      ['template.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "x": must be a 32bit integer'],
    ],
    [
      of(
        { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } },
        { annotations: { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' } },
      ),
      ['template.spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match'],
    ],
  ])('%#', (object, errors) => {
    expect(create(object).errors).toEqual(errors);
  });

  it('warns as its pods would, and of what is dropped', () => {
    const lifecycle = { stopSignal: 'SIGTERM' };
    expect(
      create(of({ nodeSelector: { 'beta.kubernetes.io/os': 'linux' }, containers: [{ ...containers[0], lifecycle }] }))
        .warnings,
    ).toEqual([
      expect.stringContaining('template.spec.containers[0].lifecycle.stopSignal: accepted but not acted on'),
      'template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
    ]);
  });

  it('counts changes of the template', () => {
    expect(update(of(), of()).object.metadata?.generation).toBe(1);
    expect(update(of(), of({ hostname: 'h' })).object.metadata?.generation).toBe(2);
  });

  it('prints its containers and labels', () => {
    const two = [...containers, { name: 'd', image: 'j' }];
    expect(row(of({ containers: two }, { labels: { b: '2', a: '1' } }))).toEqual(['x', 'c,d', 'i:1,j', 'a=1,b=2']);
    expect(row(of())).toEqual(['x', 'c', 'i:1', '<none>']);
  });
});
