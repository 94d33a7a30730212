import { describe, expect, it } from 'vitest';
import { deviceClassKind } from '../deviceclass/definition.ts';
import { testKind } from '../test-kind.ts';
import { resourceSliceKind } from './definition.ts';

const { create, update, row } = testKind(resourceSliceKind);
const base = { driver: 'a.example.com', nodeName: 'n', pool: { name: 'p', generation: 1, resourceSliceCount: 1 } };
const of = (more: object) => ({ spec: { ...base, ...more } });
const withDevice = (more: object, spec: object = {}) => of({ devices: [{ name: 'd', ...more }], ...spec });
const at = 'spec.devices[0]';
const counters = { memory: { value: '1Gi' } };
const capacity = (requestPolicy: object) => ({
  allowMultipleAllocations: true,
  capacity: { memory: { value: '10Gi', requestPolicy } },
});
const policyPath = `${at}.capacity[memory].requestPolicy`;

describe('ResourceSlice', () => {
  it.each([
    [of({}), []],
    [
      { spec: {} },
      [
        'spec.driver: Required value',
        'spec.pool.name: Required value',
        'spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero',
        'spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required',
      ],
    ],
    [
      of({ pool: { name: 'A/b', generation: -1, resourceSliceCount: 1 } }),
      [
        expect.stringContaining('spec.pool.name: Invalid value: "A"'),
        'spec.pool.generation: Invalid value: -1: must be greater than or equal to zero',
      ],
    ],
    [
      of({ allNodes: true }),
      [
        'spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set',
      ],
    ],
    [
      of({ nodeName: '', allNodes: true }),
      ['spec.nodeName: Invalid value: "": must be either unset or set to a non-empty string'],
    ],
    [of({ allNodes: false }), ['spec.allNodes: Invalid value: false: must be either unset or set to true']],
    [
      of({ devices: [], sharedCounters: [{ name: 'c', counters }] }),
      ['spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed'],
    ],
    [
      of({ sharedCounters: [{}, { name: 'c', counters }, { name: 'c', counters }] }),
      [
        'spec.sharedCounters[0].name: Required value',
        'spec.sharedCounters[0].counters: Required value',
        'spec.sharedCounters[2]: Duplicate value: "c"',
      ],
    ],
    [
      of({ devices: Array.from({ length: 129 }, (_, i) => ({ name: `d${i}` })) }),
      ['spec.devices: Too many: 129: must have at most 128 items'],
    ],
    [
      of({
        devices: Array.from({ length: 65 }, (_, i) => ({ name: `d${i}`, taints: [{ key: 'a', effect: 'None' }] })),
      }),
      ['spec.devices: Too many: 65: must have at most 64 items'],
    ],
    [withDevice({ name: 'D' }), [expect.stringContaining(`${at}.name: Invalid value: "D"`)]],
    [
      withDevice({
        attributes: {
          model: { string: 'x' },
          'example.com/version': { version: '1.2.3-rc.1+b' },
          b: { bool: false },
          i: { int: 0 },
        },
      }),
      [],
    ],
    [
      withDevice({
        attributes: {
          none: {},
          two: { int: 1, bool: true },
          long: { string: 'x'.repeat(65) },
          old: { version: '1.2' },
        },
      }),
      [
        `${at}.attributes[none]: Invalid value: "": exactly one value must be specified`,
        `${at}.attributes[two]: Invalid value: {"IntValue":1,"BoolValue":true,"StringValue":null,"VersionValue":null}: exactly one value must be specified`,
        `${at}.attributes[long].string: Too long: may not be more than 64 bytes`,
        `${at}.attributes[old].version: Invalid value: "1.2": must be a string compatible with semver.org spec 2.0.0`,
      ],
    ],
    [
      withDevice({ attributes: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`a${i}`, { int: i }])) }),
      [`${at}: Invalid value: 33: the total number of attributes and capacities must not exceed 32`],
    ],
    [
      withDevice({ attributes: { ['x'.repeat(100)]: { int: 1 } } }),
      [`${at}.attributes[${'x'.repeat(47)}...${'x'.repeat(46)}]: Too long: may not be more than 32 bytes`],
    ],
    [
      withDevice({ taints: [{ key: 'a b', value: 'a b', effect: 'Odd' }, { key: 'a' }] }),
      [
        expect.stringContaining(`${at}.taints[0].key: Invalid value: "a b"`),
        expect.stringContaining(`${at}.taints[0].value: Invalid value: "a b"`),
        `${at}.taints[0].effect: Unsupported value: "Odd": supported values: "NoExecute", "NoSchedule", "None"`,
        `${at}.taints[1].effect: Required value`,
      ],
    ],
    [
      withDevice({ consumesCounters: [{}, { counterSet: 'c', counters }, { counterSet: 'c', counters }] }),
      [`${at}.consumesCounters: Too many: 3: must have at most 2 items`],
    ],
    [
      withDevice({ nodeName: 'n' }),
      [
        `${at}: Invalid value: null: \`nodeName\`, \`nodeSelector\` and \`allNodes\` can only be set if \`perDeviceNodeSelection\` is set to true in the ResourceSlice spec`,
      ],
    ],
    [withDevice({ nodeName: 'n' }, { nodeName: undefined, perDeviceNodeSelection: true }), []],
    [
      withDevice({}, { nodeName: undefined, perDeviceNodeSelection: true }),
      [expect.stringContaining(`${at}: Required value: exactly one of \`nodeName\``)],
    ],
    [
      withDevice({ bindingConditions: ['a', 'a'], bindingFailureConditions: ['a'] }),
      [
        `${at}.bindingConditions[1]: Duplicate value: "a"`,
        `${at}.bindingFailureConditions[0]: Invalid value: "a": bindingFailureConditions must not overlap with bindingConditions`,
      ],
    ],
    [
      withDevice({ capacity: { memory: { value: '1', requestPolicy: {} } } }),
      [`${at}.capacity[memory].requestPolicy: Forbidden: allowMultipleAllocations must be true`],
    ],
    [withDevice(capacity({ default: '1Gi', validValues: ['1Gi', '2Gi'] })), []],
    [
      withDevice(capacity({ default: '3Gi', validValues: ['2Gi', '1Gi', '11Gi'] })),
      [
        `${policyPath}.validValues[1]: Invalid value: "1Gi": values must be sorted in ascending order`,
        `${policyPath}.validValues[2]: Invalid value: "11Gi": option is larger than capacity value: 10Gi`,
        `${policyPath}.validValues: Invalid value: "3Gi": default value is not valid according to the requestPolicy`,
      ],
    ],
    [
      withDevice(capacity({ validValues: ['1Gi'] })),
      [`${policyPath}.default: Required value: required when validValues is defined`],
    ],
    [withDevice(capacity({ default: '2Gi', validRange: { min: '1Gi', max: '4Gi', step: '1Gi' } })), []],
    [
      withDevice(capacity({ default: '5Gi', validRange: { min: '6Gi', max: '12Gi', step: '5Gi' } })),
      [
        `${policyPath}.validRange.min: Invalid value: "5Gi": default is less than min: 6Gi`,
        `${policyPath}.validRange.max: Invalid value: "12Gi": max is larger than capacity value: 10Gi`,
        `${policyPath}.validRange.step: Invalid value: "5Gi": one step 11Gi is larger than capacity value: 10Gi`,
        `${policyPath}.validRange.step: Invalid value: "5Gi": value is not a multiple of a given step (5Gi) from (6Gi)`,
        `${policyPath}.validRange.step: Invalid value: "12Gi": value is not a multiple of a given step (5Gi) from (6Gi)`,
      ],
    ],
    [
      withDevice(capacity({ validValues: ['1Gi'], validRange: {} })),
      [
        `${policyPath}: Forbidden: exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time`,
      ],
    ],
  ])('%#', (object, errors) => {
    expect(create(object).errors).toEqual(errors);
  });

  it('says since when taints are there, and drops what features that are off guard', () => {
    const device = {
      taints: [{ key: 'a', effect: 'None' }],
      attributes: { a: { int: 1, ints: [1] } },
      nodeAllocatableResourceMappings: { cpu: {} },
    };
    const { object, warnings } = create(withDevice(device, { driver: 'A.example.com' }));
    expect(object['spec']).toMatchObject({
      devices: [{ name: 'd', attributes: { a: { int: 1 } }, taints: [{ timeAdded: '2026-01-01T01:00:00Z' }] }],
    });
    expect(warnings).toEqual([
      `${at}.attributes[a].ints: accepted but not acted on: the feature gate DRAListTypeAttributes is off`,
      `${at}.nodeAllocatableResourceMappings: accepted but not acted on: the feature gate DRANodeAllocatableResources is off`,
      'spec.driver: driver names should be lowercase; "A.example.com" contains uppercase characters',
      'spec: accepted but not acted on: devices are not allocated yet',
    ]);
  });

  it('keeps whose slice it is, and taints that were let in', () => {
    expect(
      update(of({}), of({ driver: 'b.example.com', nodeName: 'm', pool: { ...base.pool, name: 'q' } })).errors,
    ).toEqual([
      'spec.pool.name: Invalid value: "q": field is immutable',
      'spec.driver: Invalid value: "b.example.com": field is immutable',
      'spec.nodeName: Invalid value: "m": field is immutable',
    ]);
    const old = withDevice({ taints: [{ key: 'a', effect: 'Newer', timeAdded: '2026-01-01T00:00:00Z' }] });
    expect(update(old, old).errors).toEqual([]);
    expect(update(of({}), withDevice({})).object.metadata?.generation).toBe(2);
  });

  it('prints its row and is selected by its node and driver', () => {
    expect(row(of({}))).toEqual(['x', 'n', 'a.example.com', 'p', '60m']);
    expect(resourceSliceKind.selectableFields?.({ spec: base })).toEqual({
      'spec.nodeName': 'n',
      'spec.driver': 'a.example.com',
    });
  });
});

describe('DeviceClass', () => {
  const deviceClass = testKind(deviceClassKind);
  it.each([
    [{}, []],
    [{ extendedResourceName: 'example.com/gpu' }, []],
    [
      { extendedResourceName: 'cpu' },
      ['spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name'],
    ],
    [{ selectors: [{}] }, ['spec.selectors[0].cel: Required value']],
    [{ config: [{}] }, ['spec.config[0].opaque: Required value']],
  ])('%j', (spec, errors) => {
    expect(deviceClass.create({ spec }).errors).toEqual(errors);
  });

  it('may keep configuration that is too long for a new one', () => {
    const config = [{ opaque: { driver: 'a.b', parameters: { a: 'x'.repeat(10_240) } } }];
    expect(deviceClass.create({ spec: { config } }).errors).toHaveLength(1);
    expect(
      deviceClass.update({ spec: { config } }, { spec: { config, extendedResourceName: 'example.com/gpu' } }),
    ).toMatchObject({
      errors: [],
      object: { metadata: { generation: 2 } },
    });
    expect(deviceClass.row({ spec: {} })).toEqual(['x', '60m']);
  });
});
