import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap } from './heap.ts';

test('pops in order whatever was pushed, removed and updated before', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ op: fc.constantFrom('push', 'pop', 'remove', 'update'), value: fc.nat(50), pick: fc.nat() }),
      ),
      (steps) => {
        const heap = new Heap<{ value: number }>((a, b) => a.value < b.value);
        const held: { value: number }[] = [];
        for (const { op, value, pick } of steps) {
          const some = held[pick % Math.max(1, held.length)];
          if (op === 'push') {
            const item = { value };
            held.push(item);
            heap.push(item);
          } else if (op === 'pop') {
            const popped = heap.pop();
            expect(popped?.value).toBe(held.length === 0 ? undefined : Math.min(...held.map((h) => h.value)));
            if (popped) held.splice(held.indexOf(popped), 1);
          } else if (some !== undefined && op === 'remove') {
            expect(heap.remove(some)).toBe(true);
            expect(heap.has(some)).toBe(false);
            held.splice(held.indexOf(some), 1);
          } else if (some !== undefined) {
            some.value = value;
            heap.update(some);
          }
          expect(heap.size).toBe(held.length);
        }
        const drained: number[] = [];
        while (heap.size > 0) drained.push(heap.pop()!.value);
        expect(drained).toEqual(held.map((h) => h.value).toSorted((a, b) => a - b));
      },
    ),
  );
});

test('pushing an item that is already held only moves it', () => {
  const heap = new Heap<{ at: number }>((a, b) => a.at < b.at);
  const first = { at: 1 };
  const second = { at: 2 };
  heap.push(first);
  heap.push(second);
  second.at = 0;
  heap.push(second);
  expect(heap.size).toBe(2);
  expect(heap.pop()).toBe(second);
  expect(heap.remove(second)).toBe(false);
});
