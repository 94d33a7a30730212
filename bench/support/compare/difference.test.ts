import { expect, test } from 'vitest';
import { type Answer, difference } from './difference.ts';

const answer = (code: number, body: unknown, ...warnings: string[]): Answer => ({
  code,
  text: typeof body === 'string' ? body : JSON.stringify(body),
  warnings,
});

test.each([
  ["what is each server's own", { metadata: { uid: 'a', name: 'x' } }, { metadata: { name: 'x', uid: 'b' } }],
  ['the order of keys', { a: 1, b: 2 }, { b: 2, a: 1 }],
  [
    'a name that is a uid',
    { name: 'b2cfd364-55a2-4874-b85b-3964a006a4c9' },
    { name: '4a79df8e-a05e-46fb-bf9d-6c2a2dd3570c' },
  ],
  ['a generated name', { name: 'kube-api-access-abcde' }, { name: 'kube-api-access-fghij' }],
])('%s is no difference', (_what, real, peapod) => {
  expect(difference('x', answer(200, real), answer(200, peapod))).toBeUndefined();
});

test('a field that is not acted on yet may be warned of, all other warnings are compared', () => {
  const real = answer(201, {}, '299 - "a"');
  expect(difference('x', real, answer(201, {}, '299 - "a", 299 - "b: accepted but not acted on: c"'))).toBeUndefined();
  expect(difference('x', real, answer(201, {}))).toMatchObject({ real: '201 with warnings 299 - "a"', peapod: '201' });
});

test('fields, messages and codes that differ are told', () => {
  expect(difference('x', answer(200, { a: { b: [1, 2] } }), answer(200, { a: { b: [1, 3] } }))?.fields).toEqual([
    '.a.b.1: real 2, peapod 3',
  ]);
  expect(difference('x', answer(422, { reason: 'Invalid', message: 'no' }), answer(404, 'not found'))).toMatchObject({
    real: '422 Invalid: no',
    peapod: '404 "not found"',
  });
});
