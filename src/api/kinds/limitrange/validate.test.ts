import { expect, it } from 'vitest';
import type { LimitRange } from '../../generated/types.ts';
import { fieldErrorText } from '../../meta/errors.ts';
import { limitRangeKind } from './definition.ts';
import { validateLimitRange } from './validate.ts';

const range = (...limits: object[]): LimitRange => ({
  metadata: { name: 'r', namespace: 'n' },
  spec: { limits } as never,
});

it.each<[object[], string[]]>([
  [[{ type: 'Container', max: { cpu: '1' } }, { type: 'Pod', min: { memory: '1' } }, { type: 'example.com/x' }], []],
  [[{ type: 'Box' }], ['spec.limits[0].type: Invalid value: "Box": must be a standard limit type or fully qualified']],
  [[{ type: 'Pod' }, { type: 'Pod' }], ['spec.limits[1].type: Duplicate value: "Pod"']],
  [
    [{ type: 'Pod', default: { cpu: '1' }, defaultRequest: { cpu: '1' } }],
    [
      "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
      "spec.limits[0].defaultRequest: Forbidden: may not be specified when `type` is 'Pod'",
    ],
  ],
  [
    [{ type: 'Container', max: { pods: '1' } }],
    ['spec.limits[0].max[pods]: Invalid value: "pods": must be a standard resource for containers'],
  ],
  [
    [{ type: 'PersistentVolumeClaim' }],
    [
      'spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided',
    ],
  ],
  [
    [{ type: 'Container', min: { cpu: '2' }, max: { cpu: '1' } }],
    ['spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'],
  ],
  [
    [{ type: 'Container', min: { cpu: '2' }, default: { cpu: '1' }, defaultRequest: { cpu: '1' } }],
    [
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
      'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
    ],
  ],
  [
    [{ type: 'Container', max: { cpu: '1' }, default: { cpu: '2' }, defaultRequest: { cpu: '3' } }],
    [
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "3": default request value 3 is greater than max value 1',
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "3": default request value 3 is greater than default limit value 2',
      'spec.limits[0].default[cpu]: Invalid value: "1": default value 2 is greater than max value 1',
    ],
  ],
  [
    [{ type: 'Pod', maxLimitRequestRatio: { cpu: '500m' } }],
    ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1'],
  ],
  [
    [{ type: 'Pod', min: { cpu: '1' }, max: { cpu: '2' }, maxLimitRequestRatio: { cpu: '3' } }],
    ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000'],
  ],
  [
    [{ type: 'Container', default: { 'example.com/gpu': '2' }, defaultRequest: { 'example.com/gpu': '1' } }],
    [
      'spec.limits[0].defaultRequest[example.com/gpu]: Invalid value: "1": default value 2 must equal to defaultRequest value 1 in example.com/gpu',
    ],
  ],
])('%j', (limits, errors) => expect(validateLimitRange(range(...limits)).map(fieldErrorText)).toEqual(errors));

it('completes the defaults of containers', () => {
  const object = range(
    { type: 'Container', max: { cpu: '2', memory: '1Gi' }, min: { 'ephemeral-storage': '1' }, default: { cpu: '1' } },
    { type: 'Pod', max: { cpu: '2' } },
  );
  limitRangeKind.defaults?.(object);
  expect(object.spec?.limits).toMatchObject([
    {
      default: { cpu: '1', memory: '1Gi' },
      defaultRequest: { cpu: '1', memory: '1Gi', 'ephemeral-storage': '1' },
    },
    { type: 'Pod', max: { cpu: '2' } },
  ]);
  expect(object.spec?.limits[1]).not.toHaveProperty('default');
});
