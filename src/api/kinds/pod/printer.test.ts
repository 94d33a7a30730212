import { describe, expect, it } from 'vitest';
import type { ContainerStatus, Pod } from '../../generated/types.ts';
import { podColumns, podRowConditions } from './printer.ts';

const now = Date.UTC(2026, 0, 1, 12, 0, 0);
const ago = (seconds: number): string => new Date(now - seconds * 1000).toISOString().replace('.000', '');

function status(name: string, state: ContainerStatus['state'], more: Partial<ContainerStatus> = {}): ContainerStatus {
  return { name, image: 'i', imageID: '', ready: false, restartCount: 0, ...(state ? { state } : {}), ...more };
}
const running = { running: { startedAt: ago(60) } };
const waiting = (reason: string): ContainerStatus['state'] => ({ waiting: { reason } });
const ended = (exitCode: number, reason?: string, signal?: number): ContainerStatus['state'] => ({
  terminated: { exitCode, ...(reason ? { reason } : {}), ...(signal ? { signal } : {}) },
});

function pod(fields: { status?: Pod['status']; spec?: Partial<Pod['spec']>; meta?: Pod['metadata'] }): Pod {
  return {
    metadata: { name: 'p', creationTimestamp: ago(300), ...fields.meta },
    spec: { containers: [{ name: 'a' }], ...fields.spec },
    status: { phase: 'Running', ...fields.status },
  };
}

const row = (object: Pod, wide = false): unknown[] =>
  podColumns.filter((column) => wide || column.priority === 0).map((column) => column.cell(object, now));

describe('pod rows', () => {
  it.each<[string, Pod, string]>([
    ['pending', pod({ status: { phase: 'Pending' } }), 'p 0/1 Pending 0 5m'],
    [
      'creating',
      pod({ status: { phase: 'Pending', containerStatuses: [status('a', waiting('ContainerCreating'))] } }),
      'p 0/1 ContainerCreating 0 5m',
    ],
    ['running', pod({ status: { containerStatuses: [status('a', running, { ready: true })] } }), 'p 1/1 Running 0 5m'],
    [
      'crash loop',
      pod({
        status: {
          containerStatuses: [
            status('a', waiting('CrashLoopBackOff'), {
              restartCount: 3,
              lastState: { terminated: { exitCode: 1, finishedAt: ago(10) } },
            }),
          ],
        },
      }),
      'p 0/1 CrashLoopBackOff 3 (10s ago) 5m',
    ],
    [
      'completed',
      pod({ status: { phase: 'Succeeded', containerStatuses: [status('a', ended(0, 'Completed'))] } }),
      'p 0/1 Completed 0 5m',
    ],
    [
      'exit code',
      pod({ status: { phase: 'Failed', containerStatuses: [status('a', ended(3))] } }),
      'p 0/1 ExitCode:3 0 5m',
    ],
    [
      'signal',
      pod({ status: { phase: 'Failed', containerStatuses: [status('a', ended(137, undefined, 9))] } }),
      'p 0/1 Signal:9 0 5m',
    ],
    [
      'one of two done, not ready',
      pod({
        spec: { containers: [{ name: 'a' }, { name: 'b' }] },
        status: { containerStatuses: [status('a', ended(0, 'Completed')), status('b', running, { ready: true })] },
      }),
      'p 1/2 NotReady 0 5m',
    ],
    [
      'one of two done, but ready',
      pod({
        spec: { containers: [{ name: 'a' }, { name: 'b' }] },
        status: {
          conditions: [{ type: 'Ready', status: 'True' }],
          containerStatuses: [status('a', ended(0, 'Completed')), status('b', running, { ready: true })],
        },
      }),
      'p 1/2 Running 0 5m',
    ],
    [
      'init waits',
      pod({
        spec: { initContainers: [{ name: 'i' }] },
        status: { phase: 'Pending', initContainerStatuses: [status('i', waiting('PodInitializing'))] },
      }),
      'p 0/1 Init:0/1 0 5m',
    ],
    [
      'init runs',
      pod({
        spec: { initContainers: [{ name: 'i' }, { name: 'j' }] },
        status: { phase: 'Pending', initContainerStatuses: [status('i', ended(0)), status('j', running)] },
      }),
      'p 0/1 Init:1/2 0 5m',
    ],
    [
      'init error',
      pod({
        spec: { initContainers: [{ name: 'i' }] },
        status: { phase: 'Pending', initContainerStatuses: [status('i', ended(1, 'Error'))] },
      }),
      'p 0/1 Init:Error 0 5m',
    ],
    [
      'init crash loop',
      pod({
        spec: { initContainers: [{ name: 'i' }] },
        status: {
          phase: 'Pending',
          initContainerStatuses: [status('i', waiting('CrashLoopBackOff'), { restartCount: 2 })],
        },
      }),
      'p 0/1 Init:CrashLoopBackOff 2 5m',
    ],
    [
      'after init',
      pod({
        spec: { initContainers: [{ name: 'i' }] },
        status: {
          phase: 'Pending',
          initContainerStatuses: [status('i', ended(0))],
          containerStatuses: [status('a', waiting('PodInitializing'))],
        },
      }),
      'p 0/1 PodInitializing 0 5m',
    ],
    [
      'sidecar',
      pod({
        spec: { initContainers: [{ name: 'i', restartPolicy: 'Always' }] },
        status: {
          initContainerStatuses: [status('i', running, { ready: true, started: true, restartCount: 1 })],
          containerStatuses: [status('a', running, { ready: true })],
        },
      }),
      'p 2/2 Running 1 5m',
    ],
    [
      'terminating',
      pod({
        meta: { deletionTimestamp: ago(1) },
        status: { containerStatuses: [status('a', running, { ready: true })] },
      }),
      'p 1/1 Terminating 0 5m',
    ],
    [
      'deleted, done',
      pod({
        meta: { deletionTimestamp: ago(1) },
        status: { phase: 'Succeeded', containerStatuses: [status('a', ended(0, 'Completed'))] },
      }),
      'p 0/1 Completed 0 5m',
    ],
    ['node lost', pod({ meta: { deletionTimestamp: ago(1) }, status: { reason: 'NodeLost' } }), 'p 0/1 Unknown 0 5m'],
    ['evicted', pod({ status: { phase: 'Failed', reason: 'Evicted' } }), 'p 0/1 Evicted 0 5m'],
    [
      'gated',
      pod({
        status: {
          phase: 'Pending',
          conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }],
        },
      }),
      'p 0/1 SchedulingGated 0 5m',
    ],
  ])('%s', (_name, object, expected) => {
    expect(row(object).join(' ')).toBe(expected);
  });

  it('shows more when wide', () => {
    expect(row(pod({}), true).slice(5)).toEqual(['<none>', '<none>', '<none>', '<none>']);
    const full = pod({
      spec: { nodeName: 'n', readinessGates: [{ conditionType: 'x' }, { conditionType: 'y' }] },
      status: { podIPs: [{ ip: '10.0.0.1' }], nominatedNodeName: 'm', conditions: [{ type: 'x', status: 'True' }] },
    });
    expect(row(full, true).slice(5)).toEqual(['10.0.0.1', 'n', 'm', '1/2']);
  });

  it('marks ended pods', () => {
    expect(podRowConditions(pod({ status: { phase: 'Failed' } }))).toEqual([
      { type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' },
    ]);
    expect(podRowConditions(pod({}))).toEqual([]);
  });
});
