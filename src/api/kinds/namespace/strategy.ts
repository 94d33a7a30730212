// What may be done to Namespaces. Follows pkg/registry/core/namespace/strategy.go of v1.36.

import type { Namespace } from '../../generated/types.ts';
import { type FieldError, FieldPath, invalid } from '../../meta/errors.ts';
import { nameIsLabel, qualifiedName } from '../../meta/names.ts';
import { invalidEach, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import type { Strategy } from '../../scheme.ts';
import { assign, metaOf, simpleStrategy } from '../common.ts';

/** The label by which selectors find a namespace by name. */
export function labelWithName(namespace: Namespace): void {
  const meta = metaOf(namespace);
  if (meta.name) meta.labels = { ...meta.labels, 'kubernetes.io/metadata.name': meta.name };
}

const finalizersPath = new FieldPath('spec').child('finalizers');

/** Checks the names; only the finalize subresource tells which one is wrong. */
const checkFinalizers =
  (indexed: boolean) =>
  (namespace: Namespace): FieldError[] =>
    (namespace.spec?.finalizers ?? []).flatMap((name, i) => {
      const path = indexed ? finalizersPath.index(i) : finalizersPath;
      const errors = invalidEach(path, name, qualifiedName(name));
      if (name.includes('/') || ['kubernetes', 'orphan', 'foregroundDeletion'].includes(name)) return errors;
      return [...errors, invalid(path, name, 'name is neither a standard finalizer name nor is it fully qualified')];
    });

export const namespaceStrategy: Strategy<Namespace> = {
  ...simpleStrategy<Namespace>({ namespaced: false, name: nameIsLabel, check: checkFinalizers(false) }),
  resetFields: [['status']],
  // A generated name is known only by now.
  canonicalize: labelWithName,
  prepareForCreate(namespace) {
    namespace.status = { phase: 'Active' };
    // The namespace controller takes this one away once the namespace is empty.
    const finalizers = namespace.spec?.finalizers ?? [];
    namespace.spec = { finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'] };
  },
  prepareForUpdate(namespace, old) {
    assign(namespace, 'spec', old.spec);
    assign(namespace, 'status', old.status);
  },
};

export const namespaceStatusStrategy: Strategy<Namespace> = {
  ...simpleStrategy<Namespace>({ namespaced: false, name: nameIsLabel }),
  resetFields: [['spec']],
  prepareForUpdate(namespace, old) {
    assign(namespace, 'spec', old.spec);
  },
  validateUpdate(namespace, old) {
    const errors = validateObjectMetaUpdate(metaOf(namespace), metaOf(old));
    const phase = namespace.status?.phase ?? '';
    const dying = Boolean(namespace.metadata?.deletionTimestamp);
    const path = new FieldPath('status').child('Phase');
    if (!dying && phase !== 'Active') {
      errors.push(invalid(path, phase, "may only be 'Active' if `deletionTimestamp` is empty"));
    }
    if (dying && phase !== 'Terminating') {
      errors.push(invalid(path, phase, "may only be 'Terminating' if `deletionTimestamp` is not empty"));
    }
    return errors;
  },
};

export const namespaceFinalizeStrategy: Strategy<Namespace> = {
  ...simpleStrategy<Namespace>({ namespaced: false, name: nameIsLabel, check: checkFinalizers(true) }),
  resetFields: [['status']],
  prepareForUpdate(namespace, old) {
    assign(namespace, 'status', old.status);
  },
};
