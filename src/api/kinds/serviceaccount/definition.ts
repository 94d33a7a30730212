// The ServiceAccount kind. Follows pkg/registry/core/serviceaccount of v1.36.

import type { ServiceAccount } from '../../generated/types.ts';
import type { KindDefinition } from '../../scheme.ts';
import { ageColumn, allVerbs, connect, nameColumn, simpleStrategy } from '../common.ts';

// Only the names of secrets mean something here.
function keepSecretNames(account: ServiceAccount): void {
  if (account.secrets) account.secrets = account.secrets.map(({ name }) => (name === undefined ? {} : { name }));
}

const mountable = 'kubernetes.io/enforce-mountable-secrets';

export const serviceAccountKind: KindDefinition<ServiceAccount> = {
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  resource: 'serviceaccounts',
  singular: 'serviceaccount',
  shortNames: ['sa'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.core.v1.ServiceAccount',
  strategy: {
    ...simpleStrategy<ServiceAccount>({ namespaced: true }),
    prepareForCreate: keepSecretNames,
    prepareForUpdate: keepSecretNames,
    warnings: (account, old) =>
      account.metadata?.annotations?.[mountable] !== undefined && old?.metadata?.annotations?.[mountable] === undefined
        ? [
            `metadata.annotations[${mountable}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`,
          ]
        : [],
  },
  subresources: { token: connect(['create'], 'TokenRequest', 'authentication.k8s.io') },
  columns: [nameColumn, ageColumn],
};
