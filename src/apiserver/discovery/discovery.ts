// Discovery: which groups, versions and resources are served, in the plain and the aggregated form.
// Follows apiserver pkg/endpoints/discovery of v1.36.

import { createHash } from 'node:crypto';
import { methodNotServed } from '../../api/meta/errors.ts';
import type { JsonObject } from '../../api/meta/types.ts';
import { apiVersionOf } from '../../api/meta/types.ts';
import {
  builtInPriority,
  customPriority,
  inOrder,
  type Priority,
  type Ranked,
} from '../../api/kinds/apiservice/priorities.ts';
import type { AnyKind, Verb } from '../../api/scheme.ts';
import { indented } from '../http/human-forms.ts';
import { contentTypes, discoveryMedia, documentMedia, isPretty } from '../negotiation.ts';
import type { ApiRequest, ApiResponse, Media } from '../request.ts';
import type { ResourceTable } from '../resources.ts';
import type { VirtualResource } from '../virtual.ts';
import { discoveryIn } from './discovery-forms.ts';

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
  /** Of the server's own code, not of a definition or of another server. */
  isBuiltIn: boolean;
}

/** A prepared document. */
interface Document {
  bytes: Buffer;
  etag: string;
  /** Whether the router of built-in groups leads there. */
  isRoute?: boolean;
}

const tagged = (bytes: Buffer): Document => ({
  bytes,
  etag: `"${createHash('sha512').update(bytes).digest('hex').toUpperCase()}"`,
});
const documentOf = (value: JsonObject): Document => tagged(Buffer.from(`${JSON.stringify(value)}\n`));

/** The order in which custom resources tell of their verbs. */
const customVerbs: readonly Verb[] = [
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'create',
  'update',
  'watch',
];

function describe(kinds: readonly AnyKind[], virtual: readonly VirtualResource[]): Described[] {
  const found: Described[] = [];
  for (const kind of kinds) {
    const isBuiltIn = kind.schema === undefined;
    const verbs = isBuiltIn ? [...kind.verbs].sort() : customVerbs.filter((verb) => kind.verbs.includes(verb));
    found.push({ ...kind, name: kind.resource, kind, verbs, isBuiltIn });
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
        isBuiltIn,
      });
    }
  }
  for (const v of virtual)
    found.push({
      ...v,
      name: v.resource,
      kind: v,
      verbs: v.verbs,
      shortNames: v.shortNames ?? [],
      categories: [],
      isBuiltIn: true,
    });
  return found.sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
}

/** Resources stand by name; only custom ones have their scale behind their status. */
const placeOf = ({ name, isBuiltIn }: Described): string => (isBuiltIn ? name : name.replace(/\/scale$/, '/~scale'));

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
    ...(r.name.includes('/') || !r.verbs.includes('watch') ? {} : { storageVersionHash: storageHash(r) }),
  };
}

/** Changes when the stored version would. Follows endpoints/discovery/storageversionhash.go. */
function storageHash(r: Described): string {
  return createHash('sha256')
    .update(`${r.group}/${r.version}/${r.kind.kind}`)
    .digest()
    .subarray(0, 8)
    .toString('base64');
}

/** Built-in resources name the group and version only of kinds that are of another. */
function responseKind({ group, version, kind, isBuiltIn }: Described): JsonObject {
  const isOwn = isBuiltIn && kind.group === group && kind.version === version;
  return { group: isOwn ? '' : kind.group, version: isOwn ? '' : kind.version, kind: kind.kind };
}

/** APIResourceDiscovery of the aggregated form: subresources hang under their resource. */
function aggregatedResource(r: Described, subresources: readonly Described[]): JsonObject {
  return {
    resource: r.name,
    responseKind: responseKind(r),
    scope: r.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: r.singular,
    verbs: [...r.verbs],
    ...(r.shortNames.length > 0 ? { shortNames: [...r.shortNames] } : {}),
    ...(r.categories.length > 0 ? { categories: [...r.categories] } : {}),
    ...(subresources.length > 0
      ? {
          subresources: subresources.map((s) => ({
            subresource: s.name.slice(r.name.length + 1),
            responseKind: responseKind(s),
            verbs: [...s.verbs],
          })),
        }
      : {}),
  };
}

/** What extension servers serve, and in which order everything is shown. */
export interface RemoteDiscovery {
  /** Grows with every change. */
  readonly generation: number;
  readonly apis: { priority(group: string, version: string): Priority };
  described(): readonly RemoteGroupVersion[];
}

interface RemoteGroupVersion {
  group: string;
  version: string;
  /** Of an APIResourceList. */
  resources: readonly JsonObject[];
  isCurrent: boolean;
}

/** One group version as it is shown. */
interface Shown extends Ranked {
  resources: readonly Described[];
  isCurrent: boolean;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];

/** What an extension server says of one of its resources. */
function describeRemote({ group, version }: RemoteGroupVersion, resource: JsonObject): Described {
  const ofKind = textOf(resource['version']) !== '';
  return {
    group,
    version,
    name: textOf(resource['name']),
    singular: textOf(resource['singularName']),
    namespaced: resource['namespaced'] === true,
    kind: {
      group: ofKind ? textOf(resource['group']) : group,
      version: ofKind ? textOf(resource['version']) : version,
      kind: textOf(resource['kind']),
    },
    verbs: textsOf(resource['verbs']),
    shortNames: textsOf(resource['shortNames']),
    categories: textsOf(resource['categories']),
    isBuiltIn: false,
  };
}

/** Every group version that is served here or elsewhere; one that is served elsewhere is not served here. */
function shownOf(local: readonly Described[], remote: RemoteDiscovery | undefined): Shown[] {
  const shown = new Map<string, Shown>();
  const priorityOf = (group: string, version: string): Priority =>
    remote?.apis.priority(group, version) ?? builtInPriority(group, version) ?? customPriority;
  const add = (group: string, version: string, resources: readonly Described[], isCurrent: boolean): void => {
    const priority = priorityOf(group, version);
    shown.set(`${group}/${version}`, { group, version, priority, resources, isCurrent });
  };
  for (const { group, version } of local)
    if (!shown.has(`${group}/${version}`))
      add(
        group,
        version,
        local.filter((one) => one.group === group && one.version === version),
        true,
      );
  for (const one of remote?.described() ?? [])
    add(
      one.group,
      one.version,
      one.resources.map((resource) => describeRemote(one, resource)),
      one.isCurrent,
    );
  return [...shown.values()];
}

export interface Discovery {
  /** Answers a discovery path; undefined when it is none. */
  answer(request: ApiRequest): ApiResponse | undefined;
}

/** Every document, and the versions of the core group. */
interface Documents {
  readonly byPath: ReadonlyMap<string, Document>;
  /** Of /api and /apis. */
  readonly aggregated: ReadonlyMap<string, Document>;
  readonly coreVersions: readonly string[];
}

function documentsOf(shown: readonly Shown[]): Documents {
  const groups = inOrder(shown);
  const byPath = new Map<string, Document>();
  const groupObject = (group: string, all: readonly Shown[]): JsonObject => {
    const versions = all.map(({ version }) => ({ groupVersion: apiVersionOf({ group, version }), version }));
    return { name: group, versions, preferredVersion: versions[0] ?? null };
  };
  const named = [...groups].filter(([group]) => group !== '');
  byPath.set(
    '/apis',
    documentOf({
      kind: 'APIGroupList',
      apiVersion: 'v1',
      groups: named.map(([group, all]) => groupObject(group, all)),
    }),
  );
  for (const [group, all] of groups) {
    const root = group === '' ? '/api' : `/apis/${group}`;
    if (group !== '') byPath.set(root, documentOf({ kind: 'APIGroup', apiVersion: 'v1', ...groupObject(group, all) }));
    for (const { version, resources } of all) {
      const list = documentOf({
        kind: 'APIResourceList',
        ...(group === '' ? {} : { apiVersion: 'v1' }),
        groupVersion: apiVersionOf({ group, version }),
        resources: resources.map(plainResource),
      });
      byPath.set(`${root}/${version}`, { ...list, isRoute: resources.some(({ isBuiltIn }) => isBuiltIn) });
    }
  }
  const aggregatedList = (wanted: readonly (readonly [string, readonly Shown[]])[]): Document =>
    documentOf({
      kind: 'APIGroupDiscoveryList',
      apiVersion: 'apidiscovery.k8s.io/v2',
      metadata: {},
      items: wanted.map(([group, all]) => ({
        metadata: group === '' ? {} : { name: group },
        versions: all.map(aggregatedVersion),
      })),
    });
  const aggregated = new Map([
    ['/api', aggregatedList([...groups].filter(([group]) => group === ''))],
    ['/apis', aggregatedList(named)],
  ]);
  return { byPath, aggregated, coreVersions: (groups.get('') ?? []).map(({ version }) => version) };
}

/** Prepares every document when one is first asked for after what is served changed. `address` is host:port as clients see it. */
export function createDiscovery(
  table: ResourceTable,
  virtual: readonly VirtualResource[],
  address: () => string,
  remote?: RemoteDiscovery,
): Discovery {
  let generation = 0;
  let made: Documents | undefined;
  const documents = (): Documents => {
    const now = table.generation + (remote?.generation ?? 0);
    if (made === undefined || generation !== now) {
      generation = now;
      const local = describe(
        table.all.map(({ kind }) => kind),
        virtual,
      );
      made = documentsOf(shownOf(local, remote));
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
        const { media, aggregated: isAggregated } = discoveryMedia(request.accept, path === '/api');
        if (isAggregated) return aggregatedIn(request, media, aggregated.get(path));
        if (path === '/api') return inForm(request, legacyVersions(coreVersions, address()));
      }
      return inForm(request, byPath.get(path));
    },
  };
}

function aggregatedVersion({ version, resources, isCurrent }: Shown): JsonObject {
  return {
    version,
    freshness: isCurrent ? 'Current' : 'Stale',
    resources: resources
      .filter((r) => !r.name.includes('/'))
      .map((r) =>
        aggregatedResource(
          r,
          resources.filter((s) => s.name.startsWith(`${r.name}/`)),
        ),
      ),
  };
}

const legacyVersions = (versions: readonly string[], address: string): Document => ({
  ...documentOf({
    kind: 'APIVersions',
    versions: [...versions],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  }),
  isRoute: true,
});

/** Aggregated discovery in that form; its tag is the same in every form. */
function aggregatedIn(request: ApiRequest, media: Media, document: Document | undefined): ApiResponse | undefined {
  if (document === undefined) return undefined;
  const { etag } = document;
  const same = request.ifNoneMatch !== '' && request.ifNoneMatch === etag;
  return {
    type: 'raw',
    code: same ? 304 : 200,
    contentType: `${contentTypes[media]};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`,
    bytes: same ? Buffer.alloc(0) : discoveryIn(media, document.bytes),
    etag,
    vary: 'Accept',
    headers: { 'cache-control': 'public' },
    rendering: { as: 'object' },
  };
}

/** In the form that the client asks for. Throws 406. */
function inForm(request: ApiRequest, document: Document | undefined): ApiResponse | undefined {
  if (document === undefined) return undefined;
  // Groups come from the aggregator, which has no routes.
  const [, root, , version = ''] = request.path.split('/');
  const isRouted = root === 'api' || version !== '';
  if (isRouted && request.method !== 'GET') throw methodNotServed();
  const media = documentMedia(request.accept, document.isRoute === true);
  const made = discoveryIn(media, document.bytes);
  const isIndented = media === 'json' && isPretty(request);
  const bytes = isIndented ? Buffer.from(indented(made.toString('utf8'))) : made;
  return { type: 'raw', code: 200, contentType: contentTypes[media], bytes, rendering: { as: 'object' } };
}
