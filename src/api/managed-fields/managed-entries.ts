// The entries of metadata.managedFields as they are worked with: who owns which set of fields, in which API version.
// Follows apimachinery util/managedfields/internal of v1.36 (managedfields.go, capmanagers.go, stripmeta.go).
import { goQuote } from '../meta/go-format.ts';
import type { JsonObject, KubeObject, ManagedFieldsEntry } from '../meta/types.ts';
import type { Schema } from '../schema/schema.ts';
import {
  anyElement,
  emptySet,
  type FieldSet,
  formatFieldsV1,
  isEmptySet,
  parseFieldsV1,
  restrictToTrees,
  setOfPaths,
  subtractSets,
  subtractTrees,
  unionSets,
} from './field-set.ts';
import { reconcileWithSchema } from './reconcile.ts';

/** Managers of updates that an object remembers; the oldest beyond are folded into one. */
const maxUpdateManagers = 10;
const oldUpdatesManager = 'ancient-changes';

/** Fields that nobody owns: the server's own, and those that tell which object it is. */
const unownedParts = setOfPaths([
  ['f:apiVersion'],
  ['f:kind'],
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
const unowned = unionSets(unownedParts, setOfPaths([['f:metadata']]));

/** Without the fields that nobody owns. */
export const ownable = (set: FieldSet): FieldSet => subtractSets(set, unowned);

/** One manager's fields, read from its entry. */
export interface Managed {
  readonly entry: ManagedFieldsEntry;
  readonly set: FieldSet;
  /** Still as it was stored, so that its text can be used again. */
  readonly untouched: boolean;
  /** The set as FieldsV1, where it is written already. */
  readonly written?: JsonObject | undefined;
}

/** Entries by manager, operation, version and subresource, as upstream tells them apart. */
export type ManagedSets = Map<string, Managed>;

/** What tells an entry from others: upstream's JSON of it, by whose order things are sorted. Appliers have but one for all versions. */
export const identity = ({ manager, operation, apiVersion, subresource }: ManagedFieldsEntry): string =>
  JSON.stringify({
    manager: manager || undefined,
    operation,
    apiVersion: operation === 'Apply' ? undefined : apiVersion,
    subresource: subresource || undefined,
  });

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

/** Why an entry is none; undefined where it is one. */
function entryError({ operation, apiVersion, fieldsType }: ManagedFieldsEntry, index: number): string | undefined {
  if (operation !== 'Apply' && operation !== 'Update') return 'operation must be `Apply` or `Update`';
  if (!apiVersion) return 'apiVersion must not be empty';
  if (!fieldsType) return `missing fieldsType in managed fields entry ${index}`;
  // What a client sent may be any text.
  const other: string = fieldsType;
  return other === 'FieldsV1' ? undefined : `invalid fieldsType ${goQuote(other)} in managed fields entry ${index}`;
}

/** Reads entries. Throws an Error where one of them is none. */
export function decodeEntries(entries: readonly ManagedFieldsEntry[]): ManagedSets {
  const managed: ManagedSets = new Map();
  entries.forEach((entry, index) => {
    const wrong = entryError(entry, index);
    if (wrong !== undefined) throw new Error(wrong);
    managed.set(identity(entry), { entry, set: fieldsOf(entry), untouched: true });
  });
  return managed;
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

function encodeEntry({ entry, set, untouched, written }: Managed): ManagedFieldsEntry {
  if (untouched) return entry;
  if (written !== undefined) return entryWith(entry, written);
  const fieldsV1 = formatFieldsV1(set);
  parsed.set(fieldsV1, set);
  return entryWith(entry, fieldsV1);
}

/** An entry with those fields, written in the order that Go has them. */
export function entryWith(entry: ManagedFieldsEntry, fieldsV1: JsonObject): ManagedFieldsEntry {
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

/** The entries to store, in upstream's order. */
export const encodeEntries = (managed: ManagedSets): ManagedFieldsEntry[] =>
  [...managed.values()].map(encodeEntry).sort(compareEntries);

/** Puts other fields into a manager's place; one that is left with none goes. */
export function setFields(managed: ManagedSets, id: string, set: FieldSet): void {
  const own = managed.get(id);
  if (own === undefined || set === own.set) return;
  if (isEmptySet(set)) managed.delete(id);
  else managed.set(id, { entry: own.entry, set, untouched: false });
}

/** Folds the oldest updates of each version into one entry until there are no more than ten. Changes the map. */
export function capManagers(managed: ManagedSets): void {
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

/** The parts of an object that an endpoint changes, as its strategy names them. */
export interface EndpointFields {
  /** Fields that this endpoint resets, so that its callers own none of them: [['status']]. */
  resetFields?: readonly (readonly string[])[] | undefined;
  /** The only fields that this endpoint changes, where it is but a part of the object: [['spec', 'ephemeralContainers']]. */
  onlyFields?: readonly (readonly string[])[] | undefined;
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

/** The fields of the set that the endpoint lets its callers own. */
export function endpointFields({ resetFields, onlyFields }: EndpointFields, set: FieldSet): FieldSet {
  const kept = resetFields ? subtractTrees(set, pathSetOf(resetFields)) : set;
  return onlyFields ? restrictToTrees(kept, pathSetOf(onlyFields)) : kept;
}

const neverOwned = new WeakMap<readonly (readonly string[])[], FieldSet>();

/** What the maker of an object does not own of it: the server's own fields, and those that the endpoint resets. */
export function unownedBy({ resetFields }: EndpointFields): FieldSet {
  if (resetFields === undefined) return unownedParts;
  let set = neverOwned.get(resetFields);
  if (set === undefined) neverOwned.set(resetFields, (set = unionSets(unownedParts, pathSetOf(resetFields))));
  return set;
}

/** An object as one API version of its kind has it. */
export interface VersionView {
  readonly schema: Schema;
  /** The kind's name in the schema. */
  readonly definition: string;
  /** From the version that the request came in, and back to it. Neither changes its argument. */
  to(object: KubeObject): KubeObject;
  from(object: KubeObject): KubeObject;
}

/** The versions in which the object can be had, by apiVersion (v1, apps/v1). */
export type VersionViews = (apiVersion: string) => VersionView | undefined;

/** The views of a kind that has but one version. */
export function onlyVersion(apiVersion: string, schema: Schema, definition: string): VersionViews {
  const view: VersionView = { schema, definition, to: (object) => object, from: (object) => object };
  return (asked) => (asked === apiVersion ? view : undefined);
}

/** Forgets managers whose version is no longer served, and brings the others' sets in line with the schema of today. */
export function reconcileManagers(managed: ManagedSets, views: VersionViews): void {
  for (const [id, { entry, set }] of managed) {
    const view = views(entry.apiVersion ?? '');
    if (view === undefined) managed.delete(id);
    else setFields(managed, id, reconcileWithSchema(view.schema, view.definition, set));
  }
}
