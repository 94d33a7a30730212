import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OrderedMap } from './ordered-map.ts';

const order = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

test('holds what a plain map holds, in order, through splits and emptied chunks', () => {
  const step = fc.record({ key: fc.integer({ min: 0, max: 3000 }).map(String), remove: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.nat(3000), fc.boolean(), (steps, from, filled) => {
      const map = new OrderedMap<number>(order);
      const model = new Map<string, number>();
      for (let i = 0; i < (filled ? 1500 : 0); i++) {
        map.set(String(i), i);
        model.set(String(i), i);
      }
      for (const [i, { key, remove }] of steps.entries()) {
        if (remove) expect(map.delete(key)).toBe(model.delete(key));
        else {
          map.set(key, i);
          model.set(key, i);
        }
      }
      const sorted = [...model].toSorted(([a], [b]) => order(a, b));
      expect([...map.from('')]).toEqual(sorted);
      const start = String(from);
      expect([...map.from(start)]).toEqual(sorted.filter(([key]) => key >= start));
      expect(map.size).toBe(model.size);
      expect(
        map.count(
          (key) => key < start,
          (key) => key >= '8',
        ),
      ).toBe(sorted.filter(([key]) => key >= start && key < '8').length);
    }),
    { numRuns: 60 },
  );
});
