import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { podInfoOf } from './pod-info.ts';
import { backoffMs, flushAfterMs, SchedulingQueue } from './queue.ts';

const pod = (name: string, priority = 0, gated = false) =>
  podInfoOf({
    metadata: { name, namespace: 'default', uid: name },
    spec: { containers: [], priority, ...(gated ? { schedulingGates: [{ name: 'wait' }] } : {}) },
  });

const open = () =>
  new SchedulingQueue({
    gate: (info) => new Set(info.pod.spec?.schedulingGates?.map(({ name }) => name)),
    mayHelp: (_info, plugins, event) => event.type === 'node-added' && !plugins.has('Stubborn'),
  });
const nodeAdded = { type: 'node-added' as const, node: { metadata: { name: 'n' } } };

describe('SchedulingQueue', () => {
  it('gives pods by priority, then in order of arrival', () => {
    const queue = open();
    for (const [name, priority] of [
      ['a', 0],
      ['b', 5],
      ['c', 0],
      ['d', 5],
    ] as const)
      queue.add(pod(name, priority), 1);
    expect([1, 2, 3, 4].map(() => queue.pop(2)?.info.name)).toEqual(['b', 'd', 'a', 'c']);
    expect(queue.pop(2)).toBeUndefined();
  });

  it('holds a gated pod until its gates are gone', () => {
    const queue = open();
    queue.add(pod('a', 0, true), 0);
    expect(queue.pop(0)).toBeUndefined();
    queue.event(nodeAdded, 1);
    queue.advance(flushAfterMs * 2);
    expect(queue.pop(0)).toBeUndefined();
    queue.update(pod('a'), 2);
    expect(queue.pop(3)?.info.name).toBe('a');
  });

  it('tries an unschedulable pod again on an event that may help, after its back-off', () => {
    const queue = open();
    queue.add(pod('a'), 0);
    queue.add(pod('b'), 0);
    queue.pop(0);
    queue.pop(0);
    queue.failUnschedulable('a', new Set(['Fit']), 10);
    queue.failUnschedulable('b', new Set(['Stubborn']), 10);
    queue.event(nodeAdded, 500);
    expect(queue.counts()).toEqual({ active: 0, backoff: 1, unschedulable: 1 });
    expect(queue.nextDue()).toBe(1_010);
    queue.advance(1_009);
    expect(queue.pop(1_009)).toBeUndefined();
    queue.advance(1_010);
    expect(queue.pop(1_010)?.info.name).toBe('a');
    queue.advance(10 + flushAfterMs);
    expect(queue.pop(10 + flushAfterMs)?.info.name).toBe('b');
  });

  it('backs off 1, 2, 4, 8, 10, 10 s', () => {
    expect([1, 2, 3, 4, 5, 60].map(backoffMs)).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  it('never loses a pod and never holds one twice', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const operation = fc.record({
      op: fc.constantFrom('add', 'gate', 'remove', 'pop', 'fail', 'error', 'event', 'advance'),
      name: fc.constantFrom(...names),
      ms: fc.integer({ min: 0, max: 20_000 }),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
        const queue = open();
        const expected = new Set<string>();
        let now = 0;
        for (const { op, name, ms } of operations) {
          now += ms;
          if (op === 'add' || op === 'gate') {
            queue.add(pod(name, 0, op === 'gate'), now);
            expected.add(name);
          } else if (op === 'remove') {
            queue.remove(name);
            expected.delete(name);
          } else if (op === 'pop') queue.pop(now);
          else if (op === 'fail') queue.failUnschedulable(name, new Set(['x']), now);
          else if (op === 'error') queue.failError(name, now);
          else if (op === 'event') queue.event(nodeAdded, now);
          else queue.advance(now);
          const entries = [...queue.entries()].map(([, queued]) => queued);
          expect(new Set(entries.map(({ info }) => info.name))).toEqual(expected);
          const at = (place: string) => entries.filter((queued) => queued.place === place).length;
          expect(queue.counts()).toEqual({
            active: at('active'),
            backoff: at('backoff'),
            unschedulable: at('unschedulable'),
          });
        }
        // Whatever happened, time and the end of the gates bring every pod that is not in flight out again.
        for (const name of expected) queue.update(pod(name), now);
        const inFlight = [...queue.entries()].filter(([, queued]) => queued.place === 'in-flight').length;
        queue.advance(now + flushAfterMs);
        queue.advance(now + flushAfterMs + 10_000);
        let out = 0;
        while (queue.pop(now + flushAfterMs * 2)) out++;
        expect(out + inFlight).toBe(expected.size);
      }),
    );
  });
});
