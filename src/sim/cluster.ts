// A whole cluster on virtual time in one process: control plane and any number of simulated nodes.

import { Schedule } from '../lib/schedule.ts';
import {
  type SimulatedControlPlane,
  type SimulatedControlPlaneOptions,
  startSimulatedControlPlane,
} from './control-plane.ts';
import { silentLogger } from '../lib/logger.ts';
import { type SimulatedNode, startSimulatedNode } from './simulated-node.ts';

export interface SimulatedClusterOptions extends SimulatedControlPlaneOptions {
  /** How many nodes to begin with: node-1, node-2 … Default 1. */
  nodes?: number;
}

export interface SimulatedCluster extends SimulatedControlPlane {
  readonly nodes: readonly SimulatedNode[];
  /** Adds a node and waits until it is Ready. */
  addNode(name?: string): Promise<SimulatedNode>;
}

/** Starts it; every node is Ready when this resolves. */
export async function startSimulatedCluster(options: SimulatedClusterOptions = {}): Promise<SimulatedCluster> {
  const plane = await startSimulatedControlPlane(options);
  const { clock, random } = plane;
  const logger = options.logger ?? silentLogger;
  const schedule = new Schedule(clock);
  const nodes: SimulatedNode[] = [];
  const start = async (name = `node-${nodes.length + 1}`): Promise<SimulatedNode> => {
    const number = nodes.length + 1;
    const client = plane.clientAs(`system:node:${name}`, ['system:nodes']);
    const node = await startSimulatedNode({
      name,
      podCidr: `10.${42 + Math.floor(number / 256)}.${number % 256}.0/24`,
      address: `192.168.${Math.floor(number / 256)}.${number % 256}`,
      client,
      recorder: plane.recorder(client, 'kubelet', name),
      clock,
      random,
      logger,
      schedule,
    });
    nodes.push(node);
    return node;
  };
  /** Moves time on until all of them have reported Ready; throws when that takes unreasonably long. */
  const becomeReady = async (started: readonly SimulatedNode[]): Promise<void> => {
    let ready = false;
    void Promise.all(started.map((node) => node.status.ready)).then(() => {
      ready = true;
    });
    for (let waited = 0; !ready; waited += 100) {
      if (waited > 60_000) throw new Error('the simulated nodes did not become Ready');
      await clock.advance(100);
    }
    await plane.settle();
  };
  const wanted = options.nodes ?? 1;
  for (let i = 0; i < wanted; i++) await start();
  await becomeReady(nodes);
  return {
    ...plane,
    nodes,
    async addNode(name) {
      const node = await start(name);
      await becomeReady([node]);
      return node;
    },
    async stop() {
      const stopping = Promise.all(nodes.map((node) => node.stop()));
      await clock.settle();
      await stopping;
      await plane.stop();
    },
  };
}
