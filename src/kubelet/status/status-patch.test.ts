// Tests the patch between two statuses.
import { describe, expect, test } from 'vitest';
import { podStatusPatch } from './status-patch.ts';

describe('podStatusPatch', () => {
  test('nothing to say', () =>
    expect(podStatusPatch('u', { phase: 'Running', conditions: [] }, { phase: 'Running' })).toBeUndefined());

  test('only what changed, keyed lists by item with their order', () => {
    const before = {
      phase: 'Pending' as const,
      message: 'old',
      conditions: [
        { type: 'PodScheduled', status: 'True' },
        { type: 'Ready', status: 'False', reason: 'ContainersNotReady' },
      ],
      podIPs: [{ ip: '10.0.0.1' }],
    };
    const after = {
      phase: 'Running' as const,
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'PodScheduled', status: 'True' },
      ],
      podIPs: [{ ip: '10.0.0.2' }],
      containerStatuses: [{ name: 'c', image: 'i', imageID: '', ready: true, restartCount: 0 }],
    };
    expect(podStatusPatch('u', before, after)).toEqual({
      metadata: { uid: 'u' },
      status: {
        phase: 'Running',
        message: null,
        '$setElementOrder/conditions': [{ type: 'Ready' }, { type: 'PodScheduled' }],
        conditions: [{ type: 'Ready', status: 'True', reason: null }],
        '$setElementOrder/podIPs': [{ ip: '10.0.0.2' }],
        podIPs: [{ ip: '10.0.0.2' }, { $patch: 'delete', ip: '10.0.0.1' }],
        containerStatuses: after.containerStatuses,
      },
    });
  });
});
