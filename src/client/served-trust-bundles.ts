// Finds out in which version the API server serves ClusterTrustBundles: by default in none.

import type { V1beta1ClusterTrustBundle } from '../api/generated/types.ts';
import { isApiError } from '../api/meta/errors.ts';
import type { Client, Resource } from './client.ts';
import { clusterTrustBundles } from './resources.ts';

/** The newest version that is served; undefined where there is none. Rejects where the server does not answer that. */
export async function servedTrustBundles(
  client: Client,
  signal: AbortSignal,
): Promise<Resource<V1beta1ClusterTrustBundle> | undefined> {
  for (const resource of clusterTrustBundles) {
    try {
      await client.list(resource, { limit: 1, signal });
      return resource;
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
  return undefined;
}
