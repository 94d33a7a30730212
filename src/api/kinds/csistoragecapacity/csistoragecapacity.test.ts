import { expect, it } from 'vitest';
import { testKind } from '../test-kind.ts';
import { csiStorageCapacityKind } from './definition.ts';

const { create, update } = testKind(csiStorageCapacityKind);
const storageClassName = 'fast';

it.each([
  [{ storageClassName }, []],
  [{ storageClassName, capacity: '10Gi', nodeTopology: { matchLabels: { zone: 'a' } } }, []],
  [{}, [expect.stringContaining('storageClassName: Invalid value: "": a lowercase RFC 1123 subdomain')]],
  [{ storageClassName, capacity: '-1' }, ['capacity: Invalid value: "-1": must be greater than or equal to 0']],
  [
    { storageClassName, nodeTopology: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
    ["nodeTopology.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"],
  ],
])('CSIStorageCapacity %j', (object, errors) => {
  expect(create(object).errors).toEqual(errors);
});

it('keeps whose room it is', () => {
  expect(update({ storageClassName }, { storageClassName, capacity: '1Gi' }).errors).toEqual([]);
  const after = { storageClassName: 'slow', nodeTopology: { matchLabels: { zone: 'a' } } };
  expect(update({ storageClassName }, after).errors).toEqual([
    'nodeTopology: Invalid value: {"matchLabels":{"zone":"a"}}: field is immutable',
    'storageClassName: Invalid value: "slow": field is immutable',
  ]);
});
