// Lists the ConfigMaps and Secrets that a pod names anywhere. Follows pkg/api/v1/pod/util.go (VisitPodConfigmapNames, VisitPodSecretNames) of v1.36.

import type { Container, Pod, Volume } from '../../api/generated/types.ts';

export interface ObjectReference {
  kind: 'configmap' | 'secret';
  name: string;
}

function* ofContainer(container: Pick<Container, 'env' | 'envFrom'>): Generator<ObjectReference> {
  for (const source of container.envFrom ?? []) {
    if (source.configMapRef?.name) yield { kind: 'configmap', name: source.configMapRef.name };
    if (source.secretRef?.name) yield { kind: 'secret', name: source.secretRef.name };
  }
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.configMapKeyRef?.name) yield { kind: 'configmap', name: valueFrom.configMapKeyRef.name };
    if (valueFrom?.secretKeyRef?.name) yield { kind: 'secret', name: valueFrom.secretKeyRef.name };
  }
}

/** What one volume's files come from. */
export function* volumeReferences(volume: Volume): Generator<ObjectReference> {
  if (volume.configMap?.name) yield { kind: 'configmap', name: volume.configMap.name };
  if (volume.secret?.secretName) yield { kind: 'secret', name: volume.secret.secretName };
  for (const source of volume.projected?.sources ?? []) {
    if (source.configMap?.name) yield { kind: 'configmap', name: source.configMap.name };
    if (source.secret?.name) yield { kind: 'secret', name: source.secret.name };
  }
}

/** Every reference of the pod, each once: volumes, env of all containers, image pull secrets. */
export function podReferences(pod: Pod): ObjectReference[] {
  const spec = pod.spec;
  const all = [
    ...(spec?.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [{ kind: 'secret' as const, name }] : [])),
    ...[...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])].flatMap(
      (container) => [...ofContainer(container)],
    ),
    ...(spec?.volumes ?? []).flatMap((volume) => [...volumeReferences(volume)]),
  ];
  return [...new Map(all.map((reference) => [`${reference.kind}/${reference.name}`, reference])).values()];
}

/** Whether the volume's files come from that trust bundle, or would if its labels were others; see trust-bundles.ts. */
export const showsTrustBundle = (volume: Volume, { name, signerName }: { name: string; signerName: string }): boolean =>
  (volume.projected?.sources ?? []).some(
    ({ clusterTrustBundle: source }) =>
      source !== undefined && (source.name === name || (signerName !== '' && source.signerName === signerName)),
  );
