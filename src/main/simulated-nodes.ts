// Nodes whose containers are simulated: the same kubelet over the simulated runtime.

import { join } from 'node:path';
import type { EnabledGates } from '../api/feature-gates.ts';
import { Schedule } from '../lib/schedule.ts';
import { SimulatedRuntime } from '../cri/simulated/simulated-runtime.ts';
import { hostFiles } from '../host/files.ts';
import { describeMachine } from '../host/machine.ts';
import { realClock } from '../host/real-clock.ts';
import { realRandom } from '../host/real-random.ts';
import { noServices } from '../kubelet/container-config/service-source.ts';
import { defaultReservations } from '../kubelet/node-status/node-allocatable.ts';
import type { Logger } from '../lib/logger.ts';
import type { ControlPlane } from './control-plane.ts';
import { type RunningNode, startNode } from './node.ts';
import { nodeRange } from './settings.ts';

export interface SimulatedNodesOptions {
  controlPlane: ControlPlane;
  /** Names of the nodes. */
  names: readonly string[];
  /** The range that the nodes' ranges are cut from, and the number of the first: 10.42.0.0/16 and 1 give 10.42.1.0/24. */
  podCidr: string;
  firstRange: number;
  /** Port of the first node's endpoint; the others take free ones. */
  kubeletPort: number;
  /** Whether another will do where it is taken. */
  anyKubeletPort: boolean;
  /** Static pods of the first node. */
  manifests?: string;
  folder: string;
  gates: EnabledGates;
  logger: Logger;
}

/** Starts them all; they turn Ready behind. */
export async function startSimulatedNodes(options: SimulatedNodesOptions): Promise<RunningNode[]> {
  const { controlPlane, names, folder, logger } = options;
  const machine = { ...(await describeMachine()), operatingSystem: 'linux' };
  // One timer serves all nodes.
  const schedule = new Schedule(realClock);
  return await Promise.all(
    names.map(async (name, i) => {
      const podCidr = nodeRange(options.podCidr, options.firstRange + i);
      const runtime = new SimulatedRuntime({
        clock: realClock,
        random: realRandom,
        files: hostFiles,
        podCidr,
        schedule,
      });
      const root = join(folder, name);
      await hostFiles.mkdir(join(root, 'logs'), { recursive: true, mode: 0o700 });
      return await startNode({
        name,
        client: controlPlane.clientAs(`system:node:${name}`, ['system:nodes']),
        runtime,
        images: runtime.images,
        dialer: runtime.dialer,
        machine: { ...machine, machineId: `${machine.machineId}-${name}` },
        root,
        podLogs: join(root, 'logs'),
        podCidr,
        addresses: ['127.0.0.1'],
        kubeletPort: i === 0 ? options.kubeletPort : 0,
        anyKubeletPort: options.anyKubeletPort,
        reservations: defaultReservations,
        pki: controlPlane.pki,
        real: false,
        // Nothing that is simulated reads its environment, and thousands of nodes would each watch every service.
        services: noServices,
        gates: options.gates,
        certificateFile: `kubelet-${name}`,
        ...(i === 0 && options.manifests !== undefined ? { manifests: options.manifests } : {}),
        labels: { 'peapod.dev/simulated': 'true' },
        logger,
      });
    }),
  );
}
