// The claims, volumes and classes that the scheduler knows, with what it is about to write itself.
// Follows plugins/volumebinding/assume_cache.go of v1.36.

import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../api/generated/types.ts';
import type { KubeObject } from '../../api/meta/types.ts';
import { objectKey } from '../../client/indexed-store.ts';

/** What plugins ask of claims and volumes. */
export interface StorageView {
  /** By namespace/name. */
  claim(key: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  volumes(): PersistentVolume[];
  storageClass(name: string): StorageClass | undefined;
}

interface Source<T> {
  get(key: string): T | undefined;
  list(): T[];
}

export interface AssumedObjects<T extends KubeObject> extends Source<T> {
  /** Shows the object as it will be once it is written, until something newer is known. */
  assume(object: T): void;
  /** Shows it as it is again. */
  restore(key: string): void;
}

const versionOf = ({ metadata }: KubeObject): number => Number(metadata?.resourceVersion ?? 0);

/** A view of an informer's objects in which some are shown as they are assumed to become. */
export function assumedObjects<T extends KubeObject>(source: Source<T>): AssumedObjects<T> {
  const assumed = new Map<string, T>();
  const newest = (key: string, known: T | undefined): T | undefined => {
    const mine = assumed.get(key);
    if (!mine) return known;
    if (known && versionOf(known) <= versionOf(mine)) return mine;
    // Written by somebody, most often by us, or gone.
    assumed.delete(key);
    return known;
  };
  return {
    get: (key) => newest(key, source.get(key)),
    list: () => source.list().map((object) => newest(objectKey(object), object) ?? object),
    assume: (object) => void assumed.set(objectKey(object), object),
    restore: (key) => void assumed.delete(key),
  };
}
