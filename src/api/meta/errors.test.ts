import { describe, expect, it } from 'vitest';
import * as e from './errors.ts';

const path = new e.FieldPath('spec').child('x').index(0).key('k');

describe('field errors read as in Kubernetes', () => {
  it.each([
    [e.required(path), 'spec.x[0][k]: Required value'],
    [e.required(path, 'must be set'), 'spec.x[0][k]: Required value: must be set'],
    [e.invalid(path, 'a"b\n\u00e9', 'no'), 'spec.x[0][k]: Invalid value: "a\\"b\\né": no'],
    [e.invalid(path, -1, 'no'), 'spec.x[0][k]: Invalid value: -1: no'],
    [e.invalid(path, undefined, 'no'), 'spec.x[0][k]: Invalid value: null: no'],
    [e.invalid(path, { a: '<b>' }, 'no'), 'spec.x[0][k]: Invalid value: {"a":"\\u003cb\\u003e"}: no'],
    [e.duplicate(path, 'a'), 'spec.x[0][k]: Duplicate value: "a"'],
    [e.notFoundValue(path, 'a'), 'spec.x[0][k]: Not found: "a"'],
    [e.forbiddenField(path, 'no'), 'spec.x[0][k]: Forbidden: no'],
    [e.notSupported(path, 'x', ['a', 'b']), 'spec.x[0][k]: Unsupported value: "x": supported values: "a", "b"'],
    [e.tooLong(path, 63), 'spec.x[0][k]: Too long: may not be more than 63 bytes'],
    [e.tooLong(path, 1), 'spec.x[0][k]: Too long: may not be more than 1 byte'],
    [e.tooMany(path, 3, 2), 'spec.x[0][k]: Too many: 3: must have at most 2 items'],
    [e.tooMany(path, 3, 1), 'spec.x[0][k]: Too many: 3: must have at most 1 item'],
    [e.tooLongCharacters(path, 5), 'spec.x[0][k]: Too long: may not be more than 5 characters'],
    [e.tooShort(path, 1), 'spec.x[0][k]: Too short: must be at least 1 character'],
    [e.internalFieldError(path, 'boom'), 'spec.x[0][k]: Internal error: boom'],
    [e.typeInvalid(path, 'x', 'must be an integer'), 'spec.x[0][k]: Invalid value: "x": must be an integer'],
  ])('%#', (error, text) => {
    expect(e.fieldErrorText(error)).toBe(text);
  });
});

describe('statuses', () => {
  const pods = { group: '', resource: 'pods' };
  const leases = { group: 'coordination.k8s.io', resource: 'leases' };
  it.each([
    [e.notFound(pods, 'a'), 404, 'NotFound', 'pods "a" not found'],
    [e.alreadyExists(leases, 'a'), 409, 'AlreadyExists', 'leases.coordination.k8s.io "a" already exists'],
    [e.conflict(pods, 'a', 'why'), 409, 'Conflict', 'Operation cannot be fulfilled on pods "a": why'],
    [e.forbidden(pods, '', 'why'), 403, 'Forbidden', 'pods is forbidden: why'],
    [e.forbidden(pods, 'a', 'why'), 403, 'Forbidden', 'pods "a" is forbidden: why'],
    [e.methodNotAllowed(pods, 'patch'), 405, 'MethodNotAllowed', 'patch is not supported on resources of kind "pods"'],
    [e.tooLarge('limit is 3145728'), 413, 'RequestEntityTooLarge', 'Request entity too large: limit is 3145728'],
    [e.internalError('boom'), 500, 'InternalError', 'Internal error occurred: boom'],
    [e.tooManyRequests('wait', 1), 429, 'TooManyRequests', 'wait'],
    [
      e.generateNameConflict(pods, 'a-x', 1),
      409,
      'AlreadyExists',
      'pods "a-x" already exists, the server was not able to generate a unique name for the object',
    ],
    [
      e.serverTimeout(pods, 'create', 1),
      500,
      'ServerTimeout',
      'The create operation against pods could not be completed at this time, please try again.',
    ],
    [e.timeout('slow'), 504, 'Timeout', 'Timeout: slow'],
  ])('%#', (error, code, reason, message) => {
    expect([error.code, error.reason, error.message]).toEqual([code, reason, message]);
  });

  it('lists several causes in brackets, each text once, and one plainly', () => {
    const one = e.required(new e.FieldPath('spec.a'));
    const two = e.required(new e.FieldPath('spec.b'));
    const kind = { group: '', kind: 'Pod' };
    expect(e.invalidObject(kind, 'x', [one]).message).toBe('Pod "x" is invalid: spec.a: Required value');
    const several = e.invalidObject(kind, 'x', [one, two, one]);
    expect(several.message).toBe('Pod "x" is invalid: [spec.a: Required value, spec.b: Required value]');
    expect(several.status.details?.causes).toHaveLength(3);
    expect(several.status.details?.causes?.[0]).toEqual({
      reason: 'FieldValueRequired',
      message: 'Required value',
      field: 'spec.a',
    });
  });
});
