import { describe, expect, it } from 'vitest';
import { testKind } from '../test-kind.ts';
import { volumeAttributesClassKind } from '../volumeattributesclass/definition.ts';
import { storageClassKind } from './definition.ts';

const { create, update, row } = testKind(storageClassKind);
const provisioner = 'example.com/disk';
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, '']));
const term = (key: string, ...values: string[]) => ({ matchLabelExpressions: [{ key, values }] });
const at = 'allowedTopologies';

describe('StorageClass', () => {
  it.each([
    [{ provisioner }, []],
    [{ provisioner: 'Example.com/Disk' }, []],
    [{}, ['provisioner: Required value']],
    [{ provisioner: 'a b' }, [expect.stringContaining('provisioner: Invalid value: "a b": name part must consist of')]],
    [{ provisioner, parameters: { '': 'a' } }, ['parameters: Invalid value: "": field can not be empty.']],
    [{ provisioner, parameters: many(513) }, ['parameters: Too long: may not be more than 512 bytes']],
    [
      { provisioner, parameters: { a: 'x'.repeat(256 * 1024) } },
      ['parameters: Too long: may not be more than 262144 bytes'],
    ],
    [
      { provisioner, reclaimPolicy: 'Recycle' },
      ['reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"'],
    ],
    [
      { provisioner, volumeBindingMode: 'Later' },
      ['volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"'],
    ],
    [{ provisioner, [at]: [term('zone', 'a'), term('zone', 'b')] }, []],
    [
      { provisioner, [at]: [term('zone', 'a', 'b'), term('zone', 'b', 'a')] },
      [`${at}[1].matchLabelExpressions: Duplicate value: ""`],
    ],
    [{ provisioner, [at]: [{}] }, [`${at}[0].matchLabelExpressions: Duplicate value: ""`]],
    [
      {
        provisioner,
        [at]: [
          {
            matchLabelExpressions: [
              { key: 'a b', values: ['x', 'x'] },
              { key: 'a b', values: [] },
            ],
          },
        ],
      },
      [
        `${at}[0].matchLabelExpressions[0].values[1]: Duplicate value: "x"`,
        expect.stringContaining(`${at}[0].matchLabelExpressions[0].key: Invalid value: "a b"`),
        `${at}[0].matchLabelExpressions[1].values: Required value`,
        expect.stringContaining(`${at}[0].matchLabelExpressions[1].key: Invalid value: "a b"`),
        `${at}[0].matchLabelExpressions[1].key: Duplicate value: "a b"`,
      ],
    ],
  ])('%#', (object, errors) => {
    expect(create(object).errors).toEqual(errors);
  });

  it('deletes volumes, and binds them at once, unless it says otherwise', () => {
    expect(create({ provisioner }).object).toMatchObject({ reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' });
  });

  it('stays what it is', () => {
    const after = {
      provisioner: 'b',
      parameters: { a: 'b' },
      reclaimPolicy: 'Retain',
      volumeBindingMode: 'WaitForFirstConsumer',
    };
    expect(update({ provisioner }, after).errors).toEqual([
      'parameters: Invalid value: {"a":"b"}: field is immutable',
      'provisioner: Invalid value: "b": field is immutable',
      'reclaimPolicy: Invalid value: "Retain": field is immutable',
      'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
    ]);
    expect(update({ provisioner }, { provisioner, allowVolumeExpansion: true }).errors).toEqual([]);
  });

  it('prints its row, the default one marked', () => {
    expect(row({ provisioner })).toEqual(['x', provisioner, 'Delete', 'Immediate', false, '60m']);
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    expect(row({ metadata: { annotations }, provisioner, allowVolumeExpansion: true })).toEqual([
      'x (default)',
      provisioner,
      'Delete',
      'Immediate',
      true,
      '60m',
    ]);
  });
});

describe('VolumeAttributesClass', () => {
  const attributes = testKind(volumeAttributesClassKind);
  it('needs a driver and a parameter, and keeps both', () => {
    const object = { driverName: 'example.com', parameters: { iops: '1' } };
    expect(attributes.create(object).errors).toEqual([]);
    expect(attributes.create({}).errors).toEqual([
      'driverName: Required value',
      'parameters: Required value: must contain at least one key/value pair',
    ]);
    expect(attributes.update(object, { driverName: 'b', parameters: { iops: '2' } }).errors).toEqual([
      'driverName: Forbidden: updates to driverName are forbidden.',
      'parameters: Forbidden: updates to parameters are forbidden.',
    ]);
    expect(attributes.row(object)).toEqual(['x', 'example.com', '60m']);
  });
});
