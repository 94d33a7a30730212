import { expect, it } from 'vitest';
import { testKind } from '../test-kind.ts';
import { controllerRevisionKind } from './definition.ts';

const { create, update, row } = testKind(controllerRevisionKind);

it.each([
  [{ data: { a: 1 }, revision: 1 }, []],
  [{ data: {}, revision: 0 }, []],
  [{ revision: 1 }, ['data: Required value: data is mandatory']],
  [{ data: null, revision: 1 }, ['data: Required value: data is mandatory']],
  [{ data: [1], revision: 1 }, ['data: Required value: data must be a valid JSON object']],
  [{ data: {}, revision: -1 }, ['revision: Invalid value: -1: must be greater than or equal to 0']],
])('ControllerRevision %j', (object, errors) => {
  expect(create(object).errors).toEqual(errors);
});

it('keeps its data, whatever it is', () => {
  expect(update({ data: [1], revision: 1 }, { data: [1], revision: 2 }).errors).toEqual([]);
  expect(update({ data: { a: 1 }, revision: 1 }, { data: { a: 2 }, revision: 1 }).errors).toEqual([
    'data: Invalid value: {"a":2}: field is immutable',
  ]);
  expect(update({ data: { a: 1 }, revision: 1 }, { data: null, revision: 1 }).errors).toEqual([
    'data: Invalid value: null: field is immutable',
  ]);
});

it('prints its controller and number', () => {
  const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 'u' };
  const object = { data: {}, revision: 3 };
  expect(row({ ...object, metadata: { ownerReferences: [{ ...owner, controller: true }] } })).toEqual([
    'x',
    'statefulset.apps/db',
    3,
    '60m',
  ]);
  expect(row({ ...object, metadata: { ownerReferences: [owner] } })).toEqual(['x', '<none>', 3, '60m']);
});
