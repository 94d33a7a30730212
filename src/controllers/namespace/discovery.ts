// Asks the API server which kinds it serves.

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
    try {
      const list = await transport.request({ method: 'GET', path: pathOf(version), signal });
      found.resources.push(...resourcesIn(version, list).filter(({ namespaced }) => namespaced));
    } catch (error) {
      if (signal.aborted) throw error;
      found.errors.push(`${version}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return found;
}

const pathOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;

/** One kind of a group and version. */
export interface ServedKind extends ServedResource {
  /** Whether it has the scale subresource, as autoscaling/v1 or another version that clients know. */
  readonly hasScale: boolean;
}

const scaleVersions = ['autoscaling/v1', 'extensions/v1beta1', 'apps/v1beta1', 'apps/v1beta2'];

/** The kinds of that group and version, whatever their scope. Rejects with 404 where it is not served. */
export async function servedKinds(
  transport: Transport,
  apiVersion: string,
  signal: AbortSignal,
): Promise<readonly ServedKind[]> {
  const list = await transport.request({ method: 'GET', path: pathOf(apiVersion), signal });
  const scaled = new Set(
    listOf(list, 'resources')
      .filter((one) => scaleVersions.includes(`${textOf(one, 'group')}/${textOf(one, 'version')}`))
      .filter((one) => textOf(one, 'kind') === 'Scale')
      .map((one) => textOf(one, 'name')),
  );
  return resourcesIn(apiVersion, list).map((one) => ({ ...one, hasScale: scaled.has(`${one.resource}/scale`) }));
}

/** All but subresources. */
function resourcesIn(apiVersion: string, list: unknown): ServedResource[] {
  const { group, version } = parseApiVersion(apiVersion);
  return listOf(list, 'resources')
    .filter((resource) => !textOf(resource, 'name').includes('/'))
    .map((resource) => {
      const verbs = resource['verbs'];
      return {
        group,
        version,
        resource: textOf(resource, 'name'),
        kind: textOf(resource, 'kind'),
        namespaced: resource['namespaced'] === true,
        verbs: Array.isArray(verbs) ? verbs.filter((verb) => typeof verb === 'string') : [],
      };
    });
}
