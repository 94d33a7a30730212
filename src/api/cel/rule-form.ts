// What is wrong with the form of x-kubernetes-validations, before any expression is looked at.
// Follows apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go and pkg/apiserver/schema/cel/validation.go of v1.36.

import type { JSONSchemaProps, ValidationRule } from '../generated/types.ts';
import { type FieldError, FieldPath, invalid, notSupported, required } from '../meta/errors.ts';
import { additionalOf } from './schema-types.ts';

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
const hasNewlines = (text: string): boolean => /[\n\r]/.test(text);

function messageErrors(rule: ValidationRule, path: FieldPath): FieldError[] {
  const { message = '' } = rule;
  const at = path.child('message');
  if (rule.rule.trim() === '') return [required(path.child('rule'), 'rule is not specified')];
  if (message !== '' && message.trim() === '') return [invalid(at, message, 'must be non-empty if specified')];
  if (hasNewlines(message.trim())) return [invalid(at, message, 'must not contain line breaks')];
  if (hasNewlines(rule.rule.trim()) && message.trim() === '')
    return [required(at, 'message must be specified if rule contains line breaks')];
  return [];
}

/** The errors of one rule's form; `path` is the rule's. */
export function ruleFormErrors(schema: JSONSchemaProps, rule: ValidationRule, path: FieldPath): FieldError[] {
  const { messageExpression = '', reason, fieldPath = '' } = rule;
  const errors = messageErrors(rule, path);
  if (messageExpression !== '' && messageExpression.trim() === '')
    errors.push(required(path.child('messageExpression'), 'messageExpression must be non-empty if specified'));
  if (reason !== undefined && !reasons.includes(reason))
    errors.push(notSupported(path.child('reason'), reason, reasons));
  const at = path.child('fieldPath');
  if (fieldPath !== '' && fieldPath.trim() === '')
    errors.push(invalid(at, fieldPath, 'must be non-empty if specified'));
  if (hasNewlines(fieldPath)) errors.push(invalid(at, fieldPath, 'must not contain line breaks'));
  if (fieldPath !== '' && resolveFieldPath(fieldPath, schema) === undefined)
    errors.push(invalid(at, fieldPath, 'must be a valid path'));
  return errors;
}

const escapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
};

/** The text of a quoted key; undefined for an unknown escape. */
function unquote(text: string): string | undefined {
  let isRight = true;
  const plain = text.replaceAll(/\\(.)/g, (_, letter: string) => {
    const character = escapes[letter];
    if (character === undefined) isRight = false;
    return character ?? '';
  });
  return isRight ? plain : undefined;
}

/** The path that a rule's fieldPath (`.spec.ports['a.b']`) names below the schema; undefined where it leads nowhere. */
export function resolveFieldPath(text: string, schema: JSONSchemaProps): FieldPath | undefined {
  let path = new FieldPath();
  let at: JSONSchemaProps | undefined = schema;
  const step = /\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\]/y;
  while (step.lastIndex < text.length) {
    const [, plain, quoted] = step.exec(text) ?? [];
    const name = plain ?? (quoted === undefined ? undefined : unquote(quoted));
    if (name === undefined || at === undefined) return undefined;
    if (at.properties !== undefined) {
      path = path.child(name);
      at = Object.hasOwn(at.properties, name) ? at.properties[name] : undefined;
    } else {
      path = path.key(name);
      at = additionalOf(at);
    }
    if (at === undefined) return undefined;
  }
  return path;
}
