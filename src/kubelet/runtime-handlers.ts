// Which of the runtime's handlers runs a pod: the one that its runtime class names.
// Follows pkg/kubelet/runtimeclass/runtimeclass_manager.go of v1.36.

import { isApiError } from '../api/meta/errors.ts';
import type { Client } from '../client/client.ts';
import { runtimeClasses } from '../client/resources.ts';
import { goErrorText } from './go-error.ts';

/**
 * The handler for pods of that class; '' is the runtime's default. Throws an Error where there is no such class.
 * While the API cannot be reached, what it last said counts.
 */
export type RuntimeHandlers = (className: string | undefined, signal?: AbortSignal) => Promise<string>;

export function createRuntimeHandlers(client: Pick<Client, 'get'>): RuntimeHandlers {
  const known = new Map<string, string>();
  return async (name, signal) => {
    if (!name) return '';
    try {
      const { handler } = await client.get(runtimeClasses, { name }, signal === undefined ? {} : { signal });
      known.set(name, handler);
      return handler;
    } catch (error) {
      signal?.throwIfAborted();
      if (isApiError(error, 'NotFound')) {
        known.delete(name);
        throw new Error(`runtimeclass.node.k8s.io ${JSON.stringify(name)} not found`);
      }
      const handler = known.get(name);
      if (handler !== undefined) return handler;
      throw new Error(`failed to lookup RuntimeClass ${name}: ${goErrorText(error)}`);
    }
  };
}
