// Tables over ends of pods.
import { describe, expect, test } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import type { ContainerRecord, RuntimePod } from '../runtime-pod.ts';
import { decideTermination, graceSecondsOf, stopSeconds } from './decide-termination.ts';

const now = Date.UTC(2026, 0, 1);
const pod = (metadata: Pod['metadata'] = {}, terminationGracePeriodSeconds = 30): Pod => ({
  metadata: { name: 'p', namespace: 'ns', uid: 'u', ...metadata },
  spec: {
    terminationGracePeriodSeconds,
    containers: [{ name: 'a' }, { name: 'b' }],
    initContainers: [
      { name: 's0', restartPolicy: 'Always' },
      { name: 's1', restartPolicy: 'Always' },
    ],
  },
});
const runtime = (
  states: Record<string, ContainerRecord['state']>,
  sandbox: 'ready' | 'notready' = 'ready',
): RuntimePod =>
  ({
    sandboxes: [{ id: 'sb', state: sandbox }],
    containers: Object.entries(states).map(([name, state]) => ({ id: name, name, state })),
  }) as never;

describe('graceSecondsOf', () => {
  const deleted = { deletionTimestamp: '2026-01-01T00:00:00Z' };
  test.each<[string, Pod, { gone: boolean }, number]>([
    ['finished or past its deadline: the spec’s', pod(), { gone: false }, 30],
    ['deleted: the deletion’s', pod({ ...deleted, deletionGracePeriodSeconds: 5 }), { gone: false }, 5],
    ['deleted with 0: one second', pod({ ...deleted, deletionGracePeriodSeconds: 0 }), { gone: false }, 1],
    [
      'forced away in the middle of a graceful deletion: one second',
      pod({ ...deleted, deletionGracePeriodSeconds: 60 }),
      { gone: true },
      1,
    ],
    ['gone without one: one second', pod(), { gone: true }, 1],
  ])('%s', (_, p, request, seconds) => expect(graceSecondsOf(p, request)).toBe(seconds));
});

describe('decideTermination', () => {
  const steps = (states: Record<string, ContainerRecord['state']>, sandbox?: 'notready'): string[] =>
    decideTermination(pod(), runtime(states, sandbox)).map((a) =>
      a.type === 'stop-container' ? a.container.name : `sandbox ${a.id}`,
    );
  test.each<[string, Record<string, ContainerRecord['state']>, string[]]>([
    ['app containers together', { a: 'running', b: 'running', s0: 'running', s1: 'running' }, ['a', 'b']],
    ['then sidecars from the last', { a: 'exited', b: 'exited', s0: 'running', s1: 'running' }, ['s1']],
    ['to the first', { s0: 'running', s1: 'exited' }, ['s0']],
    ['then the sandbox', { a: 'exited', s0: 'exited' }, ['sandbox sb']],
    ['unknown counts as alive', { a: 'unknown' }, ['a']],
    ['created does not', { a: 'created' }, ['sandbox sb']],
  ])('%s', (_, states, expected) => expect(steps(states)).toEqual(expected));
  test('over when all is stopped', () => expect(steps({ a: 'exited' }, 'notready')).toEqual([]));
});

test.each([
  ['what is left of the time', 2500, 3],
  ['at least two seconds', 500, 2],
  ['when it is over, too', -9000, 2],
  ['at most what a request and the runtime can count', 2 ** 63 * 1000, 2_147_483_647],
])('stopSeconds: %s', (_, left, seconds) => expect(stopSeconds(now + left, now)).toBe(seconds));
