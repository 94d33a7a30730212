// Reads other objects for admission plugins, showing every write that was acknowledged before.

import type { KubeObject } from '../../api/meta/types.ts';
import { type Soon, whenThere } from '../../lib/soon.ts';
import type { CacheFeed } from '../registry/cache-feed.ts';
import { placeOf } from '../registry/commit.ts';
import type { ResourceInfo, ResourceTable } from '../resources.ts';

/** A kind as it is looked up: group and plural name. */
export interface LookupKind<T extends KubeObject> {
  group: string;
  resource: string;
  /** v1 when absent; `*` takes any that is served. */
  version?: string;
  /** Only there to carry the type. */
  readonly object?: T;
}

/** What it finds is there at once where the caches show every write already. */
export interface ObjectLookup {
  /** The object now; undefined where there is none, or its kind is not served. Not to be changed. */
  get<T extends KubeObject>(kind: LookupKind<T>, namespace: string, name: string): Soon<T | undefined>;
  /** Whether there is none, and that is known without waiting. */
  hasNone(kind: LookupKind<KubeObject>): boolean;
  /** All objects now, in the order of their names; of one namespace, or everywhere where it is empty. Not to be changed. */
  list<T extends KubeObject>(kind: LookupKind<T>, namespace: string): Soon<T[]>;
}

/** Finds what is served of a kind. Callers have but a few of them, which are found once for each state of the table. */
function infoFinder(resources: ResourceTable): (kind: LookupKind<KubeObject>) => ResourceInfo | undefined {
  const find = ({ group, resource, version = 'v1' }: LookupKind<KubeObject>): ResourceInfo | undefined =>
    version === '*'
      ? resources.all.find(({ kind }) => kind.group === group && kind.resource === resource)
      : resources.find(group, version, resource);
  let found = new WeakMap<LookupKind<KubeObject>, { info: ResourceInfo | undefined }>();
  let { generation } = resources;
  return (kind) => {
    if (generation !== resources.generation) {
      found = new WeakMap();
      ({ generation } = resources);
    }
    let known = found.get(kind);
    if (known === undefined) found.set(kind, (known = { info: find(kind) }));
    return known.info;
  };
}

export function objectLookup(resources: ResourceTable, feed: CacheFeed): ObjectLookup {
  const infoOf = infoFinder(resources);
  const caughtUp = (): Soon<void> => (feed.isCaughtUp() ? undefined : feed.caughtUp());
  return {
    get<T extends KubeObject>(kind: LookupKind<T>, namespace: string, name: string) {
      const info = infoOf(kind);
      if (info === undefined) return undefined;
      const { key } = placeOf(info, namespace, name);
      return whenThere(caughtUp(), () => feed.cache(info).objects.get(key)?.object() as T | undefined);
    },
    hasNone(kind) {
      const info = infoOf(kind);
      return info === undefined || (feed.isCaughtUp() && feed.cache(info).objects.size === 0);
    },
    list<T extends KubeObject>(kind: LookupKind<T>, namespace: string) {
      const info = infoOf(kind);
      if (info === undefined) return [];
      return whenThere(caughtUp(), () => {
        const { objects } = feed.cache(info);
        if (objects.size === 0) return [];
        const prefix = namespace === '' ? info.keyPrefix : `${info.keyPrefix}${namespace}/`;
        return [...objects.range(prefix)].map((version) => version.object() as unknown as T);
      });
    },
  };
}
