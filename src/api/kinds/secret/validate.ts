// Validation of Secrets and of what each type must hold. Follows ValidateSecret in pkg/apis/core/validation of v1.36.

import type { Secret } from '../../generated/types.ts';
import { type FieldError, FieldPath, invalid, required, tooLong } from '../../meta/errors.ts';
import { configMapKey } from '../../meta/names.ts';
import { immutableField, invalidEach } from '../../meta/validate-meta.ts';
import { decodedLength, frozenFieldErrors, maxDataBytes } from '../configmap/validate.ts';

const data = new FieldPath('data');

export function validateSecret(secret: Secret): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(secret.data ?? {})) {
    errors.push(...invalidEach(data.key(key), key, configMapKey(key)));
    size += decodedLength(value);
  }
  if (size > maxDataBytes) errors.push(tooLong(data, maxDataBytes));
  return [...errors, ...checkType(secret)];
}

function checkType(secret: Secret): FieldError[] {
  const values = secret.data ?? {};
  const need = (...keys: string[]): FieldError[] =>
    keys.filter((key) => !Object.hasOwn(values, key)).map((key) => required(data.key(key)));
  switch (secret.type) {
    case 'kubernetes.io/service-account-token': {
      const key = 'kubernetes.io/service-account.name';
      const path = new FieldPath('metadata').child('annotations').key(key);
      return secret.metadata?.annotations?.[key] ? [] : [required(path)];
    }
    case 'kubernetes.io/dockercfg':
      return [...need('.dockercfg'), ...checkJson(values, '.dockercfg')];
    case 'kubernetes.io/dockerconfigjson':
      return [...need('.dockerconfigjson'), ...checkJson(values, '.dockerconfigjson')];
    case 'kubernetes.io/basic-auth':
      return values['username'] === undefined && values['password'] === undefined ? need('username', 'password') : [];
    case 'kubernetes.io/ssh-auth':
      return values['ssh-privatekey'] ? [] : [required(data.key('ssh-privatekey'))];
    case 'kubernetes.io/tls':
      return need('tls.crt', 'tls.key');
    default:
      return [];
  }
}

// The contents stay out of the message, as upstream has it.
function checkJson(values: Record<string, string>, key: string): FieldError[] {
  const value = values[key];
  if (value === undefined) return [];
  try {
    const text = new TextDecoder().decode(Uint8Array.from(atob(value), (c) => c.charCodeAt(0)));
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && !Array.isArray(parsed)) return [];
    const found = Array.isArray(parsed) ? 'array' : typeof parsed === 'boolean' ? 'bool' : typeof parsed;
    const detail = `json: cannot unmarshal ${found} into Go value of type map[string]interface {}`;
    return [invalid(data.key(key), '<secret contents redacted>', detail)];
  } catch (error) {
    const detail =
      value === '' ? 'unexpected end of JSON input' : error instanceof Error ? withoutContents(error.message) : '';
    return [invalid(data.key(key), '<secret contents redacted>', detail)];
  }
}

// The engine's message quotes the text around the fault, which would leak the secret.
const withoutContents = (message: string): string =>
  message.includes('end of JSON') ? 'unexpected end of JSON input' : 'invalid character looking for beginning of value';

export function validateSecretUpdate(secret: Secret, old: Secret): FieldError[] {
  return [...immutableField(new FieldPath('type'), secret.type, old.type), ...frozenFieldErrors(secret, old, ['data'])];
}
