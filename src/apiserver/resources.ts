// The table of what is served: every kind by group, version and resource, built once at start.

import { apiVersionOf } from '../api/meta/types.ts';
import type { QualifiedName } from '../api/meta/errors.ts';
import type { AnyKind } from '../api/scheme.ts';

/** One served resource in one version. */
export interface ResourceInfo {
  readonly kind: AnyKind;
  readonly qualified: QualifiedName;
  readonly apiVersion: string;
  readonly listKind: string;
  /** Every key of it starts with this: /registry/pods/ or /registry/coordination.k8s.io/leases/. */
  readonly keyPrefix: string;
}

/** Looks up resources by group/version and name. */
export interface ResourceTable {
  readonly all: readonly ResourceInfo[];
  find(group: string, version: string, resource: string): ResourceInfo | undefined;
}

/** Prefix of the keys of a resource. */
export function keyPrefix(group: string, resource: string): string {
  return group === '' ? `/registry/${resource}/` : `/registry/${group}/${resource}/`;
}

/** Key of one object; namespace is empty for cluster-scoped kinds. */
export function objectKey(info: ResourceInfo, namespace: string, name: string): string {
  return info.kind.namespaced ? `${info.keyPrefix}${namespace}/${name}` : info.keyPrefix + name;
}

/** Builds the table. Throws when two kinds claim the same resource. */
export function resourceTable(kinds: readonly AnyKind[]): ResourceTable {
  const byName = new Map<string, ResourceInfo>();
  for (const kind of kinds) {
    const id = `${kind.group}/${kind.version}/${kind.resource}`;
    if (byName.has(id)) throw new Error(`two kinds serve ${id}`);
    const stored = kind.storage ?? kind;
    byName.set(id, {
      kind,
      qualified: { group: kind.group, resource: kind.resource },
      apiVersion: apiVersionOf(kind),
      listKind: `${kind.kind}List`,
      keyPrefix: keyPrefix(stored.group, stored.resource),
    });
  }
  return {
    all: [...byName.values()],
    find: (group, version, resource) => byName.get(`${group}/${version}/${resource}`),
  };
}
