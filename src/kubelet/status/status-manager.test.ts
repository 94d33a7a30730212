// Tests what reaches the API, and in which order.
import { describe, expect, test } from 'vitest';
import type { Pod, PodStatus } from '../../api/generated/types.ts';
import { conflict, notFound, serviceUnavailable } from '../../api/meta/errors.ts';
import type { Client } from '../../client/client.ts';
import { pods } from '../../client/resources.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { createStatusManager } from './status-manager.ts';

const pod: Pod = {
  metadata: { name: 'p', namespace: 'ns', uid: 'u', resourceVersion: '1' },
  status: { phase: 'Pending', conditions: [] },
};
const phase = (value: PodStatus['phase'], message?: string): PodStatus => ({
  phase: value!,
  conditions: [],
  ...(message ? { message } : {}),
});

/** A manager over a client whose answers the test gives one by one. */
function setUp() {
  const clock = createVirtualClock();
  const stop = new AbortController();
  const calls: { verb: string; body: unknown; answer(error?: Error): void }[] = [];
  let version = 1;
  const call = (verb: string, body: unknown) =>
    new Promise<Pod>((resolve, reject) => {
      const answer = (error?: Error): void =>
        error
          ? reject(error)
          : resolve({
              ...pod,
              metadata: { ...pod.metadata, resourceVersion: String(++version) },
              status: { ...pod.status, ...(body as { status?: PodStatus } | undefined)?.status },
            });
      calls.push({ verb, body, answer });
    });
  const client = {
    patch: (_resource: unknown, _name: unknown, patch: { body: unknown }) => call('patch', patch.body),
    delete: (_resource: unknown, _name: unknown, options: unknown) => call('delete', options),
  } as unknown as Client;
  const manager = createStatusManager({
    client,
    pods,
    clock,
    logger: silentLogger,
    signal: stop.signal,
    mirrorOf: () => undefined,
  });
  const seen = (): unknown[] =>
    calls.map((c) => [c.verb, (c.body as { status?: { phase?: string } }).status?.phase].filter(Boolean).join(' '));
  return { clock, stop, calls, manager, seen };
}

describe('the status manager', () => {
  test('a status set just when a request ends is sent, however close it comes', async () => {
    for (let hops = 0; hops < 12; hops++) {
      const { manager, calls, clock, seen } = setUp();
      manager.set(pod, phase('Running'));
      calls[0]!.answer();
      for (let i = 0; i < hops; i++) await Promise.resolve();
      manager.set(pod, phase('Succeeded'));
      await clock.settle();
      expect([hops, seen()]).toEqual([hops, ['patch Running', 'patch Succeeded']]);
    }
  });

  test('one request at a time, and only the newest of what came meanwhile', async () => {
    const { manager, calls, clock, seen } = setUp();
    manager.set(pod, phase('Running', 'a'));
    manager.set(pod, phase('Running', 'b'));
    manager.set(pod, phase('Failed'));
    expect(seen()).toEqual(['patch Running']);
    calls[0]!.answer();
    await clock.settle();
    expect(seen()).toEqual(['patch Running', 'patch Failed']);
    calls[1]!.answer();
    await clock.settle();
    expect(manager.get('u')?.phase).toBe('Failed');
    manager.set(pod, phase('Failed'));
    await clock.settle();
    expect(calls).toHaveLength(2);
  });

  test('what the API cannot take now is tried again, newest first', async () => {
    const { manager, calls, clock, seen } = setUp();
    manager.set(pod, phase('Running'));
    calls[0]!.answer(serviceUnavailable('no'));
    await clock.settle();
    manager.set(pod, phase('Failed'));
    await clock.advance(250);
    expect(seen()).toEqual(['patch Running', 'patch Failed']);
  });

  test.each([
    ['gone', notFound(pods, 'p'), 1],
    [
      'another pod by that name',
      conflict(pods, 'p', 'Precondition failed: UID in precondition: u, UID in object meta: v'),
      1,
    ],
    ['changed meanwhile', conflict(pods, 'p', 'the object has been modified'), 2],
  ])('an object that is %s', async (_, error, requests) => {
    const { manager, calls, clock } = setUp();
    manager.set(pod, phase('Running'));
    calls[0]!.answer(error);
    await clock.advance(5000);
    expect(calls).toHaveLength(requests);
  });

  test('conditions of others are never in a patch', async () => {
    const { manager, calls } = setUp();
    const gated: Pod = { ...pod, status: { phase: 'Pending', conditions: [{ type: 'x/gate', status: 'True' }] } };
    manager.set(gated, { phase: 'Pending', conditions: [{ type: 'Ready', status: 'True' }] });
    expect(calls[0]!.body).toEqual({
      metadata: { uid: 'u' },
      status: {
        '$setElementOrder/conditions': [{ type: 'Ready' }, { type: 'x/gate' }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
  });

  test('a delete comes after the last status, for this UID only', async () => {
    const { manager, calls, clock, seen, stop } = setUp();
    manager.set(pod, phase('Failed'));
    const deleted = manager.delete(pod, stop.signal);
    await clock.settle();
    expect(seen()).toEqual(['patch Failed']);
    calls[0]!.answer();
    await clock.settle();
    expect(seen()).toEqual(['patch Failed', 'delete']);
    expect(calls[1]!.body).toMatchObject({ gracePeriodSeconds: 0, preconditions: { uid: 'u' } });
    calls[1]!.answer(serviceUnavailable('no'));
    await clock.advance(300);
    calls[2]!.answer(notFound(pods, 'p'));
    await deleted;
  });

  test('puts right a Ready condition that others have changed, and leaves the rest to the next report', async () => {
    const { manager, calls, clock, seen } = setUp();
    const ready = (status: string): PodStatus => ({ phase: 'Running', conditions: [{ type: 'Ready', status }] });
    const held = (version: number, status: PodStatus): Pod => ({
      ...pod,
      metadata: { ...pod.metadata, resourceVersion: String(version) },
      status,
    });
    manager.set(pod, ready('True'));
    calls[0]!.answer();
    await clock.settle();
    manager.observe(held(3, { ...ready('True'), message: 'odd' }));
    await clock.settle();
    expect(seen()).toEqual(['patch Running']);
    manager.observe(held(4, ready('False')));
    await clock.settle();
    expect(calls).toHaveLength(2);
    expect(calls[1]!.body).toMatchObject({ status: { conditions: [{ type: 'Ready', status: 'True' }] } });
    calls[1]!.answer();
    // What was held before comes late: nothing is done about it.
    manager.observe(held(3, ready('False')));
    await clock.settle();
    expect(calls).toHaveLength(2);
  });
});
