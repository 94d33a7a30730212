import { describe, expect, it } from 'vitest';
import { testKind } from '../test-kind.ts';
import { priorityLevelConfigurationKind } from './definition.ts';
import { mandatoryPriorityLevels, suggestedPriorityLevels } from './system-priority-levels.ts';

const { create, update, row } = testKind(priorityLevelConfigurationKind);
const limited = (more: object = {}) => ({
  spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' }, ...more } },
});
const queue = (queuing: object) => limited({ limitResponse: { type: 'Queue', queuing } });
const at = 'spec.limited';

describe('PriorityLevelConfiguration', () => {
  it.each([...mandatoryPriorityLevels, ...suggestedPriorityLevels].map((one) => [one.metadata?.name, one] as const))(
    '%s, which every cluster has, is valid and complete',
    (_, level) => {
      const { object, errors } = create(level);
      expect(errors).toEqual([]);
      expect(object['spec']).toEqual(level.spec);
    },
  );

  it.each([
    [limited(), []],
    [limited({ nominalConcurrencyShares: 0 }), []],
    [{ spec: {} }, ['spec.type: Unsupported value: "": supported values: "Exempt", "Limited"']],
    [{ spec: { type: 'Limited' } }, ['spec.limited: Required value: must not be empty when type is Limited']],
    [
      { spec: { type: 'Exempt' } },
      [`spec.type: Invalid value: "Exempt": type must be 'Exempt' if and only if name is 'exempt'`],
    ],
    [
      limited({ nominalConcurrencyShares: -1, lendablePercent: 101, borrowingLimitPercent: -1 }),
      [
        `${at}.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer`,
        `${at}.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive`,
        `${at}.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer`,
      ],
    ],
    [
      limited({ limitResponse: { type: 'Reject', queuing: {} } }),
      [`${at}.limitResponse.queuing: Forbidden: must be nil if limited.limitResponse.type is not Limited`],
    ],
    [
      limited({ limitResponse: { type: 'Queue' } }),
      [`${at}.limitResponse.queuing: Required value: must not be empty if limited.limitResponse.type is Limited`],
    ],
    [
      limited({ limitResponse: { type: 'Odd' } }),
      [`${at}.limitResponse.type: Unsupported value: "Odd": supported values: "Queue", "Reject"`],
    ],
    [
      queue({ queues: -1, handSize: -1, queueLengthLimit: -1 }),
      ['queueLengthLimit', 'queues', 'handSize'].map(
        (field) => `${at}.limitResponse.queuing.${field}: Invalid value: -1: must be positive`,
      ),
    ],
    [
      queue({ queues: 4, handSize: 5 }),
      [`${at}.limitResponse.queuing.handSize: Invalid value: 5: should not be greater than queues (4)`],
    ],
    [
      queue({ queues: 10_000_001, handSize: 2 }),
      [`${at}.limitResponse.queuing.queues: Invalid value: 10000001: must not be greater than 10000000`],
    ],
    [
      queue({ queues: 1024, handSize: 7 }),
      [
        `${at}.limitResponse.queuing.handSize: Invalid value: 7: required entropy bits of deckSize 1024 and handSize 7 should not be greater than 60`,
      ],
    ],
    [
      { metadata: { name: 'catch-all' }, ...limited() },
      [expect.stringContaining("spec of 'catch-all' must equal the fixed value")],
    ],
    [{ metadata: { name: 'exempt' }, spec: { type: 'Exempt', exempt: { nominalConcurrencyShares: 7 } } }, []],
    [
      {
        metadata: { name: 'exempt' },
        spec: { type: 'Exempt', exempt: { nominalConcurrencyShares: -1, lendablePercent: -1 } },
      },
      [
        'spec.exempt.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer',
        'spec.exempt.lendablePercent: Invalid value: -1: must be between 0 and 100, inclusive',
      ],
    ],
    [
      { metadata: { name: 'exempt' }, ...limited() },
      [
        `spec.type: Invalid value: "Limited": type must be 'Exempt' if and only if name is 'exempt'`,
        expect.stringContaining("spec of 'exempt' except the 'spec.exempt' field must equal the fixed value"),
      ],
    ],
  ])('%#', (object, errors) => {
    expect(create(object).errors).toEqual(errors);
  });

  it('gets its defaults, and counts changes', () => {
    expect(create(queue({})).object['spec']).toMatchObject({
      limited: {
        nominalConcurrencyShares: 30,
        lendablePercent: 0,
        limitResponse: { queuing: { handSize: 8, queues: 64, queueLengthLimit: 50 } },
      },
    });
    const { object } = update(limited(), { ...limited({ nominalConcurrencyShares: 1 }), status: { conditions: [] } });
    expect(object.metadata?.generation).toBe(2);
  });

  it('prints its row', () => {
    expect(row(limited({ nominalConcurrencyShares: 0 }))).toEqual([
      'x',
      'Limited',
      0,
      '<none>',
      '<none>',
      '<none>',
      '60m',
    ]);
    expect(row(queue({}))).toEqual(['x', 'Limited', 30, 64, 8, 50, '60m']);
    expect(row({ spec: { type: 'Exempt' } })).toEqual(['x', 'Exempt', '<none>', '<none>', '<none>', '<none>', '60m']);
  });
});
