// One version of one stored object: its bytes once, and lazily what is read from them (parsed object, labels, fields).

import { createdFieldsText } from '../../api/managed-fields/created-fields.ts';
import type { KubeObject, ManagedFieldsEntry, ObjectMeta } from '../../api/meta/types.ts';
import { cloneBut, cloneTree } from '../../api/patch/json-tree.ts';
import type { AnyKind } from '../../api/scheme.ts';
import { convertStored, servedBytes } from './convert-stored.ts';

const metadataMarker = Buffer.from('"metadata":{');
const itemStart = '{"metadata":{';
/** Characters of the resourceVersion beside its digits. */
const versionFrame = '"resourceVersion":"",'.length;

/** An object that the registry has finished with: all of it is present. */
export type StoredObject = KubeObject & { metadata: ObjectMeta };

/**
 * Objects built by writes, by the very bytes that hold them: they need not be parsed again when the store's watch brings the
 * same buffer back. Held weakly, for bytes live long.
 */
const known = new WeakMap<Uint8Array, WeakRef<StoredObject>>();

const noLabels: Readonly<Record<string, string>> = Object.freeze({});

/** Where an object lives. */
export interface ObjectPlace {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
}

/** The version made last for some stored bytes, so that a write and the watch that follows it share one. */
const versions = new WeakMap<Uint8Array, ObjectVersion>();

/** The version of `kind` that those stored bytes are at that revision. */
export function objectVersion(
  kind: AnyKind,
  at: ObjectPlace,
  stored: Uint8Array,
  revision: number,
  lease = 0,
): ObjectVersion {
  const made = versions.get(stored);
  if (made !== undefined && made.revision === revision && made.kind === kind) return made;
  const version = new ObjectVersion(kind, at, stored, revision, lease);
  version.extract();
  versions.set(stored, version);
  return version;
}

/**
 * Serialises an object the way the store keeps it: kind, apiVersion and metadata first, no resourceVersion.
 * The object belongs to the bytes from then on and must not be changed.
 */
export function encodeObject(object: StoredObject): Buffer {
  const { kind, apiVersion, metadata, ...rest } = object;
  const { resourceVersion: _, managedFields, ...meta } = metadata;
  const owned = managedFields === undefined ? '{}' : `{"managedFields":[${managedFields.map(entryText).join(',')}]}`;
  const metaText = `{"metadata":${joined(JSON.stringify(meta), owned)}}`;
  const bytes = ownBytes(joined(joined(JSON.stringify({ kind, apiVersion }), metaText), JSON.stringify(rest)));
  known.set(bytes, new WeakRef(object));
  return bytes;
}

/** The text of an object that has the members of both. */
function joined(a: string, b: string): string {
  if (a === '{}') return b;
  return b === '{}' ? a : `${a.slice(0, -1)},${b.slice(1)}`;
}

/** An entry as JSON. Its fields are the most of it, and those of a new object are mostly written already. */
function entryText(entry: ManagedFieldsEntry): string {
  const fields = entry.fieldsV1 && createdFieldsText(entry.fieldsV1);
  if (fields === undefined) return JSON.stringify(entry);
  const { fieldsV1: _, ...rest } = entry;
  return joined(JSON.stringify(rest), `{"fieldsV1":${fields}}`);
}

/**
 * The text as bytes that share their memory with no others. Those of node's pool of 64 KiB would keep all of it alive for as long as
 * the object lives, and with it what was written beside them for a moment only.
 */
function ownBytes(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

/** Makes stored bytes ready for versions of them, for kinds whose objects another server converts. Rejects where that fails. */
export const convertBytes = (kind: AnyKind, stored: readonly Uint8Array[]): Promise<void> =>
  convertStored(kind, stored, (object) => encodeObject({ ...object, metadata: object.metadata ?? {} }));

/** Freezes a JSON tree; parts already frozen are taken as done. */
function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  if (Array.isArray(value)) for (const item of value) deepFreeze(item);
  else for (const key in value) deepFreeze((value as Record<string, unknown>)[key]);
}

/** One version of an object. Immutable; shared by the watch cache, lists and every watcher. */
export class ObjectVersion {
  readonly kind: AnyKind;
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  /** The resourceVersion it is shown with. */
  readonly revision: number;
  /** Lease of the key, 0 when none. */
  readonly lease: number;
  readonly #stored: Uint8Array;
  #bytes: Uint8Array | undefined;
  #offset = -1;
  #object: WeakRef<StoredObject> | undefined;
  #lean: WeakRef<StoredObject> | undefined;
  #message: WeakRef<Buffer> | undefined;
  #labels: Readonly<Record<string, string>> | undefined;
  #fields: Readonly<Record<string, string>> | undefined;
  /** The version whose content this one shows at another revision. */
  readonly #origin: ObjectVersion | undefined;

  constructor(
    kind: AnyKind,
    at: ObjectPlace,
    stored: Uint8Array,
    revision: number,
    lease: number,
    origin?: ObjectVersion,
  ) {
    this.kind = kind;
    this.key = at.key;
    this.namespace = at.namespace;
    this.name = at.name;
    this.#origin = origin;
    this.revision = revision;
    this.lease = lease;
    this.#stored = stored;
  }

  /** The served JSON without resourceVersion: the stored bytes themselves unless the kind is stored in another form. */
  bytes(): Uint8Array {
    if (this.#origin !== undefined) return this.#origin.bytes();
    if (this.#bytes === undefined) {
      const storage = this.kind.storage;
      if (storage === undefined) this.#bytes = this.#stored;
      else if (storage.remote !== undefined) this.#bytes = servedBytes(this.kind, this.#stored);
      else {
        const stored = JSON.parse(Buffer.from(this.#stored).toString('utf8')) as KubeObject;
        const served = storage.fromStorage(stored);
        this.#bytes = encodeObject({ ...served, metadata: served.metadata ?? {} });
      }
    }
    return this.#bytes;
  }

  /** The bytes that the store keeps. */
  get stored(): Uint8Array {
    return this.#stored;
  }

  /** Where resourceVersion goes: right after `"metadata":{`, which encodeObject puts third. */
  #spliceAt(): number {
    if (this.#offset < 0) {
      const bytes = this.bytes();
      const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(metadataMarker);
      if (at < 0) throw new Error(`stored object ${this.key} has no metadata`);
      this.#offset = at + metadataMarker.length;
    }
    return this.#offset;
  }

  /** Length in bytes of the full JSON at that revision; 0 is what a dry run has, and shows none. */
  encodedLength(revision = this.revision): number {
    const own = this.bytes().length;
    return revision === 0 ? own : own + versionFrame + String(revision).length;
  }

  /** Copies the full JSON into `target` at `at`; gives the position after it. */
  encodeInto(target: Buffer, at: number, revision = this.revision): number {
    const bytes = this.bytes();
    target.set(bytes, at);
    if (revision === 0) return at + bytes.length;
    const offset = this.#spliceAt();
    const version = `"resourceVersion":"${revision}",`;
    // What follows the place moves behind it.
    target.copyWithin(at + offset + version.length, at + offset, at + bytes.length);
    target.write(version, at + offset, 'latin1');
    return at + bytes.length + version.length;
  }

  /** Length in bytes of the JSON as an item of a list. */
  itemLength(): number {
    return this.encodedLength() - this.#typeLength();
  }

  /** Copies the JSON without kind and apiVersion, which items of Go's typed lists do not bear; gives the position after it. */
  itemInto(target: Buffer, at: number): number {
    if (this.#typeLength() === 0) return this.encodeInto(target, at);
    const bytes = this.bytes();
    const offset = this.#spliceAt();
    const version = this.revision === 0 ? '' : `"resourceVersion":"${this.revision}",`;
    const next = at + target.write(`${itemStart}${version}`, at, 'latin1');
    target.set(bytes.subarray(offset), next);
    return next + bytes.length - offset;
  }

  /** What kind and apiVersion take in front; custom objects keep them wherever they are. */
  #typeLength(): number {
    return this.kind.schema === undefined ? this.#spliceAt() - itemStart.length : 0;
  }

  /** The full JSON, with the resourceVersion spliced in. */
  encode(revision = this.revision): Buffer {
    const target = Buffer.allocUnsafe(this.encodedLength(revision));
    this.encodeInto(target, 0, revision);
    return target;
  }

  /** The parsed object with its resourceVersion: frozen, shared, rebuilt when the collector took it. */
  object(): StoredObject {
    let object = this.#object?.deref();
    if (object === undefined) {
      object = this.#read();
      deepFreeze(object);
      this.#object = new WeakRef(object);
    }
    return object;
  }

  /**
   * The object without managedFields, for those who keep many: that is more than half of what a parsed pod takes. Frozen, and the same
   * for all who ask while anybody keeps it.
   */
  lean(): StoredObject {
    let lean = this.#lean?.deref();
    if (lean === undefined) {
      const object = this.object();
      const { managedFields, ...metadata } = object.metadata;
      lean = managedFields === undefined ? object : Object.freeze({ ...object, metadata: Object.freeze(metadata) });
      this.#lean = new WeakRef(lean);
    }
    return lean;
  }

  #read(): StoredObject {
    const resourceVersion = String(this.revision);
    if (this.#origin !== undefined) {
      const object = this.#origin.object();
      return { ...object, metadata: { ...object.metadata, resourceVersion } };
    }
    const bytes = this.bytes();
    let object = known.get(bytes)?.deref();
    if (object === undefined || Object.isFrozen(object)) object = parse(bytes);
    else known.delete(bytes);
    if (this.revision === 0) delete object.metadata.resourceVersion;
    else object.metadata.resourceVersion = resourceVersion;
    return object;
  }

  /** The object as a protobuf message, made by `encode` and kept for as long as the collector leaves it. */
  message(encode: (definition: string, object: object) => Buffer): Buffer {
    let message = this.#message?.deref();
    if (message === undefined) {
      message = encode(this.kind.definition, this.object());
      this.#message = new WeakRef(message);
    }
    return message;
  }

  /**
   * A copy that the caller may change, but for the parts of object() that are in `kept`, which it shares. Whoever changes an object reads it
   * as it was, too: copying that is cheaper than parsing again.
   */
  mutable(kept?: ReadonlySet<unknown>): StoredObject {
    const object = kept === undefined ? cloneTree(this.object()) : cloneBut(this.object(), kept);
    object.metadata.resourceVersion = String(this.revision);
    return object;
  }

  /** A copy whose metadata, and whose other fields as a whole, the caller may set; what is in them is shared and must stay. */
  withOwnMetadata(): StoredObject {
    const object = this.object();
    return { ...object, metadata: { ...object.metadata } };
  }

  /** Takes labels and fields now if the object is at hand, so that selectors need not parse it later. */
  extract(): void {
    const object = this.kind.storage === undefined ? known.get(this.#stored)?.deref() : undefined;
    if (object === undefined) return;
    this.#labels = object.metadata.labels ?? noLabels;
    if (this.kind.selectableFields !== undefined) this.#fields = this.#fieldsOf(object);
  }

  labels(): Readonly<Record<string, string>> {
    this.#labels ??= this.object().metadata.labels ?? noLabels;
    return this.#labels;
  }

  /** Values of the field labels that field selectors know. */
  fields(): Readonly<Record<string, string>> {
    this.#fields ??= this.#fieldsOf(this.kind.selectableFields === undefined ? undefined : this.object());
    return this.#fields;
  }

  #fieldsOf(object: StoredObject | undefined): Readonly<Record<string, string>> {
    return {
      'metadata.name': this.name,
      ...(this.kind.namespaced ? { 'metadata.namespace': this.namespace } : {}),
      ...(object === undefined ? undefined : this.kind.selectableFields?.(object)),
    };
  }

  /** The metadata as JSON text, for tables and PartialObjectMetadata. */
  metadataJson(): string {
    return JSON.stringify(this.object().metadata);
  }

  /** The same object shown at another revision (a deletion, or a change that left a selector). */
  at(revision: number): ObjectVersion {
    if (revision === this.revision) return this;
    return new ObjectVersion(this.kind, this, this.#stored, revision, this.lease, this);
  }
}

function parse(bytes: Uint8Array): StoredObject {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return JSON.parse(text) as StoredObject;
}
