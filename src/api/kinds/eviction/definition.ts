// The Eviction kind: posted to pods/NAME/eviction, it asks for a pod to be deleted if its disruption budget lets it, and is not stored.

import type { Eviction } from '../../generated/types.ts';
import type { KindDefinition } from '../../scheme.ts';

export const evictionKind: KindDefinition<Eviction> = {
  group: 'policy',
  version: 'v1',
  kind: 'Eviction',
  resource: 'evictions',
  singular: 'eviction',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: ['create'],
  definition: 'io.k8s.api.policy.v1.Eviction',
  strategy: { validateCreate: () => [], validateUpdate: () => [] },
};
