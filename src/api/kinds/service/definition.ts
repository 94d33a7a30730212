// The Service kind, which can be read but not yet made: clients that look for services (kubectl cluster-info) find that there are none.

import type { Service } from '../../generated/types.ts';
import type { KindDefinition } from '../../scheme.ts';
import { ageColumn, nameColumn, simpleStrategy } from '../common.ts';

/** Without a service proxy a service would do nothing: every write is answered by 405 until there is one. */
export const serviceKind: KindDefinition<Service> = {
  group: '',
  version: 'v1',
  kind: 'Service',
  resource: 'services',
  singular: 'service',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  verbs: ['get', 'list', 'watch'],
  definition: 'io.k8s.api.core.v1.Service',
  strategy: simpleStrategy<Service>({ namespaced: true }),
  columns: [nameColumn, ageColumn],
};
