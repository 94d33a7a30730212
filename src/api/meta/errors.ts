// ApiError, the one error that carries a metav1.Status, and field errors in the words that Kubernetes uses.
// Follows apimachinery pkg/api/errors and pkg/util/validation/field of v1.36.

import { goJson, goQuote } from './go-format.ts';
import type { Status, StatusCause } from './types.ts';

/** A failure as the API reports it. Thrown inside the server and by the client alike. */
export class ApiError extends Error {
  readonly status: Status;
  /** Headers of the answer that it becomes, beside the usual ones. */
  headers?: Readonly<Record<string, string>>;

  constructor(status: Status) {
    super(status.message ?? status.reason ?? 'unknown');
    this.name = 'ApiError';
    this.status = status;
  }

  get code(): number {
    return this.status.code;
  }

  get reason(): string {
    return this.status.reason ?? '';
  }
}

/** The same, as those refuse who look at a request before its resource does: browsers are not to guess at what it is. */
export function byFilter(error: ApiError): ApiError {
  error.headers = { 'x-content-type-options': 'nosniff' };
  return error;
}

/** True for an ApiError with that reason ('NotFound', 'Conflict', …). */
export function isApiError(error: unknown, reason?: string): error is ApiError {
  return error instanceof ApiError && (reason === undefined || error.reason === reason);
}

function failure(code: number, reason: string, message: string, details?: Status['details']): ApiError {
  const known = details === undefined ? {} : { details };
  return new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...known,
    code,
  });
}

/** Group and plural name ("pods"), as errors print them: "pods" or "leases.coordination.k8s.io". */
export interface QualifiedName {
  group: string;
  resource: string;
}

const qualified = (r: QualifiedName): string => (r.group === '' ? r.resource : `${r.resource}.${r.group}`);
const detailsOf = (r: QualifiedName, name: string): NonNullable<Status['details']> => ({
  ...(name ? { name } : {}),
  ...(r.group ? { group: r.group } : {}),
  ...(r.resource ? { kind: r.resource } : {}),
});

export const notFound = (r: QualifiedName, name: string): ApiError =>
  failure(404, 'NotFound', `${qualified(r)} ${goQuote(name)} not found`, detailsOf(r, name));

export const alreadyExists = (r: QualifiedName, name: string): ApiError =>
  failure(409, 'AlreadyExists', `${qualified(r)} ${goQuote(name)} already exists`, detailsOf(r, name));

/** 409 after a generated name was taken again and again. */
export const generateNameConflict = (r: QualifiedName, name: string, retryAfterSeconds: number): ApiError =>
  failure(
    409,
    'AlreadyExists',
    `${qualified(r)} ${goQuote(name)} already exists, the server was not able to generate a unique name for the object`,
    { ...detailsOf(r, name), retryAfterSeconds },
  );

export const conflict = (r: QualifiedName, name: string, why: string): ApiError =>
  failure(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(r)} ${goQuote(name)}: ${why}`,
    detailsOf(r, name),
  );

export const forbidden = (r: QualifiedName, name: string, why: string): ApiError =>
  failure(
    403,
    'Forbidden',
    r.resource === '' ? `forbidden: ${why}` : `${qualified(r)}${name ? ` ${goQuote(name)}` : ''} is forbidden: ${why}`,
    detailsOf(r, name),
  );

export const unauthorized = (message = 'Unauthorized'): ApiError => failure(401, 'Unauthorized', message);

export const badRequest = (message: string): ApiError => failure(400, 'BadRequest', message);

export const methodNotAllowed = (r: QualifiedName, action: string): ApiError =>
  failure(
    405,
    'MethodNotAllowed',
    `${action} is not supported on resources of kind ${goQuote(qualified(r))}`,
    detailsOf(r, ''),
  );

/** 404 for a path below a served group that is no resource's, as upstream's router words it. */
export const pathNotServed = (): ApiError =>
  failure(404, 'NotFound', 'the server could not find the requested resource', {});

/** 405 for a path that is served, but not by this method. */
export const methodNotServed = (): ApiError =>
  failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

export const gone = (message: string): ApiError => failure(410, 'Expired', message);

/** 413; upstream's body limit says `limit is 3145728`. */
export const tooLarge = (why: string): ApiError =>
  failure(413, 'RequestEntityTooLarge', `Request entity too large: ${why}`);

export const unsupportedMediaType = (message: string): ApiError => failure(415, 'UnsupportedMediaType', message);

/** What upstream's router says by itself, before anything looks at the request; the details are empty. */
export const routerError = (code: number, reason: string, message: string): ApiError =>
  failure(code, reason, message, {});

export const notAcceptable = (message: string): ApiError => failure(406, 'NotAcceptable', message);

export const tooManyRequests = (message: string, retryAfterSeconds: number): ApiError =>
  failure(429, 'TooManyRequests', message, { retryAfterSeconds });

export const internalError = (message: string): ApiError =>
  failure(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });

export const serviceUnavailable = (message: string): ApiError => failure(503, 'ServiceUnavailable', message);

export const timeout = (message: string, retryAfterSeconds = 0): ApiError =>
  failure(504, 'Timeout', `Timeout: ${message}`, { retryAfterSeconds });

/** 500 that invites another try: the storage was busy. */
export const serverTimeout = (r: QualifiedName, operation: string, retryAfterSeconds: number): ApiError =>
  failure(
    500,
    'ServerTimeout',
    `The ${operation} operation against ${qualified(r)} could not be completed at this time, please try again.`,
    { ...detailsOf(r, operation), retryAfterSeconds },
  );

/**
 * A path to a field, built as `path.child('spec').child('containers').index(0)`; prints spec.containers[0]. Its text is made when
 * somebody asks for it: validation builds many more paths than it finds errors.
 */
export class FieldPath {
  readonly #above: FieldPath | undefined;
  readonly #step: string | number;
  readonly #isSubscript: boolean;

  constructor(step: string | number = '', above?: FieldPath, isSubscript = false) {
    this.#step = step;
    this.#above = above;
    this.#isSubscript = isSubscript;
  }

  get text(): string {
    const above = this.#above?.text ?? '';
    if (this.#isSubscript) return `${above}[${this.#step}]`;
    return above === '' ? String(this.#step) : `${above}.${this.#step}`;
  }

  child(name: string, ...below: readonly string[]): FieldPath {
    let path = new FieldPath(name, this);
    for (const next of below) path = new FieldPath(next, path);
    return path;
  }

  index(i: number): FieldPath {
    return new FieldPath(i, this, true);
  }

  key(key: string): FieldPath {
    return new FieldPath(key, this, true);
  }

  toString(): string {
    return this.text;
  }
}

/** The object itself where upstream makes a path of no name. */
export const noPath = new FieldPath('[]');

export type FieldErrorType =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooShort'
  | 'FieldValueTooMany'
  | 'FieldValueTypeInvalid'
  | 'InternalError';

/** One thing wrong with one field. `message` is the whole text without the path, as causes carry it. */
export interface FieldError {
  type: FieldErrorType;
  field: string;
  message: string;
}

/** How a bad value is printed: strings as Go's %q, numbers and booleans plainly, the rest as Go's JSON. */
function shown(value: unknown): string {
  if (typeof value === 'string') return goQuote(value);
  if (value === undefined || value === null) return 'null';
  return goJson(value);
}

const error = (type: FieldErrorType, path: FieldPath, message: string): FieldError => ({
  type,
  field: path.text,
  message,
});

export const required = (path: FieldPath, detail = ''): FieldError =>
  error('FieldValueRequired', path, detail ? `Required value: ${detail}` : 'Required value');

/** In the place of a value that its error does not show. */
export const unshown = Symbol('unshown');

const wrong = (what: string, value: unknown): string => (value === unshown ? what : `${what}: ${shown(value)}`);

export const invalid = (path: FieldPath, value: unknown, detail: string): FieldError =>
  error('FieldValueInvalid', path, `${wrong('Invalid value', value)}${detail ? `: ${detail}` : ''}`);

export const duplicate = (path: FieldPath, value: unknown): FieldError =>
  error('FieldValueDuplicate', path, wrong('Duplicate value', value));

export const notFoundValue = (path: FieldPath, value: unknown): FieldError =>
  error('FieldValueNotFound', path, `Not found: ${shown(value)}`);

export const forbiddenField = (path: FieldPath, detail: string): FieldError =>
  error('FieldValueForbidden', path, `Forbidden: ${detail}`);

export const notSupported = (path: FieldPath, value: unknown, valid: readonly string[]): FieldError =>
  error(
    'FieldValueNotSupported',
    path,
    `Unsupported value: ${shown(value)}${valid.length ? `: supported values: ${valid.map(goQuote).join(', ')}` : ''}`,
  );

export const tooLong = (path: FieldPath, maxBytes: number): FieldError =>
  error(
    'FieldValueTooLong',
    path,
    `Too long: ${maxBytes < 0 ? 'value is too long' : `may not be more than ${maxBytes} ${maxBytes === 1 ? 'byte' : 'bytes'}`}`,
  );

export const tooLongCharacters = (path: FieldPath, max: number): FieldError =>
  error('FieldValueTooLong', path, `Too long: may not be more than ${max} ${max === 1 ? 'character' : 'characters'}`);

export const tooShort = (path: FieldPath, min: number): FieldError =>
  error('FieldValueTooShort', path, `Too short: must be at least ${min} ${min === 1 ? 'character' : 'characters'}`);

export const internalFieldError = (path: FieldPath, detail: string): FieldError =>
  error('InternalError', path, `Internal error: ${detail}`);

export const tooMany = (path: FieldPath, actual: number, max: number): FieldError =>
  error('FieldValueTooMany', path, `Too many: ${actual}: must have at most ${max} ${max === 1 ? 'item' : 'items'}`);

export const typeInvalid = (path: FieldPath, value: unknown, detail: string): FieldError =>
  error('FieldValueTypeInvalid', path, `Invalid value: ${shown(value)}${detail ? `: ${detail}` : ''}`);

/** The text of one field error with its path: `spec.nodeName: Required value`. */
export const fieldErrorText = (e: FieldError): string => `${e.field}: ${e.message}`;

/** Errors of one object that are told: of a body of 3 MB there may be hundreds of thousands, whose texts take long and fill the memory. */
const maxToldErrors = 1000;

/** 422 with one cause per field error: `Pod "x" is invalid: spec.nodeName: Required value`; several are listed in brackets. */
export function invalidObject(
  kind: { group: string; kind: string },
  name: string,
  found: readonly FieldError[],
): ApiError {
  const errors = found.slice(0, maxToldErrors);
  const causes: StatusCause[] = errors.map((e) => ({ reason: e.type, message: e.message, field: e.field }));
  const left = found.length - errors.length;
  const texts = [...new Set(errors.map(fieldErrorText)), ...(left > 0 ? [`and ${left} more errors`] : [])];
  const list = texts.length === 0 ? '' : texts.length === 1 ? `: ${texts[0]}` : `: [${texts.join(', ')}]`;
  const label = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  return failure(422, 'Invalid', `${label} ${goQuote(name)} is invalid${list}`, {
    ...(name ? { name } : {}),
    ...(kind.group ? { group: kind.group } : {}),
    ...(kind.kind ? { kind: kind.kind } : {}),
    causes,
  });
}
