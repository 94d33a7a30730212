// How the kubelet reads the ConfigMaps and Secrets that its pods name.

import type { ConfigMap, Secret } from '../../api/generated/types.ts';
import { ApiError } from '../../api/meta/errors.ts';

/**
 * Gives the newest object known, without asking the API server where it is watched already. Rejects with an ApiError;
 * a missing one says `configmap "x" not found` in the singular, as the kubelet's own cache does upstream.
 */
export interface ObjectSource {
  configMap(namespace: string, name: string, signal?: AbortSignal): Promise<ConfigMap>;
  secret(namespace: string, name: string, signal?: AbortSignal): Promise<Secret>;
}

/** NotFound as the kubelet words it (upstream: pkg/kubelet/util/manager/watch_based_manager.go). */
export function objectNotFound(kind: 'configmap' | 'secret', name: string): ApiError {
  return new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `${kind} "${name}" not found`,
    reason: 'NotFound',
    details: { name, kind },
    code: 404,
  });
}
