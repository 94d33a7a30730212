// Answers the authorizer of expressions by what the API server's own authorizer says.
// Follows apiserver pkg/cel/library/authz.go of v1.36.

import type { LateAccessCheck } from '../../../api/cel/library/authorizer.ts';
import { type FieldSelector, FieldSelectorError, parseFieldSelector } from '../../../api/meta/field-selector.ts';
import type { Authorizer } from '../../authz/authorizer.ts';

export const accessCheck =
  (authorizer: Authorizer): LateAccessCheck =>
  (user, { fieldSelector, ...question }) => {
    const request = { ...question, fieldSelector: fieldTerms(fieldSelector) };
    const { known, decide } = authorizer;
    if (decide !== undefined && known?.(user, request) === undefined)
      return decide(user, request).then(({ error = '', ...decided }) => ({ ...decided, error }));
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
