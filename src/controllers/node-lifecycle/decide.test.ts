import { describe, expect, it } from 'vitest';
import type { Node, Taint } from '../../api/generated/types.ts';
import { decideNode, type Expulsion, gracePeriodMs, heard } from './decide.ts';

const now = Date.UTC(2026, 0, 1);
const node = (conditions: Record<string, string>, taints: Taint[] = [], unschedulable = false): Node => ({
  metadata: { name: 'n', creationTimestamp: '2025-12-31T00:00:00Z' },
  spec: { taints, unschedulable },
  status: {
    conditions: Object.entries(conditions).map(([type, status]) => ({
      type,
      status,
      lastHeartbeatTime: '2025-12-31T23:59:00Z',
    })),
  },
});
const alive = { renewTime: 'x', statusTime: '', seenAt: now };
const silent = { ...alive, seenAt: now - gracePeriodMs };
const shown = (taints: readonly Taint[] | undefined) =>
  taints?.map(({ key, effect }) => `${key.replace('node.kubernetes.io/', '')}:${effect}`);
const own = (name: string, effect: Taint['effect']): Taint => ({ key: `node.kubernetes.io/${name}`, effect });

describe('decideNode', () => {
  it.each<[string, Record<string, string>, Taint[], boolean, string[] | undefined]>([
    ['leaves a healthy node alone', { Ready: 'True' }, [], false, undefined],
    ['clears the taint of registration', { Ready: 'True' }, [own('not-ready', 'NoSchedule')], false, []],
    ['keeps that taint while nothing was reported', {}, [own('not-ready', 'NoSchedule')], false, undefined],
    ['taints one that is not ready', { Ready: 'False' }, [], false, ['not-ready:NoSchedule', 'not-ready:NoExecute']],
    [
      'taints pressure',
      { Ready: 'True', MemoryPressure: 'True', DiskPressure: 'True', PIDPressure: 'False' },
      [],
      false,
      ['memory-pressure:NoSchedule', 'disk-pressure:NoSchedule'],
    ],
    ['taints a cordoned one', { Ready: 'True' }, [], true, ['unschedulable:NoSchedule']],
    [
      'swaps not-ready for unreachable and keeps what is not its own',
      { Ready: 'Unknown' },
      [{ key: 'mine', effect: 'NoSchedule' }, own('not-ready', 'NoSchedule'), own('not-ready', 'NoExecute')],
      false,
      ['mine:NoSchedule', 'unreachable:NoSchedule', 'unreachable:NoExecute'],
    ],
  ])('%s', (_what, conditions, taints, unschedulable, wanted) => {
    expect(shown(decideNode(node(conditions, taints, unschedulable), alive, now).taints)).toEqual(wanted);
  });

  it.each<[Expulsion, Taint[], string[] | undefined]>([
    ['set', [], ['unreachable:NoSchedule', 'unreachable:NoExecute']],
    ['leave', [], ['unreachable:NoSchedule']],
    [
      'leave',
      [own('not-ready', 'NoSchedule'), own('not-ready', 'NoExecute')],
      ['unreachable:NoSchedule', 'unreachable:NoExecute'],
    ],
    ['clear', [own('unreachable', 'NoSchedule'), own('unreachable', 'NoExecute')], ['unreachable:NoSchedule']],
    ['clear', [own('unreachable', 'NoSchedule')], undefined],
  ])('%s: of a node with %j', (expulsion, taints, wanted) => {
    expect(shown(decideNode(node({ Ready: 'Unknown' }, taints), alive, now, expulsion).taints)).toEqual(wanted);
  });

  it('turns a silent node Unknown at once with its taints, and not a ms sooner', () => {
    const quiet = node({ Ready: 'True', MemoryPressure: 'False', NetworkUnavailable: 'False' });
    expect(decideNode(quiet, { ...silent, seenAt: silent.seenAt + 1 }, now)).toMatchObject({
      conditions: [],
      recheckAt: now + 1,
    });
    const verdict = decideNode(quiet, silent, now);
    expect(verdict.conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`)).toEqual([
      'Ready Unknown NodeStatusUnknown',
      'MemoryPressure Unknown NodeStatusUnknown',
      'DiskPressure Unknown NodeStatusNeverUpdated',
      'PIDPressure Unknown NodeStatusNeverUpdated',
    ]);
    expect(verdict.conditions[0]).toMatchObject({
      message: 'Kubelet stopped posting node status.',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    expect(shown(verdict.taints)).toEqual(['unreachable:NoSchedule', 'unreachable:NoExecute']);
    expect(verdict.taints?.map(({ timeAdded }) => timeAdded)).toEqual([undefined, '2026-01-01T00:00:00Z']);
    expect(verdict.recheckAt).toBeUndefined();
  });
});

describe('heard', () => {
  it('counts a renewed lease or a new status as a sign of life, by its own clock', () => {
    const lease = (renewTime: string) => ({ spec: { renewTime } });
    const first = heard(undefined, node({ Ready: 'True' }), lease('a'), 1);
    expect(heard(first, node({ Ready: 'True' }), lease('a'), 2)).toBe(first);
    expect(heard(first, node({ Ready: 'True' }), lease('b'), 3).seenAt).toBe(3);
    expect(heard(first, node({}), lease('a'), 4).seenAt).toBe(4);
  });
});
