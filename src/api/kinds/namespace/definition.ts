// The Namespace kind. Follows pkg/registry/core/namespace of v1.36.

import type { Namespace } from '../../generated/types.ts';
import type { KindDefinition } from '../../scheme.ts';
import { ageColumn, allVerbs, nameColumn, textColumn } from '../common.ts';
import { labelWithName, namespaceFinalizeStrategy, namespaceStatusStrategy, namespaceStrategy } from './strategy.ts';

export const namespaceKind: KindDefinition<Namespace> = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  resource: 'namespaces',
  singular: 'namespace',
  shortNames: ['ns'],
  categories: [],
  namespaced: false,
  verbs: allVerbs.filter((verb) => verb !== 'deletecollection'),
  definition: 'io.k8s.api.core.v1.Namespace',
  defaults(namespace) {
    labelWithName(namespace);
    if (namespace.status) namespace.status.phase ||= 'Active';
  },
  strategy: namespaceStrategy,
  selectableFields: (namespace) => ({
    'status.phase': namespace.status?.phase ?? '',
  }),
  fieldLabels: ['status.phase'],
  columns: [
    nameColumn,
    textColumn<Namespace>('Status', 'Whether the namespace is in use or going away.', (o) => o.status?.phase ?? ''),
    ageColumn,
  ],
  subresources: {
    status: { kind: 'object', verbs: ['get', 'update', 'patch'], strategy: namespaceStatusStrategy },
    finalize: { kind: 'object', verbs: ['update'], strategy: namespaceFinalizeStrategy },
  },
};
