// Takes fields out of a pod whose feature gates are off in v1.36. Follows dropContainerStopSignals in pkg/api/pod/util.go.

import type { Pod, PodSpec } from '../../generated/types.ts';
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

/** Drops them in place; upstream does it silently, here `warn` gets a line for each. */
export function dropDisabledFields(pod: Pod, old: Pod | undefined, warn: (text: string) => void): void {
  if (!pod.spec) return;
  for (const path of dropStopSignals(pod.spec, old?.spec)) warn(`${path.toString()}: accepted but not acted on`);
}
