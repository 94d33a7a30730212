// Validation of Nodes. Follows ValidateNode and ValidateNodeUpdate in pkg/apis/core/validation/validation.go of v1.36.

import type { Node } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import {
  duplicate,
  type FieldError,
  FieldPath,
  forbiddenField,
  invalid,
  notSupported,
  required,
} from '../../meta/errors.ts';
import { labelValueMessages, qualifiedName } from '../../meta/names.ts';
import { compareQuantity, parseQuantity } from '../../meta/quantity.ts';
import { invalidEach, negativeMessage } from '../../meta/validate-meta.ts';

const spec = new FieldPath('spec');
const status = new FieldPath('status');
const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

function checkTaints(node: Node): FieldError[] {
  const seen = new Set<string>();
  return (node.spec?.taints ?? []).flatMap((taint, i) => {
    const path = spec.child('taints').index(i);
    const errors = [
      ...invalidEach(path.child('key'), taint.key, qualifiedName(taint.key)),
      ...invalidEach(path.child('value'), taint.value ?? '', labelValueMessages(taint.value ?? '')),
    ];
    if (!taint.effect) errors.push(required(path.child('effect')));
    else if (!effects.includes(taint.effect)) errors.push(notSupported(path.child('effect'), taint.effect, effects));
    const id = `${taint.effect}/${taint.key}`;
    if (seen.has(id)) {
      errors.push({
        ...duplicate(path, taint),
        message: `${duplicate(path, taint).message}: taints must be unique by key and effect pair`,
      });
    }
    seen.add(id);
    return errors;
  });
}

const zero = parseQuantity('0');

function checkResources(path: FieldPath, list: Record<string, string> | undefined): FieldError[] {
  return Object.entries(list ?? {}).flatMap(([name, quantity]) => {
    const at = path.key(name);
    const errors = invalidEach(at, name, qualifiedName(name));
    if (!name.includes('/') && !standardResource(name)) {
      errors.push(invalid(at, name, 'must be a standard resource type or fully qualified'));
    }
    if (compareQuantity(parseQuantity(quantity), zero) < 0) errors.push(invalid(at, quantity, negativeMessage));
    return errors;
  });
}

const standardResource = (name: string): boolean =>
  ['cpu', 'memory', 'ephemeral-storage', 'pods', 'storage'].includes(name) || name.startsWith('hugepages-');

/** What must hold of a Node at any time. */
export function validateNode(node: Node): FieldError[] {
  const errors = checkTaints(node);
  const cidrs = node.spec?.podCIDRs ?? [];
  if (cidrs.length > 2) {
    errors.push(invalid(spec.child('podCIDRs'), cidrs, 'may specify no more than one CIDR for each IP family'));
  }
  errors.push(...checkResources(status.child('capacity'), node.status?.capacity));
  errors.push(...checkResources(status.child('allocatable'), node.status?.allocatable));
  const seen = new Set<string>();
  node.status?.addresses?.forEach((address, i) => {
    const id = `${address.type}/${address.address}`;
    if (seen.has(id)) errors.push(duplicate(status.child('addresses').index(i), address));
    seen.add(id);
  });
  return errors;
}

/** What may not change once it is set. */
export function validateNodeUpdate(node: Node, old: Node): FieldError[] {
  const errors: FieldError[] = [];
  const before = old.spec?.podCIDRs ?? [];
  if (before.length && !equalJson(before, node.spec?.podCIDRs)) {
    const detail = 'node updates may not change podCIDR except from "" to valid';
    errors.push(forbiddenField(spec.child('podCIDRs'), detail));
  }
  if (old.spec?.providerID && old.spec.providerID !== node.spec?.providerID) {
    const detail = 'node updates may not change providerID except from "" to valid';
    errors.push(forbiddenField(spec.child('providerID'), detail));
  }
  return errors;
}
