// The query options that every write shares: dry run, field validation and the name of the field manager.
// Follows apimachinery pkg/apis/meta/v1/validation/validation.go of v1.36.

import {
  type FieldError,
  FieldPath,
  forbiddenField,
  invalid,
  invalidObject,
  notSupported,
  required,
  tooLong,
} from '../../api/meta/errors.ts';
import { byteLength, isPrintable } from '../../api/meta/go-format.ts';
import type { ApiRequest } from '../request.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export interface WriteOptions {
  dryRun: boolean;
  fieldValidation: FieldValidation;
  fieldManager: string;
  /** Of field manager and validation what the client named itself, as admission webhooks are shown it. */
  sent?: { fieldManager?: string; fieldValidation?: string };
}

/** Bytes that the name of a field manager may have. */
const maxManagerBytes = 128;

/** dryRun as the query or DeleteOptions carry it: nothing, or exactly All. */
export function checkDryRun(values: readonly string[]): FieldError[] {
  const wrong = values.filter((v) => v !== 'All');
  return wrong.length === 0 ? [] : [notSupported(new FieldPath('dryRun'), values, ['All'])];
}

/** The manager that a client is known by when it names none: its User-Agent up to the first slash. */
export function defaultManager(userAgent: string): string {
  const name = userAgent.split('/', 1)[0] ?? '';
  return name.replace(/[^\x20-\x7e]/g, '').slice(0, 128) || 'unknown';
}

/** What is wrong with the name of a field manager. */
function managerErrors(manager: string): FieldError[] {
  const path = new FieldPath('fieldManager');
  const errors = byteLength(manager) > maxManagerBytes ? [tooLong(path, maxManagerBytes)] : [];
  let position = 0;
  for (const character of manager) {
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    if (!isPrintable(character))
      errors.push(invalid(path, manager, `invalid character U+${code} (at position ${position})`));
    position += byteLength(character);
  }
  return errors;
}

/**
 * Reads the options of a create, update or patch. `kind` names them in the error: CreateOptions, UpdateOptions, PatchOptions; `own`
 * are errors of options that only this request has.
 */
export function writeOptions(request: ApiRequest, kind: string, own: readonly FieldError[] = []): WriteOptions {
  const { query } = request;
  if (query.size === 0 && own.length === 0)
    return { dryRun: false, fieldValidation: 'Warn', fieldManager: defaultManager(request.userAgent) };
  const dryRun = query.getAll('dryRun');
  const validation = query.get('fieldValidation') || 'Warn';
  const manager = query.get('fieldManager') ?? '';
  const errors = [...own, ...managerErrors(manager), ...checkDryRun(dryRun)];
  if (validation !== 'Ignore' && validation !== 'Warn' && validation !== 'Strict')
    errors.push(notSupported(new FieldPath('fieldValidation'), validation, ['', 'Ignore', 'Strict', 'Warn']));
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind }, '', errors);
  return {
    dryRun: dryRun.length > 0,
    fieldValidation: validation as FieldValidation,
    fieldManager: manager || defaultManager(request.userAgent),
    sent: {
      ...(manager === '' ? {} : { fieldManager: manager }),
      ...(query.get('fieldValidation') ? { fieldValidation: validation } : {}),
    },
  };
}

/** Options of a patch that is no apply: nothing can be forced with it. */
export function patchOptions(request: ApiRequest): WriteOptions {
  const forced = request.query.has('force');
  const path = new FieldPath('force');
  return writeOptions(
    request,
    'PatchOptions',
    forced ? [forbiddenField(path, 'may not be specified for non-apply patch')] : [],
  );
}

/** Options of an apply: its manager must be named. */
export function applyOptions(request: ApiRequest): WriteOptions & { force: boolean } {
  const { query } = request;
  const path = new FieldPath('fieldManager');
  const errors = query.get('fieldManager') ? [] : [required(path, 'is required for apply patch')];
  const force = query.get('force');
  return {
    ...writeOptions(request, 'PatchOptions', errors),
    // As Go's conversion of query parameters has it: all but two words are true.
    force: force !== null && force !== '0' && force.toLowerCase() !== 'false',
  };
}
