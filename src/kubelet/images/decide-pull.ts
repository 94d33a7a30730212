// Decides whether a pod may use an image that is there, or must show the registry its own credentials first. Pure.
// Follows MustAttemptImagePull in pkg/kubelet/images/pullmanager/image_pull_manager.go of v1.36, with the policy NeverVerifyPreloadedImages.

import type { PullCredential, SecretCredential } from './registry-credentials.ts';

/** Who has pulled an image under one name. */
export interface PullAccess {
  /** It came without credentials: every pod of the node may use it. */
  nodePodsAccessible?: boolean;
  kubernetesSecrets?: SecretCredential[];
}

/** What is kept of an image that the kubelet has pulled. Follows kubelet.config.k8s.io/v1beta1 ImagePulledRecord. */
export interface ImagePulledRecord {
  kind: 'ImagePulledRecord';
  apiVersion: 'kubelet.config.k8s.io/v1beta1';
  lastUpdatedTime: string;
  imageRef: string;
  /** By the image's name without tag and digest. */
  credentialMapping: Record<string, PullAccess>;
}

export type PullDecision =
  | 'use'
  | 'pull'
  /** May be used; the secret at hand is worth remembering. */
  | { use: SecretCredential };

const sameSecret = (a: SecretCredential, b: SecretCredential): boolean =>
  a.uid === b.uid && a.namespace === b.namespace && a.name === b.name;

/**
 * Whether the image must be pulled although it is there. `record` is undefined for an image that the kubelet has not pulled;
 * `intended` tells that it began to.
 */
export function decidePull(
  record: ImagePulledRecord | undefined,
  intended: boolean,
  repository: string,
  credentials: readonly PullCredential[],
): PullDecision {
  if (record === undefined) return intended ? 'pull' : 'use';
  const access = record.credentialMapping[repository];
  if (access === undefined) return 'pull';
  if (access.nodePodsAccessible === true) return 'use';
  for (const { secret } of credentials) {
    for (const known of access.kubernetesSecrets ?? []) {
      const sameCredential = known.credentialHash === secret.credentialHash;
      // A secret that was allowed once stays so when its password is changed.
      if (sameCredential && sameSecret(known, secret)) return 'use';
      if (sameCredential || sameSecret(known, secret)) return { use: secret };
    }
  }
  return 'pull';
}

/** The access after a pull with that secret, or with none. */
export function grantAccess(access: PullAccess | undefined, secret: SecretCredential | undefined): PullAccess {
  if (secret === undefined || access?.nodePodsAccessible === true) return { nodePodsAccessible: true };
  const others = (access?.kubernetesSecrets ?? []).filter((known) => !sameSecret(known, secret));
  return { kubernetesSecrets: [...others, secret] };
}
