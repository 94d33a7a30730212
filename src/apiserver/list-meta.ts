// What a list says of itself.

import type { ListMeta } from '../api/meta/types.ts';
import type { ObjectList } from './request.ts';

/** The metadata of a list; what is not stored is of no revision. */
export function listMeta(list: ObjectList): ListMeta {
  const metadata: ListMeta = list.revision === 0 ? {} : { resourceVersion: String(list.revision) };
  if (list.continue !== '') metadata.continue = list.continue;
  if (list.remainingItemCount !== undefined) metadata.remainingItemCount = list.remainingItemCount;
  return metadata;
}
