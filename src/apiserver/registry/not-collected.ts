// Says what nobody does for want of a garbage collector: owners whose end takes nothing with it, and deletions that wait for one.

import { idle } from '../../api/kinds/common.ts';
import type { OwnerReference } from '../../api/meta/types.ts';
import type { ResourceInfo } from '../resources.ts';
import { collectorFinalizers } from './finalizers.ts';
import type { StoredObject } from './object-version.ts';
import { equalJson } from './same-content.ts';

const why = 'there is no garbage collector yet';

/** Claims that pods own go with them: a controller of their own sees to it. */
const isCollected = ({ kind }: ResourceInfo, { apiVersion, kind: owner }: OwnerReference): boolean =>
  kind.group === '' && kind.resource === 'persistentvolumeclaims' && apiVersion === 'v1' && owner === 'Pod';

/** The warning for owners that a write brings; none where they were there before. */
export function ownersWarning(info: ResourceInfo, object: StoredObject, old: StoredObject | undefined): string[] {
  const owners = object.metadata.ownerReferences;
  if (owners === undefined || owners.every((owner) => isCollected(info, owner))) return [];
  if (old !== undefined && equalJson(owners, old.metadata.ownerReferences ?? [])) return [];
  return [idle('metadata.ownerReferences', `${why}, the object stays when its owners go`)];
}

/** The warning for a deletion that leaves these finalizers on an object. */
export const waitsWarning = (finalizers: readonly string[]): string[] =>
  finalizers
    .filter((name) => collectorFinalizers.has(name))
    .map((name) => idle(`metadata.finalizers[${name}]`, `${why}, the object stays until the finalizer is taken away`));
