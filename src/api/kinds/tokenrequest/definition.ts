// The TokenRequest kind: posted to serviceaccounts/NAME/token, answered and not stored.
// Follows pkg/apis/authentication/{v1/defaults.go,validation} of v1.36.

import type { TokenRequest } from '../../generated/types.ts';
import { type FieldError, FieldPath, invalid } from '../../meta/errors.ts';
import type { KindDefinition } from '../../scheme.ts';

const defaultSeconds = 3600;
const leastSeconds = 600;
const mostSeconds = 2 ** 32;

/** Checks the life that is asked for. */
export function validateTokenRequest({ spec }: TokenRequest): FieldError[] {
  const path = new FieldPath('spec').child('expirationSeconds');
  const seconds = spec?.expirationSeconds ?? defaultSeconds;
  if (seconds < leastSeconds) return [invalid(path, seconds, 'may not specify a duration less than 10 minutes')];
  if (seconds > mostSeconds) return [invalid(path, seconds, 'may not specify a duration larger than 2^32 seconds')];
  return [];
}

export const tokenRequestKind: KindDefinition<TokenRequest> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenRequest',
  resource: 'tokenrequests',
  singular: 'tokenrequest',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: ['create'],
  definition: 'io.k8s.api.authentication.v1.TokenRequest',
  defaults(request) {
    request.spec ??= {};
    request.spec.expirationSeconds ??= defaultSeconds;
  },
  strategy: { validateCreate: validateTokenRequest, validateUpdate: validateTokenRequest },
};
