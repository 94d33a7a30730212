// Tables over probes: when they are due, and what their results mean.
import { describe, expect, test } from 'vitest';
import type { Probe } from '../../api/generated/types.ts';
import {
  decideProbe,
  initialProbeState,
  type ProbeKind,
  type ProbeState,
  type ProbeTarget,
  takeProbeResult,
} from './decide-probe.ts';

const t0 = Date.UTC(2026, 0, 1);

describe('decideProbe', () => {
  const running: ProbeTarget = { state: 'running', startedAt: t0, started: true, terminating: false };
  const cases: [string, ProbeKind, Probe, Partial<ProbeTarget>, Partial<ProbeState>, number, string][] = [
    ['a running container', 'liveness', {}, {}, {}, 0, 'probe'],
    ['within the initial delay', 'liveness', { initialDelaySeconds: 5 }, {}, {}, 4999, 'wait until 5000'],
    ['at its end', 'liveness', { initialDelaySeconds: 5 }, {}, {}, 5000, 'probe'],
    ['readiness waits for startup', 'readiness', {}, { started: false }, {}, 9000, 'wait'],
    ['liveness waits for startup', 'liveness', {}, { started: false }, {}, 9000, 'wait'],
    ['startup asks', 'startup', {}, { started: false }, {}, 0, 'probe'],
    ['and asks no more once it has started', 'startup', {}, {}, {}, 0, 'wait'],
    ['its delay counts first', 'startup', { initialDelaySeconds: 1 }, { started: false }, {}, 0, 'wait until 1000'],
    ['on hold', 'liveness', {}, {}, { onHold: true }, 0, 'wait'],
    ['ended', 'readiness', {}, { state: 'ended' }, {}, 0, 'end'],
    ['not there', 'readiness', {}, { state: 'absent' }, {}, 0, 'wait'],
    ['liveness of a pod that ends', 'liveness', {}, { terminating: true }, {}, 0, 'end'],
    ['startup of a pod that ends', 'startup', {}, { terminating: true, started: false }, {}, 0, 'end'],
    ['readiness of a pod that ends', 'readiness', {}, { terminating: true }, {}, 0, 'probe'],
  ];
  test.each(cases)('%s', (_, kind, probe, target, state, ms, expected) => {
    const action = decideProbe(
      kind,
      probe,
      { ...initialProbeState(kind, 'c'), ...state },
      { ...running, ...target },
      t0 + ms,
    );
    const at = action.type === 'wait' && action.at !== undefined ? ` until ${action.at - t0}` : '';
    expect(action.type + at).toBe(expected);
  });
});

describe('takeProbeResult', () => {
  const verdicts = (kind: ProbeKind, probe: Probe, results: string): string => {
    let state = initialProbeState(kind, 'c');
    const seen = [state.verdict];
    for (const letter of results) {
      state = takeProbeResult(kind, probe, state, letter === '+' ? 'success' : 'failure');
      seen.push(state.verdict);
    }
    return seen.map((v) => ({ success: '+', failure: '-', unknown: '?' })[v]).join('') + (state.onHold ? ' held' : '');
  };
  test.each<[string, ProbeKind, Probe, string, string]>([
    ['readiness begins as a failure', 'readiness', {}, '', '-'],
    ['liveness as a success', 'liveness', {}, '', '+'],
    ['startup as neither', 'startup', {}, '', '?'],
    ['one success makes ready', 'readiness', {}, '+', '-+'],
    ['or as many as asked for', 'readiness', { successThreshold: 3 }, '+++', '---+'],
    ['in a row', 'readiness', { successThreshold: 2 }, '+-++', '----+'],
    ['three failures make unready', 'readiness', {}, '+---', '-+++-'],
    ['in a row, too', 'readiness', {}, '+--+---', '-++++++-'],
    ['and readiness goes on after them', 'readiness', { failureThreshold: 1 }, '+-+-', '-+-+-'],
    ['liveness fails at its threshold and is held', 'liveness', { failureThreshold: 2 }, '+-+--', '+++++- held'],
    ['startup fails at its threshold', 'startup', { failureThreshold: 2 }, '--', '??- held'],
    ['or succeeds before', 'startup', { failureThreshold: 3 }, '--+', '???+'],
  ])('%s', (_, kind, probe, results, expected) => expect(verdicts(kind, probe, results)).toBe(expected));

  test('what was known before the kubelet started is taken over', () => {
    expect(initialProbeState('readiness', 'c', 'success').verdict).toBe('success');
  });
});
