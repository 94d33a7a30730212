// The ClusterTrustBundle kind in its two versions, which have the same fields.
// Follows pkg/registry/certificates/clustertrustbundle and pkg/printers/internalversion of v1.36.

import type { V1beta1ClusterTrustBundle } from '../../generated/types.ts';
import type { KindDefinition } from '../../scheme.ts';
import { allVerbs, nameColumn, textColumn } from '../common.ts';
import { validateAnchors, validateTrustBundle } from './validate.ts';

type Bundle = V1beta1ClusterTrustBundle;

const group = 'certificates.k8s.io';
const resource = 'clustertrustbundles';
const apiVersionOf = (version: string): string => `${group}/${version}`;
const storedAs = apiVersionOf('v1beta1');

const kindIn = (version: 'v1beta1' | 'v1alpha1'): KindDefinition<Bundle> => ({
  group,
  version,
  kind: 'ClusterTrustBundle',
  resource,
  singular: 'clustertrustbundle',
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: `io.k8s.api.certificates.${version}.ClusterTrustBundle`,
  gate: 'ClusterTrustBundle',
  strategy: {
    validateCreate: validateTrustBundle,
    validateUpdate: validateTrustBundle,
    validateLong: (bundle, old, _found, _context, signal) => validateAnchors(bundle, old, signal),
    allowUnconditionalUpdate: false,
  },
  selectableFields: ({ spec }) => ({ 'spec.signerName': spec.signerName ?? '' }),
  fieldLabels: ['spec.signerName'],
  columns: [
    nameColumn,
    textColumn<Bundle>(
      'SignerName',
      'The signer whose certificates its anchors vouch for.',
      ({ spec }) => spec.signerName || '<none>',
    ),
  ],
  storage: {
    group,
    resource,
    toStorage: (bundle) => ({ ...bundle, apiVersion: storedAs }),
    fromStorage: (stored) => ({ ...(stored as Bundle), apiVersion: apiVersionOf(version) }),
  },
});

export const clusterTrustBundleKind = kindIn('v1beta1');
export const alphaClusterTrustBundleKind: KindDefinition<Bundle> = {
  ...kindIn('v1alpha1'),
  requestWarnings: [`${apiVersionOf('v1alpha1')} ClusterTrustBundle is deprecated in v1.34+, unavailable in v1.37+`],
};
