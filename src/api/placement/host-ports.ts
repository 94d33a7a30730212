// The ports of the node that a pod takes, and when two pods want the same; shared by scheduler and kubelet.
// Follows pkg/scheduler/framework/plugins/nodeports and HostPortInfo of v1.36.

import type { Pod } from '../generated/types.ts';
import { isSidecar } from '../pod/containers.ts';

export interface HostPort {
  /** '0.0.0.0' stands for every address. */
  ip: string;
  protocol: string;
  port: number;
}

const anyAddress = '0.0.0.0';

/** Host ports of all containers, sidecars included. */
export function hostPortsOf(pod: Pod): HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter(isSidecar);
  return [...(pod.spec?.containers ?? []), ...sidecars].flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => (port.hostPort ?? 0) > 0)
      .map((port) => ({ ip: port.hostIP || anyAddress, protocol: port.protocol ?? 'TCP', port: port.hostPort ?? 0 })),
  );
}

/** Whether both want one port on one address. */
export const portsClash = (a: HostPort, b: HostPort): boolean =>
  a.port === b.port && a.protocol === b.protocol && (a.ip === anyAddress || b.ip === anyAddress || a.ip === b.ip);
