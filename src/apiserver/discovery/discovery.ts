// Discovery: which groups, versions and resources are served, in the plain and the aggregated form.
// Follows apiserver pkg/endpoints/discovery of v1.36.

import { createHash } from 'node:crypto';
import type { JsonObject } from '../../api/meta/types.ts';
import { apiVersionOf } from '../../api/meta/types.ts';
import type { AnyKind } from '../../api/scheme.ts';
import { compareVersions } from '../../api/custom/version-priority.ts';
import { mediaRanges } from '../negotiation.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import type { ResourceTable } from '../resources.ts';
import type { VirtualResource } from '../virtual.ts';

/** One resource or subresource, as both forms describe it. */
interface Described {
  group: string;
  version: string;
  name: string;
  singular: string;
  namespaced: boolean;
  kind: { group: string; version: string; kind: string };
  verbs: readonly string[];
  shortNames: readonly string[];
  categories: readonly string[];
}

/** A prepared document. */
interface Document {
  bytes: Buffer;
  etag: string;
}

const documentOf = (value: JsonObject): Document => {
  const bytes = Buffer.from(`${JSON.stringify(value)}\n`);
  return { bytes, etag: `"${createHash('sha512').update(bytes).digest('hex').toUpperCase()}"` };
};

function describe(kinds: readonly AnyKind[], virtual: readonly VirtualResource[]): Described[] {
  const found: Described[] = [];
  for (const kind of kinds) {
    found.push({ ...kind, name: kind.resource, kind, verbs: [...kind.verbs].sort() });
    for (const [name, sub] of Object.entries(kind.subresources ?? {})) {
      found.push({
        group: kind.group,
        version: kind.version,
        name: `${kind.resource}/${name}`,
        singular: '',
        namespaced: kind.namespaced,
        kind: sub.kind === 'object' ? kind : sub.bodyKind,
        verbs: [...sub.verbs].sort(),
        shortNames: [],
        categories: [],
      });
    }
  }
  for (const v of virtual)
    found.push({ ...v, name: v.resource, kind: v, verbs: v.verbs, shortNames: [], categories: [] });
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** APIResource of the plain form. */
function plainResource(r: Described): JsonObject {
  const foreign = r.kind.group !== r.group || r.kind.version !== r.version;
  return {
    name: r.name,
    singularName: r.singular,
    namespaced: r.namespaced,
    ...(foreign ? { group: r.kind.group, version: r.kind.version } : {}),
    kind: r.kind.kind,
    verbs: [...r.verbs],
    ...(r.shortNames.length > 0 ? { shortNames: [...r.shortNames] } : {}),
    ...(r.categories.length > 0 ? { categories: [...r.categories] } : {}),
    ...(r.name.includes('/') || !r.verbs.includes('list') ? {} : { storageVersionHash: storageHash(r) }),
  };
}

/** Any stable text that changes when the stored version would. */
function storageHash(r: Described): string {
  return createHash('sha256').update(`${r.group}/${r.version}/${r.kind.kind}`).digest('base64').slice(0, 12);
}

/** APIResourceDiscovery of the aggregated form: subresources hang under their resource. */
function aggregatedResource(r: Described, subresources: readonly Described[]): JsonObject {
  const kind = { group: r.kind.group, version: r.kind.version, kind: r.kind.kind };
  return {
    resource: r.name,
    responseKind: kind,
    scope: r.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: r.singular,
    verbs: [...r.verbs],
    ...(r.shortNames.length > 0 ? { shortNames: [...r.shortNames] } : {}),
    ...(r.categories.length > 0 ? { categories: [...r.categories] } : {}),
    ...(subresources.length > 0
      ? {
          subresources: subresources.map((s) => ({
            subresource: s.name.slice(r.name.length + 1),
            responseKind: { group: s.kind.group, version: s.kind.version, kind: s.kind.kind },
            verbs: [...s.verbs],
          })),
        }
      : {}),
  };
}

/** Upstream lists its own groups in this order; others follow by name. */
const groupOrder = [
  '',
  'apiregistration.k8s.io',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
  'discovery.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'resource.k8s.io',
];

const groupRank = (group: string): number => {
  const at = groupOrder.indexOf(group);
  return at < 0 ? groupOrder.length : at;
};

export interface Discovery {
  /** Answers a discovery path; undefined when it is none. */
  answer(request: ApiRequest): ApiResponse | undefined;
}

/** Every document, and the versions of the core group. */
interface Documents {
  readonly byPath: ReadonlyMap<string, Document>;
  /** By `/api v2` and the like. */
  readonly aggregated: ReadonlyMap<string, Document>;
  readonly coreVersions: readonly string[];
}

function documentsOf(resources: readonly Described[]): Documents {
  const groups = [...new Set(resources.map((r) => r.group))].sort(
    (a, b) => groupRank(a) - groupRank(b) || (a < b ? -1 : 1),
  );
  const versionsOf = (group: string): string[] =>
    [...new Set(resources.filter((r) => r.group === group).map((r) => r.version))].sort(compareVersions);
  const byPath = new Map<string, Document>();
  const groupObject = (group: string): JsonObject => {
    const versions = versionsOf(group).map((version) => ({ groupVersion: apiVersionOf({ group, version }), version }));
    return { name: group, versions, preferredVersion: versions[0] ?? null };
  };
  const named = groups.filter((g) => g !== '');
  byPath.set('/apis', documentOf({ kind: 'APIGroupList', apiVersion: 'v1', groups: named.map(groupObject) }));
  for (const group of groups) {
    const root = group === '' ? '/api' : `/apis/${group}`;
    if (group !== '') byPath.set(root, documentOf({ kind: 'APIGroup', apiVersion: 'v1', ...groupObject(group) }));
    for (const version of versionsOf(group)) {
      const own = resources.filter((r) => r.group === group && r.version === version);
      byPath.set(
        `${root}/${version}`,
        documentOf({
          kind: 'APIResourceList',
          ...(group === '' ? {} : { apiVersion: 'v1' }),
          groupVersion: apiVersionOf({ group, version }),
          resources: own.map(plainResource),
        }),
      );
    }
  }
  const aggregated = new Map<string, Document>();
  for (const apiVersion of ['v2', 'v2beta1']) {
    const list = (wanted: readonly string[]): Document =>
      documentOf({
        kind: 'APIGroupDiscoveryList',
        apiVersion: `apidiscovery.k8s.io/${apiVersion}`,
        metadata: {},
        items: wanted.map((group) => ({
          metadata: group === '' ? { creationTimestamp: null } : { name: group, creationTimestamp: null },
          versions: versionsOf(group).map((version) => aggregatedVersion(resources, group, version)),
        })),
      });
    aggregated.set(`/api ${apiVersion}`, list(groups.filter((g) => g === '')));
    aggregated.set(`/apis ${apiVersion}`, list(named));
  }
  return { byPath, aggregated, coreVersions: versionsOf('') };
}

/** Prepares every document when one is first asked for after the table changed. `address` is host:port as clients see it. */
export function createDiscovery(
  table: ResourceTable,
  virtual: readonly VirtualResource[],
  address: () => string,
): Discovery {
  let generation = 0;
  let made: Documents | undefined;
  const documents = (): Documents => {
    if (made === undefined || generation !== table.generation) {
      generation = table.generation;
      made = documentsOf(
        describe(
          table.all.map(({ kind }) => kind),
          virtual,
        ),
      );
    }
    return made;
  };
  return {
    answer(request) {
      const path = request.path.length > 1 && request.path.endsWith('/') ? request.path.slice(0, -1) : request.path;
      if (path !== '/api' && path !== '/apis' && !path.startsWith('/api/') && !path.startsWith('/apis/'))
        return undefined;
      const { byPath, aggregated, coreVersions } = documents();
      if (path === '/api' || path === '/apis') {
        const version = aggregatedVersionWanted(request.accept);
        if (version !== undefined) {
          const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
          return served(request, aggregated.get(`${path} ${version}`), type);
        }
        if (path === '/api') return served(request, legacyVersions(coreVersions, address()), 'application/json');
      }
      return served(request, byPath.get(path), 'application/json');
    },
  };
}

function aggregatedVersion(resources: readonly Described[], group: string, version: string): JsonObject {
  const own = resources.filter((r) => r.group === group && r.version === version);
  return {
    version,
    freshness: 'Current',
    resources: own
      .filter((r) => !r.name.includes('/'))
      .map((r) =>
        aggregatedResource(
          r,
          own.filter((s) => s.name.startsWith(`${r.name}/`)),
        ),
      ),
  };
}

const legacyVersions = (versions: readonly string[], address: string): Document =>
  documentOf({
    kind: 'APIVersions',
    versions: [...versions],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  });

/** v2 or v2beta1 where the client prefers aggregated discovery. */
function aggregatedVersionWanted(accept: string): string | undefined {
  if (!accept.includes('apidiscovery.k8s.io')) return undefined;
  for (const { type, params } of mediaRanges(accept)) {
    if (type !== 'application/json') continue;
    if (params['as'] === undefined) return undefined;
    const version = params['v'];
    const right = params['g'] === 'apidiscovery.k8s.io' && params['as'] === 'APIGroupDiscoveryList';
    if (right && (version === 'v2' || version === 'v2beta1')) return version;
  }
  return undefined;
}

function served(request: ApiRequest, document: Document | undefined, contentType: string): ApiResponse | undefined {
  if (document === undefined) return undefined;
  const same = request.ifNoneMatch !== '' && request.ifNoneMatch === document.etag;
  return {
    type: 'raw',
    code: same ? 304 : 200,
    contentType,
    bytes: same ? Buffer.alloc(0) : document.bytes,
    etag: document.etag,
    vary: 'Accept',
    rendering: { as: 'object' },
  };
}
