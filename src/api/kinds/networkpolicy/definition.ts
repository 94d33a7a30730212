// The NetworkPolicy kind. Follows pkg/registry/networking/networkpolicy and pkg/apis/networking of v1.36.

import type { NetworkPolicy } from '../../generated/types.ts';
import { labelSelectorText, selectorOf } from '../../meta/label-selector.ts';
import type { KindDefinition } from '../../scheme.ts';
import { ageColumn, allVerbs, countSpecChange, idle, nameColumn, textColumn } from '../common.ts';
import { validateNetworkPolicy, validateNetworkPolicyUpdate } from './validate.ts';

/** Its pods as `kubectl get` shows them. */
function podSelectorText({ spec }: NetworkPolicy): string {
  try {
    return labelSelectorText(selectorOf(spec?.podSelector ?? {})) || '<none>';
  } catch {
    return '<error>';
  }
}

export const networkPolicyKind: KindDefinition<NetworkPolicy> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  resource: 'networkpolicies',
  singular: 'networkpolicy',
  shortNames: ['netpol'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.networking.v1.NetworkPolicy',
  hasGeneration: true,
  defaults({ spec }) {
    if (!spec) return;
    for (const { ports } of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
      for (const port of ports ?? []) port.protocol ??= 'TCP';
    // A policy that says nothing is one for what comes in, and for what goes out where it has rules for that.
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  strategy: {
    validateCreate: validateNetworkPolicy,
    prepareForUpdate: countSpecChange,
    validateUpdate: validateNetworkPolicyUpdate,
    warnings: () => [
      idle('spec', 'nothing enforces network policies yet, pods reach each other as if there were none'),
    ],
  },
  columns: [
    nameColumn,
    textColumn<NetworkPolicy>('Pod-Selector', 'The pods that it is for.', podSelectorText),
    ageColumn,
  ],
};
