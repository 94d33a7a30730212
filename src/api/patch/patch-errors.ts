// The failures that patches give, with the status that upstream's API server turns them into.
// Follows apiserver endpoints/handlers/patch.go and apimachinery util/mergepatch of v1.36.
import { ApiError, FieldPath, invalid, invalidObject } from '../meta/errors.ts';
import { goValue } from './json-tree.ts';
import { patchedText } from './patched-text.ts';

/** 422 in fixed words: upstream keeps what went wrong to itself. */
export const unprocessable = (): ApiError =>
  new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'the server rejected our request due to an error in our request',
    reason: 'Invalid',
    details: {},
    code: 422,
  });

/** 500 with the bare message, which is what upstream's untyped errors come out as. */
export const plainFailure = (message: string): ApiError =>
  new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 });

/**
 * 422 where a patch applied, but what it made is no object of the type (`why`: the type error, or the strict decoding error).
 * Upstream shows the patch itself where it was a strategic one, else the whole patched object as JSON: `patched`, whose keys are in Go's order.
 */
export function unusableResult(
  type: 'json' | 'merge' | 'strategic',
  patch: unknown,
  patched: unknown,
  why: string,
): ApiError {
  const shown = type === 'strategic' ? goValue(patch) : patchedText(type, patch, patched);
  return invalidObject({ group: '', kind: '' }, '', [invalid(new FieldPath('patch'), shown, why)]);
}
