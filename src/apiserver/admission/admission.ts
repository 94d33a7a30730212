// The admission chain: what may change or refuse a write after it was decoded and before it is stored.

import { type ApiError, forbidden } from '../../api/meta/errors.ts';
import type { JsonObject, KubeObject } from '../../api/meta/types.ts';
import type { UserInfo } from '../request.ts';
import type { StoredObject } from '../registry/object-version.ts';
import type { ResourceInfo } from '../resources.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** What plugins that change objects in turn know of each other: they may ask to see the object once more. */
export interface Reinvocation {
  /** Whether this is the second round. */
  again: boolean;
  /** Set by a plugin that changed the object after others had seen it: all are asked once more. */
  wanted: boolean;
  /** What a plugin keeps from the first round for the second, by its name. */
  readonly kept: Map<string, unknown>;
}

/** One write, or one connection, as admission sees it. */
export interface AdmissionAttributes {
  operation: Operation;
  resource: ResourceInfo;
  subresource: string;
  namespace: string;
  name: string;
  user: UserInfo;
  dryRun: boolean;
  /** The new object, or the options of a connection; mutators may change it, and never put another in its place. Absent on delete. */
  object: KubeObject | undefined;
  old: StoredObject | undefined;
  warnings: string[];
  /** CreateOptions, UpdateOptions or DeleteOptions as webhooks and policies are shown them; undefined for connections. */
  options(): JsonObject | undefined;
  /** What the audit log is to tell of the request, by key; the first value of a key stays. */
  readonly annotations: Map<string, string>;
  /** Aborts when the request is over. */
  signal(): AbortSignal;
  readonly reinvocation: Reinvocation;
  /** Called once it is known whether what was let in is stored. */
  readonly settled: ((stored: boolean) => void)[];
}

/** Tells the plugins that asked for it what became of the write. */
export function settle({ settled }: AdmissionAttributes, stored: boolean): void {
  for (const tell of settled) tell(stored);
}

/** One plugin. Throws an ApiError to refuse. */
export interface AdmissionPlugin {
  readonly name: string;
  mutate?(attributes: AdmissionAttributes): Promise<void> | void;
  validate?(attributes: AdmissionAttributes): Promise<void> | void;
}

/** Whether it is of that resource, whatever the operation and subresource. */
export const isResource = ({ resource }: AdmissionAttributes, group: string, plural: string): boolean =>
  resource.kind.group === group && resource.kind.resource === plural;

/** Whether it creates or updates objects of that resource, not by way of a subresource. */
export const isWriteOf = (at: AdmissionAttributes, group: string, plural: string): boolean =>
  (at.operation === 'CREATE' || at.operation === 'UPDATE') && at.subresource === '' && isResource(at, group, plural);

/** 403 as admission words it, by the object's name or, where it has none yet, what its name is made from. Follows admission.NewForbidden. */
export function refuse({ resource, name, object }: AdmissionAttributes, why: string): ApiError {
  const { name: own, generateName = '' } = object?.metadata ?? {};
  return forbidden(resource.qualified, own || name || generateName, why);
}

/** Runs the plugins in order. */
export interface AdmissionChain {
  mutate(attributes: AdmissionAttributes): Promise<void>;
  validate(attributes: AdmissionAttributes): Promise<void>;
}

/**
 * The chain of `plugins`, which change an object a second time where one of them asks for it, as apiserver pkg/admission/reinvocation.go
 * has it; those of `after` come when they are done, once.
 */
export function admissionChain(
  plugins: readonly AdmissionPlugin[],
  after: readonly AdmissionPlugin[] = [],
): AdmissionChain {
  const mutating = plugins.filter((p) => p.mutate !== undefined);
  const mutatingAfter = after.filter((p) => p.mutate !== undefined);
  const validating = [...plugins, ...after].filter((p) => p.validate !== undefined);
  return {
    async mutate(attributes) {
      const { reinvocation } = attributes;
      for (const plugin of mutating) await plugin.mutate?.(attributes);
      if (reinvocation.wanted) {
        reinvocation.again = true;
        for (const plugin of mutating) await plugin.mutate?.(attributes);
      }
      for (const plugin of mutatingAfter) await plugin.mutate?.(attributes);
    },
    async validate(attributes) {
      for (const plugin of validating) await plugin.validate?.(attributes);
    },
  };
}
