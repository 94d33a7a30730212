// The error of an apply that others' fields stand against.
// Follows apimachinery util/managedfields/internal/conflict.go of v1.36.
import { ApiError } from '../meta/errors.ts';
import { goQuote } from '../meta/go-format.ts';
import type { ManagedFieldsEntry } from '../meta/types.ts';
import { type FieldSet, pathTexts } from './field-set.ts';
import { identity } from './managed-entries.ts';

/** Fields that one manager owns and the applied configuration has another value for. */
export interface Conflict {
  readonly entry: ManagedFieldsEntry;
  readonly set: FieldSet;
}

function managerText({ manager, operation, apiVersion, subresource }: ManagedFieldsEntry): string {
  const name = `${goQuote(manager ?? '')}${subresource ? ` with subresource ${goQuote(subresource)}` : ''}`;
  return operation === 'Update' ? `${name} using ${apiVersion ?? ''}` : name;
}

/** 409 that names every conflict, in its message and as a cause each. */
export function conflictError(conflicts: readonly Conflict[]): ApiError {
  const byManager = conflicts
    .map(({ entry, set }) => ({ id: identity(entry), manager: managerText(entry), paths: pathTexts(set) }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const causes = byManager.flatMap(({ manager, paths }) =>
    paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${manager}`, field })),
  );
  const [only] = causes;
  const listed = byManager.flatMap(({ manager, paths }) => [
    `conflicts with ${manager}:`,
    ...paths.map((path) => `- ${path}`),
  ]);
  const message =
    causes.length === 1 && only
      ? `Apply failed with 1 conflict: ${only.message}: ${only.field}`
      : `Apply failed with ${causes.length} conflicts: ${listed.join('\n')}`;
  return new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: 'Conflict',
    details: { causes },
    code: 409,
  });
}
