import { describe, expect, it } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import { decidePodGc, quarantineMs } from './decide.ts';

const pod = (
  name: string,
  changes: {
    node?: string;
    phase?: 'Pending' | 'Running' | 'Failed' | 'Succeeded';
    deleting?: boolean;
    at?: string;
    reason?: string;
  } = {},
): Pod => ({
  metadata: {
    name,
    creationTimestamp: changes.at ?? '2026-01-01T00:00:00Z',
    ...(changes.deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
  },
  spec: { containers: [], ...(changes.node ? { nodeName: changes.node } : {}) },
  status: { phase: changes.phase ?? 'Running', ...(changes.reason ? { reason: changes.reason } : {}) },
});
const nodes = [{ metadata: { name: 'here' } }];
const fresh = { missingSince: new Map<string, number>() };
const shown = (round: ReturnType<typeof decidePodGc>) =>
  round.actions.map(({ why, pod: one }) => `${why} ${one.metadata?.name}`);

describe('decidePodGc', () => {
  it('takes pods of a missing node after the quarantine, not before', () => {
    const pods = [pod('a', { node: 'here' }), pod('b', { node: 'gone' })];
    const first = decidePodGc(pods, nodes, fresh, 0);
    expect(shown(first)).toEqual([]);
    const second = decidePodGc(pods, nodes, first.state, quarantineMs - 1);
    expect(shown(second)).toEqual([]);
    expect(shown(decidePodGc(pods, nodes, second.state, quarantineMs))).toEqual(['orphaned b']);
    const back = decidePodGc(pods, [...nodes, { metadata: { name: 'gone' } }], second.state, quarantineMs);
    expect(back.actions).toEqual([]);
    expect(back.state.missingSince.size).toBe(0);
  });

  it('takes deleted pods of nodes that are out of service and not ready', () => {
    const taints = [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' as const }];
    const node = (name: string, ready: string, tainted: boolean) => ({
      metadata: { name },
      spec: tainted ? { taints } : {},
      status: { conditions: [{ type: 'Ready', status: ready }] },
    });
    const some = [node('dead', 'Unknown', true), node('fine', 'True', true), node('quiet', 'Unknown', false)];
    const pods = [
      pod('a', { node: 'dead', deleting: true }),
      pod('b', { node: 'dead' }),
      pod('c', { node: 'fine', deleting: true }),
      pod('d', { node: 'quiet', deleting: true }),
    ];
    expect(shown(decidePodGc(pods, some, fresh, 0))).toEqual(['out-of-service a']);
  });

  it('takes deleted pods that were never placed', () => {
    const pods = [
      pod('a', { deleting: true, phase: 'Pending' }),
      pod('b', { phase: 'Pending' }),
      pod('c', { deleting: true, node: 'here' }),
    ];
    expect(shown(decidePodGc(pods, nodes, fresh, 0))).toEqual(['unscheduled a']);
  });

  it('takes finished pods beyond the threshold: evicted, then oldest', () => {
    const pods = [
      pod('young', { node: 'here', phase: 'Failed', at: '2026-01-03T00:00:00Z' }),
      pod('old', { node: 'here', phase: 'Succeeded', at: '2026-01-01T00:00:00Z' }),
      pod('evicted', { node: 'here', phase: 'Failed', at: '2026-01-04T00:00:00Z', reason: 'Evicted' }),
      pod('running', { node: 'here', at: '2025-01-01T00:00:00Z' }),
    ];
    expect(shown(decidePodGc(pods, nodes, fresh, 0, 1))).toEqual(['terminated evicted', 'terminated old']);
    expect(shown(decidePodGc(pods, nodes, fresh, 0, 0))).toEqual([]);
  });
});
