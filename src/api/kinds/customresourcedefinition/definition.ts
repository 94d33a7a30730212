// The CustomResourceDefinition kind. Follows apiextensions-apiserver pkg/registry/customresourcedefinition of v1.36.

import type { CustomResourceDefinition } from '../../generated/types.ts';
import type { KindDefinition, TableColumn } from '../../scheme.ts';
import { allVerbs, nameColumn } from '../common.ts';
import { decodeDefinition } from './decode.ts';
import { setDefinitionDefaults } from './defaults.ts';
import { definitionStatusStrategy, definitionStrategy } from './strategy.ts';

const createdColumn: TableColumn = {
  name: 'Created At',
  type: 'date',
  description: 'When the definition was created.',
  priority: 0,
  cell: (object) => object.metadata?.creationTimestamp ?? '<unknown>',
};

export const customResourceDefinitionKind: KindDefinition<CustomResourceDefinition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  resource: 'customresourcedefinitions',
  singular: 'customresourcedefinition',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
  decode: decodeDefinition,
  defaults: setDefinitionDefaults,
  strategy: definitionStrategy,
  columns: [nameColumn, createdColumn],
  hasGeneration: true,
  subresources: {
    status: { kind: 'object', verbs: ['get', 'update', 'patch'], strategy: definitionStatusStrategy },
  },
};
