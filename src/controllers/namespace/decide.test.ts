import { describe, expect, it } from 'vitest';
import type { Namespace } from '../../api/generated/types.ts';
import { type EmptyingResult, statusAfter } from './decide.ts';

const now = Date.UTC(2026, 0, 1);
const result = (changes: Partial<EmptyingResult>): EmptyingResult => ({
  discoveryErrors: [],
  contentErrors: [],
  remaining: [],
  finalizers: new Map(),
  ...changes,
});
const texts = (namespace: Namespace, outcome: EmptyingResult) =>
  statusAfter(namespace, outcome, now)?.conditions?.map(
    ({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`,
  );

describe('statusAfter', () => {
  it('says that all is well', () => {
    expect(texts({}, result({}))).toEqual([
      'NamespaceDeletionDiscoveryFailure=False ResourcesDiscovered: All resources successfully discovered',
      'NamespaceDeletionGroupVersionParsingFailure=False ParsedGroupVersions: All legacy kube types successfully parsed',
      'NamespaceDeletionContentFailure=False ContentDeleted: All content successfully deleted, may be waiting on finalization',
      'NamespaceContentRemaining=False ContentRemoved: All content successfully removed',
      'NamespaceFinalizersRemaining=False ContentHasNoFinalizers: All content-preserving finalizers finished',
    ]);
  });

  it('says what is left and what went wrong', () => {
    const outcome = result({
      discoveryErrors: ['metrics.k8s.io/v1: not available'],
      contentErrors: ['boom'],
      remaining: [
        { group: '', resource: 'pods', count: 2 },
        { group: 'coordination.k8s.io', resource: 'leases', count: 1 },
      ],
      finalizers: new Map([['x.io/keep', 2]]),
    });
    const [discovery, , content, remaining, finalizers] = texts({}, outcome) ?? [];
    expect(discovery).toMatch(/=True DiscoveryFailed: Discovery failed for some groups, 1 failing: metrics/);
    expect(content).toBe(
      'NamespaceDeletionContentFailure=True ContentDeletionFailed: Failed to delete all resource types, 1 remaining: boom',
    );
    expect(remaining).toBe(
      'NamespaceContentRemaining=True SomeResourcesRemain: Some resources are remaining: leases.coordination.k8s.io has 1 resource instances, pods. has 2 resource instances',
    );
    expect(finalizers).toBe(
      'NamespaceFinalizersRemaining=True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: x.io/keep in 2 resource instances',
    );
  });

  it('writes nothing that is there already, and keeps the time of a condition whose status stays', () => {
    const first = statusAfter({}, result({ remaining: [{ group: '', resource: 'pods', count: 2 }] }), now);
    const namespace: Namespace = { status: first! };
    expect(
      statusAfter(namespace, result({ remaining: [{ group: '', resource: 'pods', count: 2 }] }), now + 5_000),
    ).toBeUndefined();
    const later = statusAfter(
      namespace,
      result({ remaining: [{ group: '', resource: 'pods', count: 1 }] }),
      now + 5_000,
    );
    expect(later?.conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual(
      Array(5).fill('2026-01-01T00:00:00Z'),
    );
    const empty = statusAfter(namespace, result({}), now + 5_000);
    expect(empty?.conditions?.find(({ type }) => type === 'NamespaceContentRemaining')?.lastTransitionTime).toBe(
      '2026-01-01T00:00:05Z',
    );
  });
});
