// The PriorityLevelConfiguration kind. Follows pkg/registry/flowcontrol/prioritylevelconfiguration and
// pkg/apis/flowcontrol/v1/defaults.go of v1.36.

import type { PriorityLevelConfiguration, QueuingConfiguration } from '../../generated/types.ts';
import type { KindDefinition, Strategy, TableColumn } from '../../scheme.ts';
import {
  ageColumn,
  allVerbs,
  assign,
  countSpecChange,
  keepMetadata,
  nameColumn,
  statusVerbs,
  textColumn,
} from '../common.ts';
import { noFairness } from '../flowschema/definition.ts';
import { validatePriorityLevel, validatePriorityLevelStatus, validatePriorityLevelUpdate } from './validate.ts';

function setDefaults({ spec }: PriorityLevelConfiguration): void {
  if (spec?.exempt) {
    spec.exempt.nominalConcurrencyShares ??= 0;
    spec.exempt.lendablePercent ??= 0;
  }
  if (!spec?.limited) return;
  // 0 is a number of shares like any other.
  spec.limited.nominalConcurrencyShares ??= 30;
  spec.limited.lendablePercent ??= 0;
  const queuing = spec.limited.limitResponse?.queuing;
  if (!queuing) return;
  queuing.handSize ||= 8;
  queuing.queues ||= 64;
  queuing.queueLengthLimit ||= 50;
}

const strategy: Strategy<PriorityLevelConfiguration> = {
  resetFields: [['status']],
  prepareForCreate(level) {
    level.status = {};
  },
  validateCreate: validatePriorityLevel,
  prepareForUpdate(level, old) {
    countSpecChange(level, old);
    assign(level, 'status', old.status);
  },
  validateUpdate: validatePriorityLevelUpdate,
  warnings: (_, old) => (old === undefined ? [noFairness] : []),
};

const statusStrategy: Strategy<PriorityLevelConfiguration> = {
  resetFields: [['metadata'], ['spec']],
  validateCreate: () => [],
  prepareForUpdate(level, old) {
    keepMetadata(level, old);
    assign(level, 'spec', old.spec);
  },
  validateUpdate: validatePriorityLevelStatus,
};

/** A column of a number of the queues, where there are some. */
function queueColumn(
  name: string,
  description: string,
  field: keyof QueuingConfiguration,
): TableColumn<PriorityLevelConfiguration> {
  return {
    name,
    type: 'string',
    description,
    priority: 0,
    cell: ({ spec }) => spec?.limited?.limitResponse?.queuing?.[field] ?? '<none>',
  };
}

export const priorityLevelConfigurationKind: KindDefinition<PriorityLevelConfiguration> = {
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  resource: 'prioritylevelconfigurations',
  singular: 'prioritylevelconfiguration',
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration',
  hasGeneration: true,
  defaults: setDefaults,
  strategy,
  columns: [
    nameColumn,
    textColumn<PriorityLevelConfiguration>('Type', 'Whether its requests are limited.', ({ spec }) => spec?.type ?? ''),
    {
      name: 'NominalConcurrencyShares',
      type: 'string',
      description: 'Its share of the requests that run at a time.',
      priority: 0,
      cell: ({ spec }: PriorityLevelConfiguration) =>
        spec?.limited ? (spec.limited.nominalConcurrencyShares ?? 0) : '<none>',
    },
    queueColumn('Queues', 'How many queues it has.', 'queues'),
    queueColumn('HandSize', 'How many of them a flow may use.', 'handSize'),
    queueColumn('QueueLengthLimit', 'How many requests may wait in one.', 'queueLengthLimit'),
    ageColumn,
  ],
  subresources: { status: { kind: 'object', verbs: statusVerbs, strategy: statusStrategy } },
};
