// The ComponentStatus kind: never stored, worked out whenever somebody asks. Follows pkg/registry/core/componentstatus of v1.36.

import type { ComponentCondition, ComponentStatus } from '../../generated/types.ts';
import type { KindDefinition } from '../../scheme.ts';
import { nameColumn, simpleStrategy, textColumn } from '../common.ts';

const healthOf = ({ conditions = [] }: ComponentStatus): ComponentCondition | undefined =>
  conditions.find(({ type }) => type === 'Healthy');

function statusText(component: ComponentStatus): string {
  const health = healthOf(component);
  if (health === undefined) return 'Unknown';
  return health.status === 'True' ? 'Healthy' : 'Unhealthy';
}

export const componentStatusKind: KindDefinition<ComponentStatus> = {
  group: '',
  version: 'v1',
  kind: 'ComponentStatus',
  listKind: 'ComponentStatusList',
  resource: 'componentstatuses',
  singular: 'componentstatus',
  shortNames: ['cs'],
  categories: [],
  namespaced: false,
  verbs: ['get', 'list'],
  definition: 'io.k8s.api.core.v1.ComponentStatus',
  strategy: simpleStrategy<ComponentStatus>({ namespaced: false }),
  requestWarnings: ['v1 ComponentStatus is deprecated in v1.19+'],
  columns: [
    nameColumn,
    textColumn<ComponentStatus>('Status', 'Whether the component is healthy.', statusText),
    textColumn<ComponentStatus>('Message', 'What the check said.', (one) => healthOf(one)?.message ?? ''),
    textColumn<ComponentStatus>('Error', 'Why the check could not be made.', (one) => healthOf(one)?.error ?? ''),
  ],
};
