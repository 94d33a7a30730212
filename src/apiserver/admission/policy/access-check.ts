// Answers the authorizer of expressions by what the API server's own authorizer says.
// Follows apiserver pkg/cel/library/authz.go of v1.36.

import type { AccessCheck } from '../../../api/cel/library/authorizer.ts';
import { type FieldSelector, FieldSelectorError, parseFieldSelector } from '../../../api/meta/field-selector.ts';
import type { Authorizer } from '../../authz/authorizer.ts';

export const accessCheck =
  (authorizer: Authorizer): AccessCheck =>
  (user, { fieldSelector, ...question }) => {
    const request = { ...question, fieldSelector: fieldTerms(fieldSelector) };
    // An expression cannot wait: what a webhook has not been asked yet is a failure, and is known when the question comes again.
    if (authorizer.known !== undefined && authorizer.known(user, request) === undefined) {
      void authorizer.decide?.(user, request);
      return { allowed: false, reason: '', error: 'an authorization webhook has not answered yet' };
    }
    const allowed = authorizer.allowed(user, request);
    const reason = (allowed ? authorizer.why : authorizer.whyNot)?.(user, request) ?? '';
    return { allowed, reason, error: '' };
  };

/** A selector that cannot be read narrows nothing. */
function fieldTerms(text: string): FieldSelector {
  try {
    return text === '' ? [] : parseFieldSelector(text);
  } catch (error) {
    if (!(error instanceof FieldSelectorError)) throw error;
    return [];
  }
}
