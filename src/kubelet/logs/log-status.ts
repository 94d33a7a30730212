// Which container's log a request means, by the pod's status, or why there is none yet. Pure.
// Follows validateContainerLogStatus in pkg/kubelet/kubelet_pods.go of v1.36.

import type { ContainerStatus, PodStatus } from '../../api/generated/types.ts';

const idOf = (containerId: string | undefined): string | undefined => {
  const id = containerId?.slice(containerId.indexOf('://') + 3);
  return id === '' ? undefined : id;
};

/** Gives the runtime's id, or the error text that the client is to see. */
export function logContainerId(
  podName: string,
  status: PodStatus | undefined,
  container: string,
  previous: boolean,
): { id: string } | { error: string } {
  const who = `container ${JSON.stringify(container)} in pod ${JSON.stringify(podName)}`;
  const lists = [status?.containerStatuses, status?.initContainerStatuses, status?.ephemeralContainerStatuses];
  const found = lists.flatMap((list): ContainerStatus[] => list ?? []).find(({ name }) => name === container);
  if (!found) return { error: `${who} is not available` };
  const { state, lastState } = found;
  const last = idOf(lastState?.terminated?.containerID);
  const orElse = (id: string | undefined): { id: string } | { error: string } =>
    id === undefined ? { error: `${who} is terminated` } : { id };
  if (previous) return last === undefined ? { error: `previous terminated ${who} not found` } : { id: last };
  if (state?.running) return orElse(idOf(found.containerID));
  if (state?.terminated) return orElse(idOf(state.terminated.containerID) ?? last);
  if (lastState?.terminated) return orElse(last);
  if (!state?.waiting) return { error: `${who} is waiting to start - no logs yet` };
  switch (state.waiting.reason) {
    case 'ErrImagePull':
      return { error: `${who} is waiting to start: image can't be pulled` };
    case 'ImagePullBackOff':
      return { error: `${who} is waiting to start: trying and failing to pull image` };
    default:
      return { error: `${who} is waiting to start: ${state.waiting.reason ?? ''}` };
  }
}
