// Decides what is to be done so that a signer's CA is published in one trust bundle, and old ones go.
// Follows pkg/controller/certificates/clustertrustbundlepublisher/publisher.go of v1.36.

import { createHash } from 'node:crypto';
import type { V1beta1ClusterTrustBundle } from '../../api/generated/types.ts';
import { bundleNamePrefix } from '../../api/pki/signer-name.ts';

type Bundle = V1beta1ClusterTrustBundle;

export type PublisherAction =
  | { do: 'create'; name: string; spec: Bundle['spec'] }
  | { do: 'update'; bundle: Bundle }
  | { do: 'delete'; name: string };

/** Another CA has another name, so that a bundle never changes under those who name it. */
const bundleName = (signerName: string, pem: string): string =>
  bundleNamePrefix(signerName) + createHash('sha256').update(pem).digest('hex').slice(0, 24);

/** In the order they are to be done. `existing` are the bundles of that signer. */
export function decideBundles(signerName: string, pem: string, existing: readonly Bundle[]): PublisherAction[] {
  const name = bundleName(signerName, pem);
  const own = existing.find(({ metadata }) => metadata?.name === name);
  const old = existing.filter((bundle) => bundle !== own);
  const actions: PublisherAction[] = old.map(({ metadata }) => ({ do: 'delete', name: metadata?.name ?? '' }));
  if (own === undefined) return [{ do: 'create', name, spec: { signerName, trustBundle: pem } }, ...actions];
  if (own.spec.trustBundle === pem) return actions;
  return [{ do: 'update', bundle: { ...own, spec: { ...own.spec, trustBundle: pem } } }, ...actions];
}
