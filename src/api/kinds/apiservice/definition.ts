// The APIService kind: which server answers for a group version. Follows kube-aggregator pkg/registry/apiservice of v1.36.

import type { APIService } from '../../generated/types.ts';
import type { KindDefinition } from '../../scheme.ts';
import { ageColumn, allVerbs, nameColumn, statusVerbs, textColumn } from '../common.ts';
import { availableCondition } from './conditions.ts';
import { apiServiceStatusStrategy, apiServiceStrategy } from './strategy.ts';
import { pathSegmentName } from '../../meta/names.ts';

/** The port of a server whose APIService names none. */
export const defaultServicePort = 443;

function availableText({ status }: APIService): string {
  const condition = availableCondition(status);
  if (condition === undefined) return 'Unknown';
  return condition.status === 'True' || !condition.reason
    ? condition.status
    : `${condition.status} (${condition.reason})`;
}

export const apiServiceKind: KindDefinition<APIService> = {
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  resource: 'apiservices',
  singular: 'apiservice',
  shortNames: [],
  categories: ['api-extensions'],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService',
  validateName: pathSegmentName,
  defaults({ spec }) {
    if (spec?.service) spec.service.port ??= defaultServicePort;
  },
  strategy: apiServiceStrategy,
  columns: [
    nameColumn,
    textColumn<APIService>('Service', 'The service of the server that answers; Local is this one.', ({ spec }) =>
      spec?.service ? `${spec.service.namespace ?? ''}/${spec.service.name ?? ''}` : 'Local',
    ),
    textColumn<APIService>('Available', 'Whether that server can be reached.', availableText),
    ageColumn,
  ],
  subresources: { status: { kind: 'object', verbs: statusVerbs, strategy: apiServiceStatusStrategy } },
};
