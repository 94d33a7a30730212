import { describe, expect, it } from 'vitest';
import { testKind } from '../test-kind.ts';
import { csiNodeKind } from './definition.ts';

const { create, update, row } = testKind(csiNodeKind);
const driver = { name: 'a.example.com', nodeID: 'n', topologyKeys: ['zone'] };
const of = (...drivers: object[]) => ({ spec: { drivers } });

describe('CSINode', () => {
  it.each([
    [of(), []],
    [of(driver, { ...driver, name: 'b.example.com' }), []],
    [of({}), ['spec.drivers[0].name: Required value', 'spec.drivers[0].nodeID: Required value']],
    [of(driver, driver), ['spec.drivers[1].name: Duplicate value: "a.example.com"']],
    [of({ ...driver, nodeID: 'x'.repeat(257) }), [expect.stringContaining('must be 256 characters or less')]],
    [
      of({ ...driver, allocatable: { count: -1 } }),
      ['spec.drivers[0].allocatable.count: Invalid value: -1: must be greater than or equal to 0'],
    ],
    [of({ ...driver, topologyKeys: ['zone', 'zone'] }), ['spec.drivers[0]: Duplicate value: "zone"']],
    [of({ ...driver, topologyKeys: ['a b'] }), [expect.stringContaining('spec.drivers[0]: Invalid value: "a b"')]],
  ])('%j', (object, errors) => {
    expect(create(object).errors).toEqual(errors);
  });

  it('may change how many volumes a driver takes, and nothing else of it', () => {
    expect(update(of(driver), of({ ...driver, allocatable: { count: 3 } })).errors).toEqual([]);
    expect(update(of(driver), of()).errors).toEqual([]);
    expect(update(of(driver), of({ ...driver, nodeID: 'm' })).errors).toEqual([
      'spec.drivers: Invalid value: {"Name":"a.example.com","NodeID":"m","TopologyKeys":["zone"],"Allocatable":null}: field is immutable',
    ]);
  });

  it('prints how many drivers there are', () => {
    expect(row(of(driver))).toEqual(['x', 1, '60m']);
  });
});
