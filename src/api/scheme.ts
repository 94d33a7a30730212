// What Peapod knows of each kind it serves: names, strategy, selectable fields, table columns and subresources. Pure.

import type { EnabledGates, SwitchableGate } from './feature-gates.ts';
import type { Scale } from './generated/types.ts';
import type { FieldError } from './meta/errors.ts';
import type { KubeObject } from './meta/types.ts';
import type { DecodeResult, DecodeSource } from './schema/decode.ts';
import type { Schema } from './schema/schema.ts';

export type Verb = 'create' | 'get' | 'list' | 'watch' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** Who asks, as authentication found it. */
export interface Requester {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** What a strategy may know of the request; it holds no I/O. */
export interface StrategyContext {
  /** ms since the epoch. */
  now: number;
  user: string;
  /** The same with all that is known of who asks; tests of kinds that do not look at it leave it out. */
  requester?: Requester;
  dryRun: boolean;
  /** Whether containers may be privileged: the API server's --allow-privileged. */
  allowPrivileged: boolean;
  /** The feature gates that are on beside those of v1.36 itself; none when absent. */
  gates?: EnabledGates;
  /** Sends a Warning header with the answer. */
  warn?(text: string): void;
}

/** The options of a delete, as the registry resolved them. */
export interface DeleteRequest {
  gracePeriodSeconds?: number;
  propagationPolicy?: string;
}

/** The rules of one resource (or subresource): follows apiserver registry/rest strategies. Objects passed in are the caller's to change. */
export interface Strategy<T extends KubeObject = KubeObject> {
  /** Clears what a client may not set on create (status, …) and sets what the server owns. Defaults were applied before. */
  prepareForCreate?(object: T, context: StrategyContext): void;
  validateCreate(object: T, context: StrategyContext): FieldError[];
  /** Copies what this endpoint may not change from `old` (status on the main resource, spec on /status), and bumps generation. */
  prepareForUpdate?(object: T, old: T, context: StrategyContext): void;
  validateUpdate(object: T, old: T, context: StrategyContext): FieldError[];
  /**
   * Checks that may take long, after those of validateCreate or validateUpdate, which found `found`: further errors. Stops, by
   * rejecting with the signal's reason, once that aborts.
   */
  validateLong?(
    object: T,
    old: T | undefined,
    found: readonly FieldError[],
    context: StrategyContext,
    signal: () => AbortSignal,
  ): FieldError[] | Promise<FieldError[]>;
  /** Texts for Warning headers. */
  warnings?(object: T, old: T | undefined): string[];
  /** Last tidy-up after validation (sorting, folding equal forms). */
  canonicalize?(object: T): void;
  /** An object without a name gets a uid for one. */
  namesItself?: boolean;
  /** PUT to a name that does not exist creates it (false gives 404). */
  allowCreateOnUpdate?: boolean;
  /** PUT without resourceVersion is taken. Default true; false gives the "must be specified for an update" error. */
  allowUnconditionalUpdate?: boolean;
  /** Adds what a first delete leaves on the object (a finalizer, a condition) for somebody to finish. `now` in ms. */
  markForDeletion?(object: T, now: number): void;
  /**
   * Patches share with the old object the fields at the top that they do not name. Those are frozen, and checked and defaulted: the kind's
   * defaults, this strategy and admission leave them as they are, or put others in their place.
   */
  sharesUntouched?: boolean;
  /** Grace period in seconds that deleting this object gets, or undefined for an immediate delete. Follows CheckGracefulDelete. */
  gracePeriod?(object: T, request: DeleteRequest): number | undefined;
  /** Field paths (FieldsV1 style, top-level such as ['status']) that managedFields of this endpoint leaves out. */
  resetFields?: readonly (readonly string[])[];
  /** The other way about: the only fields that managedFields of this endpoint notes. `*` stands for any entry of a list. */
  onlyFields?: readonly (readonly string[])[];
}

/** One column of the server-side table. */
export interface TableColumn<T extends KubeObject = KubeObject> {
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  format?: string;
  description: string;
  /** 0 is shown always, 1 only with -o wide. */
  priority: number;
  /** The cell; `now` (ms) is for ages. */
  cell(object: T, now: number): string | number | boolean | null;
}

export interface Subresource<T extends KubeObject = KubeObject> {
  /** 'status', 'ephemeralcontainers', 'resize': the parent object through another strategy. */
  kind: 'object';
  verbs: readonly Verb[];
  strategy: Strategy<T>;
}

/** Handled by the API server's own code: log, exec, attach, portforward, proxy, binding, eviction, token … */
export interface ConnectSubresource {
  kind: 'custom';
  verbs: readonly Verb[];
  /** The kind of body it takes or gives, for discovery. */
  bodyKind: { group: string; version: string; kind: string };
}

/** How objects are stored that are shown in several versions or groups. Objects passed in are the callee's to change. */
export interface Storage<T extends KubeObject = KubeObject> {
  group: string;
  resource: string;
  toStorage(object: T): KubeObject;
  fromStorage(stored: KubeObject): T;
  /** In place of both where another server converts: this takes time, and rejects with an Error that tells why it failed. */
  remote?: {
    toStorage(objects: readonly T[]): Promise<KubeObject[]>;
    fromStorage(stored: readonly KubeObject[]): Promise<T[]>;
    /** From each object's apiVersion to another, and no more: nothing is pruned, and no default set. */
    convert(objects: readonly KubeObject[], apiVersion: string): Promise<KubeObject[]>;
  };
}

/** The number of replicas, as autoscaling/v1 Scale. */
export interface ScaleSubresource<T extends KubeObject = KubeObject> {
  kind: 'scale';
  verbs: readonly Verb[];
  bodyKind: { group: string; version: string; kind: string };
  strategy: Strategy<T>;
  /** As messages name it: .spec.replicas */
  specReplicasPath: string;
  /** `found` is false where the object does not say how many replicas it wants; `wrong` tells of a field of another type. */
  scaleOf(object: T): { scale: Scale; found: boolean } | { wrong: string };
  /** Writes the wanted number, in place; false where it cannot be. */
  setReplicas(object: T, replicas: number): boolean;
}

/** One served kind in one version. */
export interface KindDefinition<T extends KubeObject = KubeObject> {
  group: string;
  version: string;
  kind: string;
  /** The feature gate without which it is not served. */
  gate?: SwitchableGate;
  /** The kind of its lists, where it is not the kind with List behind it. */
  listKind?: string;
  /** Plural resource name. */
  resource: string;
  singular: string;
  shortNames: readonly string[];
  categories: readonly string[];
  namespaced: boolean;
  verbs: readonly Verb[];
  /** Name in the schema: io.k8s.api.core.v1.Pod */
  definition: string;
  /** The schema that holds the definition, where it is not the generated one (custom resources). Ask schemaOf. */
  schema?: Schema;
  /** Decodes a parsed body in place, where that is not done by the definition (custom resources take what their validation refuses). */
  decode?(object: unknown, from: DecodeSource): DecodeResult;
  /** Fills defaults in place, as Kubernetes' SetDefaults_* do. Idempotent. */
  defaults?(object: T): void;
  /** Last of all, in place, before it is stored: what is unset becomes null where upstream's encoder writes that. Idempotent. */
  complete?(object: T): void;
  strategy: Strategy<T>;
  /** Values of the field labels that field selectors know, besides metadata.name and metadata.namespace. */
  selectableFields?(object: T): Record<string, string>;
  /** The names of those labels; any other gives `field label not supported: X`. */
  fieldLabels?: readonly string[];
  /** What old names of such labels stand for. */
  fieldAliases?: Readonly<Record<string, string>>;
  columns?: readonly TableColumn<T>[];
  /** The order of rows in the table of a list; that of the keys when absent. */
  compareRows?(a: T, b: T): number;
  /** Conditions rows that a table marks for the object (Completed pods). */
  rowConditions?(object: T): { type: string; status: string; reason: string; message: string }[];
  subresources?: Readonly<Record<string, Subresource<T> | ScaleSubresource<T> | ConnectSubresource>>;
  /** Where it is stored, when another version or group shares the storage (both Event groups). Default: its own group and resource. */
  storage?: Storage<T>;
  /** The kinds that serve the same objects in other versions: managedFields that were written through those are read by them. */
  versions?(): readonly AnyKind[];
  /** ms after the last write until an object is deleted by a lease (Events: 1 h). */
  ttlMs?: number;
  /** Further name check beside DNS subdomain: gives messages. Default: DNS-1123 subdomain. */
  validateName?(name: string, prefix: boolean): string[];
  /** Whether metadata.generation is kept. */
  hasGeneration?: boolean;
  /** Why no object of it may be created now (403); undefined where it may be. */
  createRefused?(): string | undefined;
  /** Texts for Warning headers of every answer: the version is deprecated. */
  requestWarnings?: readonly string[];
}

/** The schema by which objects of the kind are merged, owned and published: its own, else the generated one. */
export const schemaOf = (kind: Pick<AnyKind, 'schema'>, generated: Schema): Schema => kind.schema ?? generated;

/** Any kind, where its type does not matter. Strategies are bivariant by method syntax, so that a list of kinds can be held. */
export type AnyKind = KindDefinition;
