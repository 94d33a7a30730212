// Whether a policy or its binding is for a request. Follows apiserver pkg/admission/plugin/policy/matching/matching.go of v1.36.

import type { MatchResources } from '../../../api/generated/types.ts';
import type { ResourceInfo } from '../../resources.ts';
import type { AdmissionAttributes } from '../admission.ts';
import { matchRules } from './rules.ts';
import { type NamespaceLookup, namespaceSelected, objectSelected } from './selectors.ts';

/**
 * The resource under which the request is covered, or undefined. No rules at all cover everything. A namespace that cannot be found
 * matters (404) only where all else fits.
 */
export async function matchResources(
  criteria: MatchResources,
  at: AdmissionAttributes,
  equivalents: readonly ResourceInfo[],
  namespaces: NamespaceLookup,
): Promise<ResourceInfo | undefined> {
  const { matchPolicy, resourceRules = [], excludeResourceRules = [] } = criteria;
  if (!objectSelected(criteria.objectSelector, at)) return undefined;
  if (matchRules(excludeResourceRules, matchPolicy, at, equivalents) !== undefined) return undefined;
  const resource = resourceRules.length === 0 ? at.resource : matchRules(resourceRules, matchPolicy, at, equivalents);
  if (resource === undefined) return undefined;
  return (await namespaceSelected(criteria.namespaceSelector, at, namespaces)) ? resource : undefined;
}
