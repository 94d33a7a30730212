// The Binding kind: posted to bindings or pods/NAME/binding, it puts a pod on a node and is not stored.

import type { Binding } from '../../generated/types.ts';
import { type FieldError, FieldPath, notSupported, required } from '../../meta/errors.ts';
import type { KindDefinition } from '../../scheme.ts';

const target = new FieldPath('target');

/** Checks what a binding points at. Follows ValidatePodBinding in pkg/apis/core/validation of v1.36. */
export function validateBinding(binding: Binding): FieldError[] {
  const errors: FieldError[] = [];
  const { kind, name } = binding.target;
  if (kind && kind !== 'Node') errors.push(notSupported(target.child('kind'), kind, ['Node', '<empty>']));
  if (!name) errors.push(required(target.child('name')));
  return errors;
}

export const bindingKind: KindDefinition<Binding> = {
  group: '',
  version: 'v1',
  kind: 'Binding',
  resource: 'bindings',
  singular: 'binding',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: ['create'],
  definition: 'io.k8s.api.core.v1.Binding',
  strategy: { validateCreate: validateBinding, validateUpdate: validateBinding },
};
