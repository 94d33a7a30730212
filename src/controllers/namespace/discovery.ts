// Asks the API server which namespaced kinds it serves.

import { parseApiVersion } from '../../api/meta/types.ts';
import type { Transport } from '../../api/transport.ts';
import type { Resource } from '../../client/client.ts';
import type { KubeObject } from '../../api/meta/types.ts';

export interface ServedResource extends Resource<KubeObject> {
  readonly verbs: readonly string[];
}

export interface Discovery {
  resources: ServedResource[];
  /** One text per group that could not be asked. */
  errors: string[];
}

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const listOf = (object: unknown, field: string): Fields[] => {
  const value = isFields(object) ? object[field] : undefined;
  return Array.isArray(value) ? value.filter(isFields) : [];
};
const textOf = (object: unknown, field: string): string => {
  const value = isFields(object) ? object[field] : undefined;
  return typeof value === 'string' ? value : '';
};

/** Namespaced resources, each group in its preferred version, without subresources. A group that fails leaves the others in. */
export async function discoverNamespaced(transport: Transport, signal: AbortSignal): Promise<Discovery> {
  const groups = await transport.request({ method: 'GET', path: '/apis', signal });
  const versions = listOf(groups, 'groups').map((group) => {
    const preferred = group['preferredVersion'];
    return textOf(preferred, 'groupVersion') || textOf(listOf(group, 'versions')[0], 'groupVersion');
  });
  const found: Discovery = { resources: [], errors: [] };
  for (const version of ['v1', ...versions]) {
    const path = version === 'v1' ? '/api/v1' : `/apis/${version}`;
    try {
      const list = await transport.request({ method: 'GET', path, signal });
      found.resources.push(...namespacedIn(version, list));
    } catch (error) {
      if (signal.aborted) throw error;
      found.errors.push(`${version}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return found;
}

function namespacedIn(apiVersion: string, list: unknown): ServedResource[] {
  const { group, version } = parseApiVersion(apiVersion);
  return listOf(list, 'resources')
    .filter((resource) => resource['namespaced'] === true && !textOf(resource, 'name').includes('/'))
    .map((resource) => {
      const verbs = resource['verbs'];
      return {
        group,
        version,
        resource: textOf(resource, 'name'),
        kind: textOf(resource, 'kind'),
        namespaced: true,
        verbs: Array.isArray(verbs) ? verbs.filter((verb) => typeof verb === 'string') : [],
      };
    });
}
