// Keeps metadata.managedFields on every create, update and patch: who last changed which field.
// Follows apimachinery util/managedfields/internal of v1.36 (structured merge, skip non-applied, build manager info).
import { isPrintable } from '../meta/go-format.ts';
import { formatTime } from '../meta/time.ts';
import type { KubeObject, ManagedFieldsEntry } from '../meta/types.ts';
import { sameTree } from '../patch/json-tree.ts';
import { wasGivenEmpty } from '../schema/given-empty.ts';
import { compareObjects, type Difference } from './compare.ts';
import { createdFields } from './created-fields.ts';
import { emptySet, includesSet, isEmptySet, subtractSets, unionSets } from './field-set.ts';

import {
  capManagers,
  decodeEntries,
  encodeEntries,
  type EndpointFields,
  endpointFields,
  entryWith,
  identity,
  type ManagedSets,
  ownable,
  reconcileManagers,
  setFields,
  unownedBy,
  type VersionViews,
} from './managed-entries.ts';
import { fits } from './reconcile.ts';

export interface ManagedFieldsRequest extends EndpointFields {
  /** The version the object is in, as entries carry it: v1, apps/v1. */
  apiVersion: string;
  /** That version, and the others that entries may be written in. */
  views: VersionViews;
  /** The live object; undefined on create. */
  before: KubeObject | undefined;
  /** The object as it is about to be stored. Its own managedFields is what the client sent. */
  after: KubeObject;
  managedFieldsBefore: readonly ManagedFieldsEntry[] | undefined;
  manager: string;
  /** '' for the main resource. */
  subresource: string;
  /** ms since the epoch. */
  now: number;
}

const noDifference: Difference = { changed: emptySet, removed: emptySet };

/** Reads entries; undefined where one of them is none. */
function decode(entries: readonly ManagedFieldsEntry[]): ManagedSets | undefined {
  try {
    return decodeEntries(entries);
  } catch {
    return undefined;
  }
}

/** True where a client asks to forget all managers: an empty list, or one empty entry. */
const isReset = (entries: readonly ManagedFieldsEntry[] | undefined): boolean =>
  entries !== undefined &&
  (entries.length === 0 || (entries.length === 1 && Object.keys(entries[0] ?? {}).length === 0));

/** The entries, those that are as they were being the very same ones: these have been read before. */
const asKept = (given: readonly ManagedFieldsEntry[], live: readonly ManagedFieldsEntry[]): ManagedFieldsEntry[] =>
  given.map((entry, i) => {
    const before = live[i];
    return before !== undefined && sameTree(entry, before) ? before : entry;
  });

/** The managers to start from: the request's own where it may set them, else those of the live object. */
function startingPoint(request: ManagedFieldsRequest): ManagedSets {
  const live = (): ManagedSets => decode(request.managedFieldsBefore ?? []) ?? new Map();
  if (request.subresource) return live();
  const { metadata = {} } = request.after;
  const given = metadata.managedFields;
  if (isReset(given) || wasGivenEmpty(metadata, 'managedFields')) return new Map();
  const own = given ? decode(asKept(given, request.managedFieldsBefore ?? [])) : undefined;
  return own && own.size > 0 ? own : live();
}

/** What differs between two states in each version, worked out once. */
export function differences(
  views: VersionViews,
  endpoint: EndpointFields,
  compare: typeof compareObjects,
  before: KubeObject | undefined,
  after: KubeObject,
): (apiVersion: string) => Difference | undefined {
  const known = new Map<string, Difference>();
  return (apiVersion) => {
    const found = known.get(apiVersion);
    const view = found === undefined ? views(apiVersion) : undefined;
    if (view === undefined) return found;
    const old = before === undefined ? {} : view.to(before);
    const { changed, removed } = compare(view.schema, view.definition, old, view.to(after));
    const difference = { changed: endpointFields(endpoint, changed), removed: endpointFields(endpoint, removed) };
    known.set(apiVersion, difference);
    return difference;
  };
}

/**
 * The managedFields to store with `after`: fields that changed since `before` become the manager's, and leave everyone else. Where
 * nothing changed the entries and their times stay. An object that lost its managers gets none until somebody applies to it. Neither
 * object is changed; entries of the result may be shared with the request.
 */
export function updateManagedFields(request: ManagedFieldsRequest): ManagedFieldsEntry[] {
  const { views, before, apiVersion } = request;
  const managed = startingPoint(request);
  if (managed.size === 0 && before?.metadata?.uid) return [];
  if (managed.size === 0 && before === undefined && request.onlyFields === undefined) return entriesOfCreated(request);
  reconcileManagers(managed, views);
  const difference = differences(views, request, compareObjects, before, request.after);
  const { changed, removed } = difference(apiVersion) ?? noDifference;
  const taken = ownable(changed);
  const entry = entryOf(request);
  const self = identity(entry);
  const kept = managed.get(self);
  const lost = unionSets(subtractSets(changed, taken), removed);
  // Who owned all that it takes, and loses nothing, owns what it did before: only the time is new.
  const ownsSame = kept !== undefined && includesSet(kept.set, taken) && subtractSets(kept.set, lost) === kept.set;
  for (const [id, { entry: theirs, set }] of managed) {
    if (ownsSame && id === self) continue;
    const own = difference(theirs.apiVersion ?? '');
    if (own !== undefined) setFields(managed, id, subtractSets(subtractSets(set, own.changed), own.removed));
  }
  if (ownsSame && !isEmptySet(taken)) {
    const written = kept.untouched ? kept.entry.fieldsV1 : undefined;
    managed.set(self, { entry, set: kept.set, untouched: false, written });
  } else if (!isEmptySet(taken)) {
    const rest = managed.get(self)?.set ?? emptySet;
    managed.set(self, { entry, set: unionSets(taken, rest), untouched: false });
  }
  capManagers(managed);
  for (const { entry, set } of managed.values()) {
    const view = views(entry.apiVersion ?? '');
    if (view !== undefined) fits(view.schema, set);
  }
  return encodeEntries(managed);
}

/** The entry of whoever makes an object that nobody owned anything of: what the sets below come to, sooner. */
function entriesOfCreated(request: ManagedFieldsRequest): ManagedFieldsEntry[] {
  const view = request.views(request.apiVersion);
  if (view === undefined) return [];
  const fieldsV1 = createdFields(view.schema, view.definition, view.to(request.after), unownedBy(request));
  return fieldsV1 === undefined ? [] : [entryWith(entryOf(request), fieldsV1)];
}

const entryOf = ({ manager, apiVersion, subresource, now }: ManagedFieldsRequest): ManagedFieldsEntry => ({
  manager: manager || 'unknown',
  operation: 'Update',
  apiVersion,
  time: formatTime(now),
  ...(subresource ? { subresource } : {}),
});

/** The manager of a request: its fieldManager, else the first part of its user agent, at most 128 printable characters. */
export function managerOf(fieldManager: string | undefined, userAgent: string): string {
  if (fieldManager) return fieldManager;
  const prefix = userAgent.split('/')[0] ?? '';
  return Array.from(prefix).filter(isPrintable).slice(0, 128).join('');
}
