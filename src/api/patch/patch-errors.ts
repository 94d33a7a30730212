// The failures that patches give, with the status that upstream's API server turns them into.
// Follows apiserver endpoints/handlers/patch.go and apimachinery util/mergepatch of v1.36.
import { ApiError } from '../meta/errors.ts';

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
