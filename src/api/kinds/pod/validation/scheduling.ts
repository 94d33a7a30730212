// Checks of what decides where a pod may run: affinity, tolerations, spread constraints, gates.
// Follows pkg/apis/core/validation/validation.go of v1.36.

import type {
  Affinity,
  LabelSelector,
  NodeAffinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  PodSchedulingGate,
  Toleration,
  TopologySpreadConstraint,
} from '../../../generated/types.ts';
import {
  duplicate,
  type FieldError,
  type FieldPath,
  forbiddenField,
  invalid,
  notSupported,
  required,
} from '../../../meta/errors.ts';
import { labelValueMessages, nameIsLabel, nameIsSubdomain, qualifiedName } from '../../../meta/names.ts';
import { invalidEach, validateLabelSelector } from '../../../meta/validate-meta.ts';
import { oneOf } from './shared.ts';

const keyErrors = (path: FieldPath, key: string): FieldError[] => invalidEach(path, key, qualifiedName(key));

/** Checks one requirement on labels of a node; preferred terms (`lenient`) take any value. */
function nodeRequirement(path: FieldPath, one: NodeSelectorRequirement, lenient: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const values = one.values ?? [];
  switch (one.operator as string) {
    case 'In':
    case 'NotIn':
      if (values.length === 0)
        errors.push(required(path.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length) {
        errors.push(
          forbiddenField(path.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        );
      }
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) {
        errors.push(required(path.child('values'), "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      }
      break;
    default:
      errors.push(invalid(path.child('operator'), one.operator, 'not a valid selector operator'));
  }
  errors.push(...keyErrors(path.child('key'), one.key));
  if (lenient) return errors;
  return [
    ...errors,
    ...values.flatMap((value, i) => invalidEach(path.child('values').index(i), value, labelValueMessages(value))),
  ];
}

function fieldRequirement(path: FieldPath, one: NodeSelectorRequirement): FieldError[] {
  const errors: FieldError[] = [];
  const values = one.values ?? [];
  if (one.operator !== 'In' && one.operator !== 'NotIn') {
    errors.push(invalid(path.child('operator'), one.operator, 'not a valid selector operator'));
  } else if (values.length !== 1) {
    const detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    errors.push(required(path.child('values'), detail));
  }
  if (one.key !== 'metadata.name')
    return [...errors, invalid(path.child('key'), one.key, 'not a valid field selector key')];
  return [
    ...errors,
    ...values.flatMap((value, i) => invalidEach(path.child('values').index(i), value, nameIsSubdomain(value, false))),
  ];
}

function nodeTerm(path: FieldPath, term: NodeSelectorTerm, lenient: boolean): FieldError[] {
  return [
    ...(term.matchExpressions ?? []).flatMap((one, i) =>
      nodeRequirement(path.child('matchExpressions').index(i), one, lenient),
    ),
    ...(term.matchFields ?? []).flatMap((one, i) => fieldRequirement(path.child('matchFields').index(i), one)),
  ];
}

export function validateNodeSelector(path: FieldPath, selector: NodeSelector): FieldError[] {
  const at = path.child('nodeSelectorTerms');
  if (!selector.nodeSelectorTerms?.length) return [required(at, 'must have at least one node selector term')];
  return selector.nodeSelectorTerms.flatMap((term, i) => nodeTerm(at.index(i), term, false));
}

const weightErrors = (path: FieldPath, weight: number): FieldError[] =>
  weight <= 0 || weight > 100 ? [invalid(path, weight, 'must be in the range 1-100')] : [];

const requiredTerms = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferredTerms = 'preferredDuringSchedulingIgnoredDuringExecution';

function nodeAffinity(path: FieldPath, affinity: NodeAffinity): FieldError[] {
  const must = affinity[requiredTerms];
  return [
    ...(must ? validateNodeSelector(path.child(requiredTerms), must) : []),
    ...(affinity[preferredTerms] ?? []).flatMap((term, i) => {
      const at = path.child(preferredTerms).index(i);
      return [
        ...weightErrors(at.child('weight'), term.weight),
        ...nodeTerm(at.child('preference'), term.preference, true),
      ];
    }),
  ];
}

function labelKeys(
  path: FieldPath,
  keys: readonly string[] | undefined,
  selector: LabelSelector | undefined,
): FieldError[] {
  if (!keys?.length) return [];
  if (!selector) return [forbiddenField(path, 'must not be specified when labelSelector is not set')];
  return keys.flatMap((key, i) => keyErrors(path.index(i), key));
}

/** Keys whose values come from the pod's own labels: valid, and not also in the selector. */
function matchLabelKeys(
  path: FieldPath,
  match: readonly string[] | undefined,
  mismatch: readonly string[] | undefined,
  selector: LabelSelector | undefined,
): FieldError[] {
  const errors = [
    ...labelKeys(path.child('matchLabelKeys'), match, selector),
    ...labelKeys(path.child('mismatchLabelKeys'), mismatch, selector),
  ];
  const keys = match ?? [];
  const lastAt = new Map(keys.map((key, i) => [key, i]));
  const mismatched = new Set(mismatch);
  const seen = new Set(Object.keys(selector?.matchLabels ?? {}));
  for (const { key } of selector?.matchExpressions ?? []) {
    // The selector already holds one expression that was made from the key; another one is the user's.
    const at = lastAt.get(key);
    if (at !== undefined && seen.has(key))
      errors.push(invalid(path.index(at), key, 'exists in both matchLabelKeys and labelSelector'));
    seen.add(key);
  }
  keys.forEach((key, i) => {
    if (!mismatched.has(key)) return;
    const detail = 'exists in both matchLabelKeys and mismatchLabelKeys';
    errors.push(invalid(path.child('matchLabelKeys').index(i), key, detail));
  });
  return errors;
}

function podTerm(path: FieldPath, term: PodAffinityTerm): FieldError[] {
  const errors = [
    ...validateLabelSelector(path.child('labelSelector'), term.labelSelector),
    ...validateLabelSelector(path.child('namespaceSelector'), term.namespaceSelector),
    ...(term.namespaces ?? []).flatMap((name) => invalidEach(path.child('namespace'), name, nameIsLabel(name, false))),
    ...matchLabelKeys(path, term.matchLabelKeys, term.mismatchLabelKeys, term.labelSelector),
  ];
  const key = term.topologyKey ?? '';
  if (key === '') errors.push(required(path.child('topologyKey'), 'can not be empty'));
  return [...errors, ...keyErrors(path.child('topologyKey'), key)];
}

export function validateAffinity(path: FieldPath, affinity: Affinity | undefined): FieldError[] {
  if (!affinity) return [];
  const errors = affinity.nodeAffinity ? nodeAffinity(path.child('nodeAffinity'), affinity.nodeAffinity) : [];
  for (const side of ['podAffinity', 'podAntiAffinity'] as const) {
    const at = path.child(side);
    affinity[side]?.[requiredTerms]?.forEach((term, i) => {
      errors.push(...podTerm(at.child(requiredTerms).index(i), term));
    });
    affinity[side]?.[preferredTerms]?.forEach(({ weight, podAffinityTerm }, i) => {
      const one = at.child(preferredTerms).index(i);
      errors.push(
        ...weightErrors(one.child('weight'), weight),
        ...podTerm(one.child('podAffinityTerm'), podAffinityTerm),
      );
    });
  }
  return errors;
}

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function validateTolerations(path: FieldPath, tolerations: readonly Toleration[] | undefined): FieldError[] {
  return (tolerations ?? []).flatMap((toleration, i) => {
    const at = path.index(i);
    const { key = '', value = '', effect = '', tolerationSeconds } = toleration;
    const operator: string = toleration.operator ?? '';
    const errors = key ? keyErrors(at.child('key'), key) : [];
    if (key === '' && operator !== 'Exists') {
      const detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      errors.push(invalid(at.child('operator'), operator, detail));
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      errors.push(invalid(at.child('effect'), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    }
    if (operator === 'Equal' || operator === '') {
      const messages = labelValueMessages(value);
      if (messages.length) errors.push(invalid(at.child('operator'), value, messages.join(';')));
    } else if (operator === 'Exists') {
      if (value) errors.push(invalid(at.child('operator'), value, "value must be empty when `operator` is 'Exists'"));
    } else {
      // Lt and Gt are known words of a feature that is off.
      const known = operator === 'Lt' || operator === 'Gt' ? ['Equal', 'Exists', 'Lt', 'Gt'] : ['Equal', 'Exists'];
      errors.push(notSupported(at.child('operator'), operator, known));
    }
    return effect ? [...errors, ...oneOf(at.child('effect'), effect, effects)] : errors;
  });
}

const positive = (path: FieldPath, value: number): FieldError[] =>
  value <= 0 ? [invalid(path, value, 'must be greater than zero')] : [];

export function validateSpreadConstraints(
  path: FieldPath,
  constraints: readonly TopologySpreadConstraint[] | undefined,
): FieldError[] {
  const list = constraints ?? [];
  const pairOf = ({ topologyKey, whenUnsatisfiable }: TopologySpreadConstraint): string =>
    JSON.stringify([topologyKey, whenUnsatisfiable]);
  const lastAt = new Map(list.map((constraint, i) => [pairOf(constraint), i]));
  return list.flatMap((constraint, i) => {
    const at = path.index(i);
    const { topologyKey, whenUnsatisfiable, minDomains, labelSelector } = constraint;
    const errors = positive(at.child('maxSkew'), constraint.maxSkew ?? 0);
    if (!topologyKey) errors.push(required(at.child('topologyKey'), 'can not be empty'));
    errors.push(...oneOf(at.child('whenUnsatisfiable'), whenUnsatisfiable ?? '', ['DoNotSchedule', 'ScheduleAnyway']));
    if (lastAt.get(pairOf(constraint)) !== i) {
      errors.push(duplicate(at.child('{topologyKey, whenUnsatisfiable}'), `{${topologyKey}, ${whenUnsatisfiable}}`));
    }
    if (minDomains !== undefined) {
      errors.push(...positive(at.child('minDomains'), minDomains));
      if (whenUnsatisfiable !== 'DoNotSchedule') {
        const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
        errors.push(invalid(at.child('minDomains'), minDomains, detail));
      }
    }
    for (const field of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      const policy = constraint[field];
      if (policy !== undefined) errors.push(...oneOf(at.child(field), policy, ['Honor', 'Ignore']));
    }
    return [
      ...errors,
      ...matchLabelKeys(at, constraint.matchLabelKeys, undefined, labelSelector),
      ...validateLabelSelector(at.child('labelSelector'), labelSelector),
    ];
  });
}

export function validateSchedulingGates(
  path: FieldPath,
  gates: readonly PodSchedulingGate[] | undefined,
): FieldError[] {
  const seen = new Set<string>();
  return (gates ?? []).flatMap(({ name }, i) => {
    const errors = keyErrors(path.index(i), name);
    if (seen.has(name)) errors.push(duplicate(path.index(i), name));
    seen.add(name);
    return errors;
  });
}
