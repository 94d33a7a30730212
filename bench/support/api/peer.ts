// Whether there is a peer to measure in the same run, and how its figures stand beside Peapod's.
import type { Figure } from '../../figure.ts';
import { type Process, startProcess } from './bundle.ts';

const hasPeer = process.env['PEER_KUBE_APISERVER'] !== undefined && process.env['PEER_ETCD'] !== undefined;

/** Measures the kube-apiserver that PEER_KUBE_APISERVER and PEER_ETCD name, alone; undefined where they name none. */
export async function measurePeer<T>(measure: (server: Process) => Promise<T>): Promise<T | undefined> {
  if (!hasPeer) return undefined;
  const server = await startProcess('peer-server');
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
}

/** Peapod's value beside the peer's. `more` where more is better. */
export function beside(figure: string, unit: string, value: number, peer: number, more: boolean): Figure {
  return {
    figure,
    value,
    unit,
    limit: 'kube-apiserver and etcd',
    limitValue: peer,
    budget: more ? { of: 'ratio', atLeast: 1 } : { of: 'ratio', atMost: 1 },
  };
}
