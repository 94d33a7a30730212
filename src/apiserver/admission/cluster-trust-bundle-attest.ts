// The plugin ClusterTrustBundleAttest: a bundle of a signer is written by who may attest for that signer.
// Follows plugin/pkg/admission/certificates/ctbattest of v1.36.

import type { V1beta1ClusterTrustBundle } from '../../api/generated/types.ts';
import { equalJson } from '../../api/meta/equal.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import type { KubeObject } from '../../api/meta/types.ts';
import { type AdmissionPlugin, isWriteOf, refuse } from './admission.ts';
import { type MayDo, maySigner } from './certificates.ts';

/** Without what the garbage collector changes. */
function withoutOwnership(object: KubeObject): KubeObject {
  const { ownerReferences: _, finalizers: __, managedFields: ___, ...metadata } = object.metadata ?? {};
  return { ...object, metadata };
}

export const clusterTrustBundleAttest = (mayDo: MayDo): AdmissionPlugin => ({
  name: 'ClusterTrustBundleAttest',
  async validate(at) {
    if (!isWriteOf(at, 'certificates.k8s.io', 'clustertrustbundles') || at.object === undefined) return;
    // An update that names another signer is refused by validation.
    const { signerName = '' } = (at.object as V1beta1ClusterTrustBundle).spec;
    if (signerName === '') return;
    if (at.old !== undefined && equalJson(withoutOwnership(at.object), withoutOwnership(at.old))) return;
    if (!(await maySigner(mayDo, at.user, 'attest', signerName)))
      throw refuse(at, `user not permitted to attest for signerName ${goQuote(signerName)}`);
  },
});
