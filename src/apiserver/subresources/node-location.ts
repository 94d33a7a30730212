// Finds a pod's node and where its kubelet listens.
// Follows pkg/kubelet/client/kubelet_client.go of v1.36 in the order of addresses.

import type { Node } from '../../api/generated/types.ts';
import type { RegistryDeps } from '../registry/commit.ts';
import { plainError } from '../registry/commit.ts';
import { getObject } from '../registry/list.ts';
import type { ResourceInfo } from '../resources.ts';
import type { KubeletTarget } from './kubelet-connector.ts';

const preferred = ['Hostname', 'InternalDNS', 'InternalIP', 'ExternalDNS', 'ExternalIP'];
/** Names of nodes need not resolve here, addresses always do. */
const order = ['InternalIP', ...preferred.filter((type) => type !== 'InternalIP')];

/** Address and port of the node's kubelet. Throws 404 for an unknown node, 500 when it has no address. */
export async function kubeletTarget(deps: RegistryDeps, nodes: ResourceInfo, name: string): Promise<KubeletTarget> {
  const node: Node = (await getObject(deps, nodes, '', name)).object();
  const addresses = node.status?.addresses ?? [];
  for (const type of order) {
    const found = addresses.find((a) => a.type === type);
    if (found?.address) {
      const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 0;
      return { node: name, host: found.address, port: port > 0 ? port : 10250 };
    }
  }
  throw plainError('no preferred addresses found; known addresses: []');
}
