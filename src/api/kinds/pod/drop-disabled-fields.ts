// Takes fields out of a pod whose feature gates are off. Follows dropDisabledFields in pkg/api/pod/util.go of v1.36.

import type { EnabledGates } from '../../feature-gates.ts';
import type { Pod, PodSpec, VolumeProjection } from '../../generated/types.ts';
import { FieldPath } from '../../meta/errors.ts';
import { visitContainers } from '../../pod/containers.ts';

/** Stop signals (ContainerStopSignals) go unless the pod has had one before; a lifecycle with nothing else goes too. Gives what was dropped. */
function dropStopSignals(spec: PodSpec, old: PodSpec | undefined): FieldPath[] {
  const inUse = old && [...visitContainers(old)].some(({ container }) => container.lifecycle?.stopSignal !== undefined);
  if (inUse) return [];
  return [...visitContainers(spec)].flatMap(({ container, path }) => {
    const { lifecycle } = container;
    if (lifecycle?.stopSignal === undefined) return [];
    delete lifecycle.stopSignal;
    if (Object.keys(lifecycle).length === 0) delete container.lifecycle;
    return [path.child('lifecycle', 'stopSignal')];
  });
}

type SourceField = 'clusterTrustBundle' | 'podCertificate';

/** The projected sources of the pod, each with its path. */
const projectedSources = (spec: PodSpec): { source: VolumeProjection; path: FieldPath }[] =>
  (spec.volumes ?? []).flatMap(({ projected }, i) =>
    (projected?.sources ?? []).map((source, j) => ({
      source,
      path: new FieldPath('spec').child('volumes').index(i).child('projected', 'sources').index(j),
    })),
  );

/** A source of projected volumes goes unless the pod has had one before; what is left is a source of nothing. */
function dropSources(spec: PodSpec, old: PodSpec | undefined, field: SourceField): FieldPath[] {
  if (old && projectedSources(old).some(({ source }) => source[field] !== undefined)) return [];
  return projectedSources(spec).flatMap(({ source, path }) => {
    if (source[field] === undefined) return [];
    delete source[field];
    return [path.child(field)];
  });
}

/**
 * Drops in place what no gate in `gates` lets in; upstream does it silently, here `warn` gets a line for each. PodCertificateRequest
 * and ContainerStopSignals are off for good.
 */
export function dropDisabledFields(
  pod: Pod,
  old: Pod | undefined,
  gates: EnabledGates | undefined,
  warn: (text: string) => void,
): void {
  if (!pod.spec) return;
  const dropped = [
    ...dropStopSignals(pod.spec, old?.spec),
    ...(gates?.has('ClusterTrustBundleProjection') ? [] : dropSources(pod.spec, old?.spec, 'clusterTrustBundle')),
    ...dropSources(pod.spec, old?.spec, 'podCertificate'),
  ];
  for (const path of dropped) warn(`${path.toString()}: accepted but not acted on`);
}
