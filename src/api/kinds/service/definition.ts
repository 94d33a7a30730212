// The Service kind. Follows pkg/registry/core/service of v1.36.

import type { Service } from '../../generated/types.ts';
import type { KindDefinition } from '../../scheme.ts';
import { allVerbs } from '../common.ts';
import { setServiceDefaults } from './defaults.ts';
import { serviceColumns } from './printer.ts';
import { serviceStatusStrategy, serviceStrategy } from './strategy.ts';

export const serviceKind: KindDefinition<Service> = {
  group: '',
  version: 'v1',
  kind: 'Service',
  resource: 'services',
  singular: 'service',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.core.v1.Service',
  defaults: setServiceDefaults,
  strategy: serviceStrategy,
  selectableFields: ({ spec }) => ({ 'spec.clusterIP': spec?.clusterIP ?? '', 'spec.type': spec?.type ?? '' }),
  fieldLabels: ['spec.clusterIP', 'spec.type'],
  columns: serviceColumns,
  subresources: {
    status: { kind: 'object', verbs: ['get', 'update', 'patch'], strategy: serviceStatusStrategy },
    proxy: {
      kind: 'custom',
      verbs: ['create', 'delete', 'get', 'patch', 'update'],
      bodyKind: { group: '', version: 'v1', kind: 'ServiceProxyOptions' },
    },
  },
};
