// Binds a pod by POST to its binding subresource.

import type { Pod } from '../../api/generated/types.ts';
import type { Client, Resource } from '../../client/client.ts';
import type { Plugin } from '../framework.ts';

/** Follows plugins/defaultbinder. */
export const defaultBinder = (client: Client, pods: Resource<Pod>): Plugin => ({
  name: 'DefaultBinder',
  async bind(pod, nodeName, signal) {
    const body = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: pod.name, namespace: pod.namespace, uid: pod.uid },
      target: { kind: 'Node', name: nodeName },
    };
    await client.createSubresource(pods, { name: pod.name, namespace: pod.namespace }, 'binding', body, { signal });
    return true;
  },
});
