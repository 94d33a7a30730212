// /runningpods/: the pods that the runtime has containers of, whoever asked for them. Follows getRunningPods of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import type { RuntimeService } from '../../cri/runtime.ts';
import { containerNameLabel, podNameLabel, podNamespaceLabel, podUidLabel } from '../runtime-labels.ts';

/** Running containers by pod, with no more than names and images. */
export async function runningPods(runtime: RuntimeService, signal: AbortSignal): Promise<Pod[]> {
  const pods = new Map<string, Pod & { spec: NonNullable<Pod['spec']> }>();
  for (const { labels, image } of await runtime.listContainers({ state: 'running' }, signal)) {
    const {
      [podNameLabel]: name,
      [podNamespaceLabel]: namespace,
      [podUidLabel]: uid,
      [containerNameLabel]: container,
    } = labels;
    if (name === undefined || namespace === undefined || uid === undefined || container === undefined) continue;
    const pod = pods.get(uid) ?? { metadata: { name, namespace, uid }, spec: { containers: [] } };
    pod.spec.containers.push({ name: container, image: image.image });
    pods.set(uid, pod);
  }
  return [...pods.values()];
}
