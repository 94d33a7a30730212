// The FlowSchema kind. Follows pkg/registry/flowcontrol/flowschema of v1.36.

import type { FlowSchema } from '../../generated/types.ts';
import type { KindDefinition, Strategy } from '../../scheme.ts';
import {
  ageColumn,
  allVerbs,
  assign,
  countSpecChange,
  idle,
  keepMetadata,
  nameColumn,
  statusVerbs,
  textColumn,
} from '../common.ts';
import { validateFlowSchema, validateFlowSchemaStatus, validateFlowSchemaUpdate } from './validate.ts';

const defaultPrecedence = 1000;

/** Said once of each object, not of those that every cluster has. */
export const noFairness = idle('spec', 'requests are not yet queued by priority and fairness');

const strategy: Strategy<FlowSchema> = {
  resetFields: [['status']],
  prepareForCreate(schema) {
    schema.status = {};
  },
  validateCreate: validateFlowSchema,
  prepareForUpdate(schema, old) {
    countSpecChange(schema, old);
    assign(schema, 'status', old.status);
  },
  validateUpdate: validateFlowSchemaUpdate,
  warnings: (_, old) => (old === undefined ? [noFairness] : []),
};

const statusStrategy: Strategy<FlowSchema> = {
  resetFields: [['metadata'], ['spec']],
  validateCreate: () => [],
  prepareForUpdate(schema, old) {
    keepMetadata(schema, old);
    assign(schema, 'spec', old.spec);
  },
  validateUpdate: validateFlowSchemaStatus,
};

/** Whether it names a priority level that is not there; `?` while nobody knows. */
const isDangling = ({ status }: FlowSchema): string =>
  status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?';

const precedence = ({ spec }: FlowSchema): number => spec?.matchingPrecedence ?? 0;

export const flowSchemaKind: KindDefinition<FlowSchema> = {
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'FlowSchema',
  resource: 'flowschemas',
  singular: 'flowschema',
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.flowcontrol.v1.FlowSchema',
  hasGeneration: true,
  defaults({ spec }) {
    if (spec) spec.matchingPrecedence ||= defaultPrecedence;
  },
  strategy,
  columns: [
    nameColumn,
    textColumn<FlowSchema>(
      'PriorityLevel',
      'The priority level of its requests.',
      ({ spec }) => spec?.priorityLevelConfiguration?.name ?? '',
    ),
    {
      name: 'MatchingPrecedence',
      type: 'string',
      description: 'Of the schemas that match a request the one with the lowest number counts.',
      priority: 0,
      cell: precedence,
    },
    textColumn<FlowSchema>(
      'DistinguisherMethod',
      'What divides its requests into flows.',
      ({ spec }) => spec?.distinguisherMethod?.type ?? '<none>',
    ),
    ageColumn,
    textColumn<FlowSchema>('MissingPL', 'Whether its priority level is missing.', isDangling),
  ],
  compareRows: (a, b) =>
    precedence(a) - precedence(b) || ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1),
  subresources: { status: { kind: 'object', verbs: statusVerbs, strategy: statusStrategy } },
};
