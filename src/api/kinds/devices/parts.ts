// Parts that several kinds of resource.k8s.io have: selectors, configuration, taints, tolerations and binding conditions.
// Follows pkg/apis/resource/validation/validation.go of v1.36.

import type {
  DeviceSelector,
  DeviceTaint,
  DeviceToleration,
  OpaqueDeviceConfiguration,
} from '../../generated/types.ts';
import { compileDeviceSelector } from '../../cel/device-selectors.ts';
import { equalJson } from '../../meta/equal.ts';
import {
  duplicate,
  type FieldError,
  type FieldPath,
  forbiddenField,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../../meta/errors.ts';
import { byteLength } from '../../meta/go-format.ts';
import { labelValueMessages, qualifiedName } from '../../meta/names.ts';
import { invalidEach } from '../../meta/validate-meta.ts';
import { driverErrors, limited } from './names.ts';

const maxSelectors = 32;
const maxExpressionBytes = 10 * 1024;
const maxExpressionCost = 1_000_000;
const maxParameterBytes = 10 * 1024;
const maxBindingConditions = 4;
const maxTaints = 16;
const effects = ['NoExecute', 'NoSchedule', 'None'];

function expressionErrors(expression: string, path: FieldPath): FieldError[] {
  if (byteLength(expression) > maxExpressionBytes) return [tooLong(path, maxExpressionBytes)];
  const selector = compileDeviceSelector(expression);
  if ('error' in selector) return [invalid(path, expression, selector.error)];
  return selector.maxCost > maxExpressionCost ? [forbiddenField(path, 'too complex, exceeds cost limit')] : [];
}

const validateSelector = ({ cel }: DeviceSelector, path: FieldPath): FieldError[] =>
  cel ? expressionErrors(cel.expression, path.child('cel', 'expression')) : [required(path.child('cel'))];

/** The selectors of devices; where they are those of before they need not be looked at again. */
export const validateSelectors = (
  selectors: readonly DeviceSelector[] | undefined,
  path: FieldPath,
  old?: readonly DeviceSelector[],
): FieldError[] =>
  old !== undefined && equalJson(selectors, old) ? [] : limited(selectors, maxSelectors, path, validateSelector);

/** Free data of a driver: a JSON object of at most 10 KiB; what is `stored` may be longer. */
export function validateData(data: unknown, path: FieldPath, stored: boolean): FieldError[] {
  if (data === undefined || data === null) return [required(path)];
  if (!stored && byteLength(JSON.stringify(data)) > maxParameterBytes) return [tooLong(path, maxParameterBytes)];
  return typeof data === 'object' && !Array.isArray(data)
    ? []
    : [invalid(path, '<value omitted>', 'must be a valid JSON object')];
}

/** The configuration of devices for their driver. */
export function validateConfiguration(
  { opaque }: { opaque?: OpaqueDeviceConfiguration },
  path: FieldPath,
  stored: boolean,
): FieldError[] {
  const at = path.child('opaque');
  if (!opaque) return [required(at)];
  return [
    ...driverErrors(opaque.driver, at.child('driver')),
    ...validateData(opaque.parameters, at.child('parameters'), stored),
  ];
}

const labelKey = (key: string, path: FieldPath): FieldError[] => invalidEach(path, key, qualifiedName(key));
const labelValue = (value: string, path: FieldPath): FieldError[] =>
  invalidEach(path, value, labelValueMessages(value));

function validateTaint({ key = '', value = '', effect }: DeviceTaint, path: FieldPath): FieldError[] {
  const at = path.child('effect');
  const ofEffect = !effect ? [required(at)] : effects.includes(effect) ? [] : [notSupported(at, effect, effects)];
  return [
    ...labelKey(key, path.child('key')),
    ...(value === '' ? [] : labelValue(value, path.child('value'))),
    ...ofEffect,
  ];
}

/** The taints of a device; those that it had before stay. */
export const validateTaints = (
  taints: readonly DeviceTaint[] | undefined,
  old: readonly DeviceTaint[] | undefined,
  path: FieldPath,
): FieldError[] => (old !== undefined && equalJson(old, taints) ? [] : limited(taints, maxTaints, path, validateTaint));

export function validateToleration(toleration: DeviceToleration, path: FieldPath): FieldError[] {
  const { key = '', operator, value = '', effect } = toleration;
  const errors = key === '' ? [] : labelKey(key, path.child('key'));
  const at = path.child('value');
  if (operator === 'Exists') {
    if (value !== '') errors.push(invalid(at, value, 'must be empty for operator `Exists`'));
  } else if (operator === 'Equal') errors.push(...labelValue(value, at));
  else if (!operator) errors.push(required(path.child('operator')));
  else errors.push(notSupported(path.child('operator'), operator, ['Equal', 'Exists']));
  if (effect && !effects.includes(effect)) errors.push(notSupported(path.child('effect'), effect, effects));
  return errors;
}

const repeated = (list: readonly string[], path: FieldPath): FieldError[] =>
  list.flatMap((one, i) => (list.indexOf(one) < i ? [duplicate(path.index(i), one)] : []));

/** Conditions that a device waits for before a pod is bound, and those that end the wait; both or none. */
export function validateBinding(
  {
    bindingConditions = [],
    bindingFailureConditions = [],
  }: { bindingConditions?: string[]; bindingFailureConditions?: string[] },
  path: FieldPath,
): FieldError[] {
  const [wanted, failed] = [path.child('bindingConditions'), path.child('bindingFailureConditions')];
  const errors = [
    ...limited(bindingConditions, maxBindingConditions, wanted, labelKey),
    ...limited(bindingFailureConditions, maxBindingConditions, failed, labelKey),
    ...repeated(bindingConditions, wanted),
    ...repeated(bindingFailureConditions, failed),
  ];
  for (const [i, one] of bindingFailureConditions.entries())
    if (bindingConditions.includes(one))
      errors.push(invalid(failed.index(i), one, 'bindingFailureConditions must not overlap with bindingConditions'));
  if (bindingConditions.length === 0 && bindingFailureConditions.length > 0)
    errors.push(invalid(wanted, bindingConditions, 'bindingConditions are required to use bindingFailureConditions'));
  if (bindingFailureConditions.length === 0 && bindingConditions.length > 0)
    errors.push(
      invalid(failed, bindingFailureConditions, 'bindingFailureConditions are required to use bindingConditions'),
    );
  return errors;
}
