// Validation of lists of metav1.Condition. Follows ValidateConditions in apimachinery pkg/apis/meta/v1/validation of v1.36.

import { duplicate, type FieldError, type FieldPath, invalid, notSupported, required, tooLong } from './errors.ts';
import { byteLength } from './go-format.ts';
import { qualifiedName, regexMessage } from './names.ts';
import { invalidEach } from './validate-meta.ts';

/** A condition as it may come, before it was checked. */
export interface ConditionLike {
  type?: string;
  status?: string;
  observedGeneration?: number;
  lastTransitionTime?: string;
  reason?: string;
  message?: string;
}

const statuses = ['False', 'True', 'Unknown'];
const reasonForm = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const maxReasonBytes = 1024;
const maxMessageBytes = 32 * 1024;

function reasonErrors(path: FieldPath, reason: string): FieldError[] {
  if (reason === '') return [required(path)];
  const text =
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";
  const examples = ['my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB'];
  return [
    ...(new RegExp(`^${reasonForm}$`).test(reason)
      ? []
      : [invalid(path, reason, regexMessage(text, reasonForm, ...examples))]),
    ...(byteLength(reason) > maxReasonBytes ? [tooLong(path, maxReasonBytes)] : []),
  ];
}

function validateCondition(path: FieldPath, condition: ConditionLike): FieldError[] {
  const { type = '', status = '', observedGeneration = 0, lastTransitionTime, reason = '', message = '' } = condition;
  return [
    ...invalidEach(path.child('type'), type, qualifiedName(type)),
    ...(statuses.includes(status) ? [] : [notSupported(path.child('status'), status, statuses)]),
    ...(observedGeneration < 0
      ? [invalid(path.child('observedGeneration'), observedGeneration, 'must be greater than or equal to zero')]
      : []),
    ...(lastTransitionTime ? [] : [required(path.child('lastTransitionTime'))]),
    ...reasonErrors(path.child('reason'), reason),
    ...(byteLength(message) > maxMessageBytes ? [tooLong(path.child('message'), maxMessageBytes)] : []),
  ];
}

/** Each condition, and that no two are of a type. */
export function validateConditions(path: FieldPath, conditions: readonly ConditionLike[]): FieldError[] {
  const seen = new Set<string | undefined>();
  return conditions.flatMap((condition, i) => {
    const { type } = condition;
    const isRepeated = seen.has(type);
    seen.add(type);
    return [
      ...(isRepeated ? [duplicate(path.index(i).child('type'), type ?? '')] : []),
      ...validateCondition(path.index(i), condition),
    ];
  });
}
