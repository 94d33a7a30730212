import { describe, expect, it } from 'vitest';
import { testKind } from '../test-kind.ts';
import { csiDriverKind } from './definition.ts';

const { create, update, row } = testKind(csiDriverKind);
const token = (audience: string, expirationSeconds?: number) => ({ audience, expirationSeconds });

describe('CSIDriver', () => {
  it.each([
    [{}, []],
    [
      { fsGroupPolicy: 'Odd' },
      ['spec.fsGroupPolicy: Unsupported value: "Odd": supported values: "File", "None", "ReadWriteOnceWithFSType"'],
    ],
    [
      { volumeLifecycleModes: ['Odd'] },
      ['spec.volumeLifecycleModes: Unsupported value: "Odd": supported values: "Persistent", "Ephemeral"'],
    ],
    [{ tokenRequests: [token('a', 600), token('b')] }, []],
    [{ tokenRequests: [token('a'), token('a')] }, ['spec.tokenRequests[1].audience: Duplicate value: "a"']],
    [
      { tokenRequests: [token('a', 599), token('b', 2 ** 32 + 1)] },
      [
        'spec.tokenRequests[0].expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
        'spec.tokenRequests[1].expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
      ],
    ],
    [
      { nodeAllocatableUpdatePeriodSeconds: 9 },
      ['spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds'],
    ],
    [
      { serviceAccountTokenInSecrets: true },
      [
        'spec.serviceAccountTokenInSecrets: Invalid value: true: serviceAccountTokenInSecrets is set but no tokenRequests are specified',
      ],
    ],
    [{ serviceAccountTokenInSecrets: true, tokenRequests: [token('a')] }, []],
  ])('%j', (spec, errors) => {
    expect(create({ spec }).errors).toEqual(errors);
  });

  it('gets its defaults', () => {
    expect(create({ spec: {} }).object['spec']).toEqual({
      attachRequired: true,
      podInfoOnMount: false,
      storageCapacity: false,
      fsGroupPolicy: 'ReadWriteOnceWithFSType',
      volumeLifecycleModes: ['Persistent'],
      requiresRepublish: false,
      seLinuxMount: false,
    });
  });

  it('loses what a feature gate that is off guards, and is told', () => {
    const { object, warnings } = create({ spec: { preventPodSchedulingIfMissing: true } });
    expect(object['spec']).not.toHaveProperty('preventPodSchedulingIfMissing');
    expect(warnings[0]).toContain('spec.preventPodSchedulingIfMissing: accepted but not acted on');
  });

  it('keeps how it attaches and what its volumes are; its generation counts', () => {
    expect(update({ spec: {} }, { spec: { podInfoOnMount: true } })).toMatchObject({
      object: { metadata: { generation: 2 } },
      errors: [],
    });
    expect(
      update({ spec: {} }, { spec: { attachRequired: false, volumeLifecycleModes: ['Ephemeral'] } }).errors,
    ).toEqual([
      'spec.attachedRequired: Invalid value: false: field is immutable',
      'spec.volumeLifecycleModes: Invalid value: ["Ephemeral"]: field is immutable',
    ]);
  });

  it('prints its row', () => {
    expect(row({ spec: {} })).toEqual(['x', true, false, false, '<unset>', false, 'Persistent', '60m']);
    const spec = { tokenRequests: [token('a'), token('b')], volumeLifecycleModes: ['Persistent', 'Ephemeral'] };
    expect(row({ spec })).toEqual(['x', true, false, false, 'a,b', false, 'Persistent,Ephemeral', '60m']);
  });
});
