// The Lease kind. Follows pkg/registry/coordination/lease and pkg/apis/coordination/validation of v1.36.

import type { Lease } from '../../generated/types.ts';
import { type FieldError, FieldPath, forbiddenField, invalid, notSupported } from '../../meta/errors.ts';
import { qualifiedName } from '../../meta/names.ts';
import { invalidEach } from '../../meta/validate-meta.ts';
import type { KindDefinition } from '../../scheme.ts';
import { ageColumn, allVerbs, nameColumn, simpleStrategy, textColumn } from '../common.ts';

const path = new FieldPath('spec');

// Names without a domain are Kubernetes' own.
const strategyErrors = (at: FieldPath, strategy: string): FieldError[] =>
  strategy.includes('/')
    ? invalidEach(at, strategy, qualifiedName(strategy))
    : strategy === 'OldestEmulationVersion'
      ? []
      : [notSupported(at, strategy, ['OldestEmulationVersion'])];

function validateLease({ spec = {} }: Lease): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0) {
    errors.push(invalid(path.child('leaseDurationSeconds'), spec.leaseDurationSeconds, 'must be greater than 0'));
  }
  if (spec.leaseTransitions !== undefined && spec.leaseTransitions < 0) {
    errors.push(invalid(path.child('leaseTransitions'), spec.leaseTransitions, 'must be greater than or equal to 0'));
  }
  if (spec.strategy !== undefined) errors.push(...strategyErrors(path.child('strategy', 'strategy'), spec.strategy));
  if (spec.preferredHolder && !spec.strategy) {
    errors.push(forbiddenField(path.child('preferredHolder'), 'may only be specified if `strategy` is defined'));
  }
  return errors;
}

export const leaseKind: KindDefinition<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  resource: 'leases',
  singular: 'lease',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.coordination.v1.Lease',
  strategy: {
    ...simpleStrategy<Lease>({ namespaced: true, check: validateLease }),
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: false,
  },
  columns: [
    nameColumn,
    textColumn<Lease>('Holder', 'Who holds the lease.', (lease) => lease.spec?.holderIdentity ?? ''),
    ageColumn,
  ],
};
