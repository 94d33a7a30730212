// Keeps metadata.managedFields on every create, update and patch: who last changed which field.
// Follows apimachinery util/managedfields/internal of v1.36 (structured merge, strip meta, cap managers).
import { isPrintable } from '../meta/go-format.ts';
import { formatTime } from '../meta/time.ts';
import type { KubeObject, ManagedFieldsEntry } from '../meta/types.ts';
import type { Schema } from '../schema/schema.ts';
import { compareObjects } from './compare.ts';
import {
  emptySet,
  type FieldSet,
  formatFieldsV1,
  isEmptySet,
  parseFieldsV1,
  anyElement,
  restrictToTrees,
  setOfPaths,
  subtractSets,
  subtractTrees,
  unionSets,
} from './field-set.ts';

/** Managers of updates that an object remembers; the oldest beyond are folded into one. */
const maxUpdateManagers = 10;
const oldUpdatesManager = 'ancient-changes';

/** Fields that nobody owns: the server's own, and those that tell which object it is. */
const unowned = setOfPaths([
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => ['f:metadata', `f:${name}`]),
]);

/** One manager's fields, read from its entry. */
interface Managed {
  entry: ManagedFieldsEntry;
  set: FieldSet;
  /** Still as it was stored, so that its text can be used again. */
  untouched: boolean;
}

/** Entries by manager, operation, version and subresource, as upstream tells them apart. */
type ManagedSets = Map<string, Managed>;

const identity = ({ manager, operation, apiVersion, subresource }: ManagedFieldsEntry): string =>
  JSON.stringify([manager ?? '', operation, operation === 'Apply' ? '' : apiVersion, subresource ?? '']);

const parsed = new WeakMap<object, FieldSet>();

/** Parses an entry's fields; stored objects are parsed once. */
function fieldsOf(entry: ManagedFieldsEntry): FieldSet {
  const fields = entry.fieldsV1 ?? {};
  let set = parsed.get(fields);
  if (!set) {
    set = parseFieldsV1(fields);
    parsed.set(fields, set);
  }
  return set;
}

/** Reads entries; undefined where one of them is none. */
function decode(entries: readonly ManagedFieldsEntry[]): ManagedSets | undefined {
  const managed: ManagedSets = new Map();
  for (const entry of entries) {
    const known = entry.operation === 'Apply' || entry.operation === 'Update';
    if (!known || !entry.apiVersion || entry.fieldsType !== 'FieldsV1') return undefined;
    try {
      managed.set(identity(entry), { entry, set: fieldsOf(entry), untouched: true });
    } catch {
      return undefined;
    }
  }
  return managed;
}

/** True where a client asks to forget all managers: an empty list, or one empty entry. */
const isReset = (entries: readonly ManagedFieldsEntry[] | undefined): boolean =>
  entries !== undefined &&
  (entries.length === 0 || (entries.length === 1 && Object.keys(entries[0] ?? {}).length === 0));

/** The managers to start from: the request's own where it may set them, else those of the live object. */
function startingPoint(request: ManagedFieldsRequest): ManagedSets {
  const live = (): ManagedSets => decode(request.managedFieldsBefore ?? []) ?? new Map();
  if (request.subresource) return live();
  const given = request.after.metadata?.managedFields;
  if (isReset(given)) return new Map();
  const own = given ? decode(given) : undefined;
  return own && own.size > 0 ? own : live();
}

const secondsOf = (entry: ManagedFieldsEntry): number =>
  entry.time === undefined ? 0 : Math.floor(Date.parse(entry.time) / 1000);

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function compareEntries(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  return (
    byText(a.operation ?? '', b.operation ?? '') ||
    secondsOf(a) - secondsOf(b) ||
    byText(a.manager ?? '', b.manager ?? '') ||
    byText(a.apiVersion ?? '', b.apiVersion ?? '') ||
    byText(a.subresource ?? '', b.subresource ?? '')
  );
}

/** Folds the oldest updates of each version into one entry until there are no more than ten. Changes the map. */
function capManagers(managed: ManagedSets): void {
  const updates = [...managed].filter(([, { entry }]) => entry.operation === 'Update');
  let count = updates.length;
  if (count <= maxUpdateManagers) return;
  updates.sort(([a, { entry: x }], [b, { entry: y }]) => secondsOf(x) - secondsOf(y) || byText(a, b));
  const firstOfVersion = new Map<string, string>();
  for (const [id, { entry, set }] of updates) {
    if (count <= maxUpdateManagers) return;
    const version = entry.apiVersion ?? '';
    const first = firstOfVersion.get(version);
    if (first === undefined) {
      firstOfVersion.set(version, id);
      continue;
    }
    const bucketEntry: ManagedFieldsEntry = { manager: oldUpdatesManager, operation: 'Update', apiVersion: version };
    const bucket = identity(bucketEntry);
    if (id === bucket) continue;
    let folded = managed.get(bucket)?.set;
    if (folded === undefined) {
      folded = managed.get(first)?.set ?? emptySet;
      managed.delete(first);
    }
    managed.delete(id);
    managed.set(bucket, {
      // The later time of the two, as updates come oldest first.
      entry: { ...bucketEntry, ...(entry.time === undefined ? {} : { time: entry.time }) },
      set: unionSets(set, folded),
      untouched: false,
    });
    count--;
  }
}

/** Writes an entry in the order that Go has its fields. */
function encode({ entry, set, untouched }: Managed): ManagedFieldsEntry {
  if (untouched) return entry;
  const fieldsV1 = formatFieldsV1(set);
  parsed.set(fieldsV1, set);
  return {
    ...(entry.manager === undefined ? {} : { manager: entry.manager }),
    ...(entry.operation === undefined ? {} : { operation: entry.operation }),
    ...(entry.apiVersion === undefined ? {} : { apiVersion: entry.apiVersion }),
    ...(entry.time === undefined ? {} : { time: entry.time }),
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(entry.subresource ? { subresource: entry.subresource } : {}),
  };
}

export interface ManagedFieldsRequest {
  schema: Schema;
  /** The kind's name in the schema. */
  definition: string;
  /** The version the object is in, as entries carry it: v1, apps/v1. */
  apiVersion: string;
  /** The live object; undefined on create. */
  before: KubeObject | undefined;
  /** The object as it is about to be stored. Its own managedFields is what the client sent. */
  after: KubeObject;
  managedFieldsBefore: readonly ManagedFieldsEntry[] | undefined;
  manager: string;
  operation: 'Update';
  /** '' for the main resource. */
  subresource: string;
  /** ms since the epoch. */
  now: number;
  /** Fields that this endpoint resets, so that its callers own none of them: [['status']]. */
  resetFields?: readonly (readonly string[])[];
  /** The only fields that this endpoint changes, where it is but a part of the object: [['spec', 'ephemeralContainers']]. */
  onlyFields?: readonly (readonly string[])[];
}

const pathSets = new WeakMap<readonly (readonly string[])[], FieldSet>();

function pathSetOf(paths: readonly (readonly string[])[]): FieldSet {
  let set = pathSets.get(paths);
  if (!set) {
    set = setOfPaths(paths.map((path) => path.map((name) => (name === anyElement ? name : `f:${name}`))));
    pathSets.set(paths, set);
  }
  return set;
}

/** Takes the fields that others no longer own from their sets; managers that own nothing go. */
function disown(managed: ManagedSets, changed: FieldSet, removed: FieldSet): void {
  for (const [id, own] of managed) {
    const set = subtractSets(subtractSets(own.set, changed), removed);
    if (set === own.set) continue;
    if (isEmptySet(set)) managed.delete(id);
    else managed.set(id, { entry: own.entry, set, untouched: false });
  }
}

/**
 * The managedFields to store with `after`: fields that changed since `before` become the manager's, and leave everyone else. Where
 * nothing changed the entries and their times stay. Neither object is changed; entries of the result may be shared with the request.
 */
export function updateManagedFields(request: ManagedFieldsRequest): ManagedFieldsEntry[] {
  const managed = startingPoint(request);
  let { changed, removed } = compareObjects(request.schema, request.definition, request.before ?? {}, request.after);
  if (request.resetFields) {
    const reset = pathSetOf(request.resetFields);
    changed = subtractTrees(changed, reset);
    removed = subtractTrees(removed, reset);
  }
  if (request.onlyFields) {
    const only = pathSetOf(request.onlyFields);
    changed = restrictToTrees(changed, only);
    removed = restrictToTrees(removed, only);
  }
  disown(managed, changed, removed);
  const taken = subtractSets(changed, unowned);
  if (!isEmptySet(taken)) {
    const entry = entryOf(request);
    const kept = managed.get(identity(entry));
    managed.set(identity(entry), { entry, set: kept ? unionSets(taken, kept.set) : taken, untouched: false });
  }
  capManagers(managed);
  return [...managed.values()].map(encode).sort(compareEntries);
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
