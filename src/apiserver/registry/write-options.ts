// The query options that every write shares: dry run, field validation and the name of the field manager.
// Follows apimachinery pkg/apis/meta/v1/validation/validation.go of v1.36.

import { FieldPath, type FieldError, badRequest, invalidObject, notSupported } from '../../api/meta/errors.ts';
import type { ApiRequest } from '../request.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export interface WriteOptions {
  dryRun: boolean;
  fieldValidation: FieldValidation;
  fieldManager: string;
  /** Of field manager and validation what the client named itself, as admission webhooks are shown it. */
  sent?: { fieldManager?: string; fieldValidation?: string };
}

/** dryRun as the query or DeleteOptions carry it: nothing, or exactly All. */
export function checkDryRun(values: readonly string[]): FieldError[] {
  const wrong = values.filter((v) => v !== 'All');
  return wrong.length === 0 ? [] : [notSupported(new FieldPath('dryRun'), values.join(','), ['All'])];
}

/** The manager that a client is known by when it names none: its User-Agent up to the first slash. */
export function defaultManager(userAgent: string): string {
  const name = userAgent.split('/', 1)[0] ?? '';
  return name.replace(/[^\x20-\x7e]/g, '').slice(0, 128) || 'unknown';
}

/** Reads the options of a create, update or patch. `kind` names them in the error: CreateOptions, UpdateOptions, PatchOptions. */
export function writeOptions(request: ApiRequest, kind: string): WriteOptions {
  const { query } = request;
  if (query.size === 0)
    return { dryRun: false, fieldValidation: 'Warn', fieldManager: defaultManager(request.userAgent) };
  const dryRun = query.getAll('dryRun').filter((v) => v !== '');
  const validation = query.get('fieldValidation') || 'Warn';
  const manager = query.get('fieldManager') ?? '';
  const errors = checkDryRun(dryRun);
  if (validation !== 'Ignore' && validation !== 'Warn' && validation !== 'Strict')
    errors.push(notSupported(new FieldPath('fieldValidation'), validation, ['Ignore', 'Strict', 'Warn']));
  if (manager.length > 128) throw badRequest('fieldManager: Too long: may not be more than 128 bytes');
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
