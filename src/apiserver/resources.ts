// The table of what is served: every kind by group, version and resource. Kinds come and go while the server runs.

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

/** Looks up resources by group/version and name. What it gives is what is served in this turn of the event loop. */
export interface ResourceTable {
  readonly all: readonly ResourceInfo[];
  /** Grows with every change, so that what is made from the table can be kept until then. */
  readonly generation: number;
  find(group: string, version: string, resource: string): ResourceInfo | undefined;
  /** Calls the listener after every change, for as long as the table lives. */
  onChange(listener: () => void): void;
}

/** The same for whoever adds and removes kinds. */
export interface DynamicResourceTable extends ResourceTable {
  /** Takes some out and puts others in, in one step. Throws when two kinds claim the same resource. */
  replace(removed: readonly ResourceInfo[], added: readonly ResourceInfo[]): void;
}

/** Prefix of the keys of a resource. */
export function keyPrefix(group: string, resource: string): string {
  return group === '' ? `/registry/${resource}/` : `/registry/${group}/${resource}/`;
}

/** Key of one object; namespace is empty for cluster-scoped kinds. */
export function objectKey(info: ResourceInfo, namespace: string, name: string): string {
  return info.kind.namespaced ? `${info.keyPrefix}${namespace}/${name}` : info.keyPrefix + name;
}

/** What the table holds of a kind. */
export function resourceInfo(kind: AnyKind): ResourceInfo {
  const stored = kind.storage ?? kind;
  return {
    kind,
    qualified: { group: kind.group, resource: kind.resource },
    apiVersion: apiVersionOf(kind),
    listKind: kind.listKind ?? `${kind.kind}List`,
    keyPrefix: keyPrefix(stored.group, stored.resource),
  };
}

const idOf = ({ kind }: ResourceInfo): string => `${kind.group}/${kind.version}/${kind.resource}`;

/** By group, version and resource. Throws when two kinds claim the same resource. */
function byId(infos: readonly ResourceInfo[]): Map<string, ResourceInfo> {
  const found = new Map<string, ResourceInfo>();
  for (const info of infos) {
    const id = idOf(info);
    if (found.has(id)) throw new Error(`two kinds serve ${id}`);
    found.set(id, info);
  }
  return found;
}

/** Builds the table with what is served from the start. Throws when two kinds claim the same resource. */
export function resourceTable(kinds: readonly AnyKind[]): DynamicResourceTable {
  let all: readonly ResourceInfo[] = kinds.map(resourceInfo);
  let found = byId(all);
  let generation = 1;
  const listeners: (() => void)[] = [];
  return {
    get all() {
      return all;
    },
    get generation() {
      return generation;
    },
    find: (group, version, resource) => found.get(`${group}/${version}/${resource}`),
    onChange: (listener) => void listeners.push(listener),
    replace(removed, added) {
      const next = [...all.filter((info) => !removed.includes(info)), ...added];
      found = byId(next);
      all = next;
      generation++;
      for (const listener of listeners) listener();
    },
  };
}
