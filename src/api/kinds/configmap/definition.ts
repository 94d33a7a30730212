// The ConfigMap kind. Follows pkg/registry/core/configmap of v1.36.

import type { ConfigMap } from '../../generated/types.ts';
import type { KindDefinition } from '../../scheme.ts';
import { ageColumn, allVerbs, nameColumn, simpleStrategy } from '../common.ts';
import { validateConfigMap, validateConfigMapUpdate } from './validate.ts';

const count = (map: object | undefined): number => Object.keys(map ?? {}).length;

export const configMapKind: KindDefinition<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  resource: 'configmaps',
  singular: 'configmap',
  shortNames: ['cm'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.core.v1.ConfigMap',
  strategy: simpleStrategy<ConfigMap>({
    namespaced: true,
    check: validateConfigMap,
    checkUpdate: validateConfigMapUpdate,
  }),
  columns: [
    nameColumn,
    {
      name: 'Data',
      type: 'string',
      description: 'How many keys it holds.',
      priority: 0,
      cell: (object) => count(object.data) + count(object.binaryData),
    },
    ageColumn,
  ],
};
