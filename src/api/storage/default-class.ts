// Which StorageClass is the default one. Follows pkg/volume/util/storageclass.go of v1.36.

import type { StorageClass } from '../generated/types.ts';
import type { KubeObject } from '../meta/types.ts';

const annotations = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];

/** Whether it is marked as the default one. */
export const isDefaultStorageClass = ({ metadata }: KubeObject): boolean =>
  annotations.some((annotation) => metadata?.annotations?.[annotation] === 'true');

const createdAt = ({ metadata }: StorageClass): string => metadata?.creationTimestamp ?? '';

/** The newest of those that are marked, the first by name of those of the same second. */
export function defaultStorageClass(classes: Iterable<StorageClass>): StorageClass | undefined {
  return [...classes].filter(isDefaultStorageClass).toSorted((a, b) => {
    if (createdAt(a) !== createdAt(b)) return createdAt(a) < createdAt(b) ? 1 : -1;
    return (a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1;
  })[0];
}
