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
import { goQuote } from '../../meta/go-format.ts';
import { cidrErrors } from '../../meta/ip-address.ts';
import { labelValueMessages, maxLengthMessage, qualifiedName } from '../../meta/names.ts';
import { formatQuantity, parseQuantity } from '../../meta/quantity.ts';
import { invalidEach, negativeMessage } from '../../meta/validate-meta.ts';
import { internalForm } from '../internal-form.ts';

const spec = new FieldPath('spec');
const status = new FieldPath('status');
// Upstream reports taints below metadata.
const taintsPath = new FieldPath('metadata').child('taints');
const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

function checkTaints(node: Node): FieldError[] {
  const seen = new Set<string>();
  return (node.spec?.taints ?? []).flatMap((taint, i) => {
    const path = taintsPath.index(i);
    const errors = invalidEach(path.child('key'), taint.key, qualifiedName(taint.key));
    const wrong = labelValueMessages(taint.value ?? '');
    if (wrong.length) errors.push(invalid(path.child('value'), taint.value ?? '', wrong.join(';')));
    if (!taint.effect) errors.push(required(path.child('effect')));
    else if (!effects.includes(taint.effect)) errors.push(notSupported(path.child('effect'), taint.effect, effects));
    const id = `${taint.effect}/${taint.key}`;
    if (seen.has(id)) {
      const error = duplicate(path, internalForm('Taint', taint));
      errors.push({ ...error, message: `${error.message}: taints must be unique by key and effect pair` });
    }
    seen.add(id);
    return errors;
  });
}

const countedInWhole = (name: string): boolean =>
  name === 'pods' || (name.includes('/') && !name.includes('kubernetes.io/'));

function checkResources(path: FieldPath, list: Record<string, string> | undefined): FieldError[] {
  return Object.entries(list ?? {}).flatMap(([name, text]) => {
    const quantity = parseQuantity(text);
    const errors: FieldError[] = [];
    if (quantity.nanos < 0n) errors.push(invalid(path.child(name), formatQuantity(quantity), negativeMessage));
    if (countedInWhole(name) && quantity.nanos % 1_000_000_000n !== 0n) {
      errors.push(invalid(path.child(name), formatQuantity(quantity), 'must be an integer'));
    }
    return errors;
  });
}

const featureName = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z0-9]+)*$/;

function featureProblem(name: string): string | undefined {
  if (name.length > 253) return maxLengthMessage(253);
  if (featureName.test(name)) return undefined;
  return "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes";
}

function checkFeatures(node: Node): FieldError[] {
  const path = status.child('declaredFeatures');
  const list = node.status?.declaredFeatures ?? [];
  return list.flatMap((feature, i) => {
    const errors: FieldError[] = [];
    const next = list[i + 1];
    const wrong = featureProblem(feature);
    if (wrong) errors.push(invalid(path.index(i), feature, `invalid feature name ${goQuote(feature)}: ${wrong}`));
    if (next === feature) errors.push(duplicate(path.index(i + 1), next));
    else if (next !== undefined && feature > next) {
      errors.push(invalid(path.index(i + 1), next, 'list must be sorted alphabetically'));
    }
    return errors;
  });
}

function checkCidrs(node: Node): FieldError[] {
  const path = spec.child('podCIDRs');
  const cidrs = node.spec?.podCIDRs ?? [];
  const errors = cidrs.flatMap((cidr, i) => cidrErrors(path.index(i), cidr));
  const families = new Set(cidrs.map((cidr) => cidr.includes(':')));
  if (cidrs.length > 2 || (cidrs.length === 2 && families.size < 2)) {
    errors.push(invalid(path, cidrs, 'may specify no more than one CIDR for each IP family'));
  }
  return errors;
}

/** What must hold of a Node at any time. */
export function validateNode(node: Node): FieldError[] {
  return [
    ...checkTaints(node),
    ...checkResources(status.child('capacity'), node.status?.capacity),
    ...checkResources(status.child('allocatable'), node.status?.allocatable),
    ...checkFeatures(node),
    ...checkCidrs(node),
  ];
}

/** What may not change once it is set, and what only an update must satisfy. */
export function validateNodeUpdate(node: Node, old: Node): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  node.status?.addresses?.forEach((address, i) => {
    const id = `${address.type}/${address.address}`;
    if (seen.has(id)) errors.push(duplicate(status.child('addresses').index(i), internalForm('NodeAddress', address)));
    seen.add(id);
  });
  const before = old.spec?.podCIDRs ?? [];
  if (before.length && !equalJson(before, node.spec?.podCIDRs)) {
    const detail = 'node updates may not change podCIDR except from "" to valid';
    errors.push(forbiddenField(spec.child('podCIDRs'), detail));
  }
  if (old.spec?.providerID && old.spec.providerID !== node.spec?.providerID) {
    const detail = 'node updates may not change providerID except from "" to valid';
    errors.push(forbiddenField(spec.child('providerID'), detail));
  }
  if ((node.spec?.externalID ?? '') !== (old.spec?.externalID ?? '')) {
    errors.push(forbiddenField(spec.child('externalID'), 'may not be updated'));
  }
  return errors;
}
