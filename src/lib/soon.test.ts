import { expect, test } from 'vitest';
import { whenThere } from './soon.ts';

test('a value that is there is gone on with at once', () => {
  expect(whenThere(1, (value) => value + 1)).toBe(2);
  expect(() =>
    whenThere(1, () => {
      throw new Error('no');
    }),
  ).toThrow('no');
});

test('one that is not is waited for', async () => {
  const order: string[] = [];
  const later = whenThere(Promise.resolve(1), (value) => {
    order.push('next');
    return value + 1;
  });
  order.push('first');
  expect(await later).toBe(2);
  expect(order).toEqual(['first', 'next']);
  await expect(whenThere(Promise.reject(new Error('lost')), () => 1)).rejects.toThrow('lost');
});
