// The admission chain: what may change or refuse a write after it was decoded and before it is stored.

import { type ApiError, forbidden } from '../../api/meta/errors.ts';
import type { KubeObject } from '../../api/meta/types.ts';
import type { UserInfo } from '../request.ts';
import type { StoredObject } from '../registry/object-version.ts';
import type { ResourceInfo } from '../resources.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** One write, as admission sees it. */
export interface AdmissionAttributes {
  operation: Operation;
  resource: ResourceInfo;
  subresource: string;
  namespace: string;
  name: string;
  user: UserInfo;
  dryRun: boolean;
  /** The new object; mutators may change it. Absent on delete. */
  object: KubeObject | undefined;
  old: StoredObject | undefined;
  warnings: string[];
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

export function admissionChain(plugins: readonly AdmissionPlugin[]): AdmissionChain {
  const mutating = plugins.filter((p) => p.mutate !== undefined);
  const validating = plugins.filter((p) => p.validate !== undefined);
  return {
    async mutate(attributes) {
      for (const plugin of mutating) await plugin.mutate?.(attributes);
    },
    async validate(attributes) {
      for (const plugin of validating) await plugin.validate?.(attributes);
    },
  };
}
