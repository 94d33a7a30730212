// Validation of changes to a Pod's status. Follows ValidatePodStatusUpdate in pkg/apis/core/validation/validation.go of v1.36.

import type { Pod } from '../../generated/types.ts';
import type { FieldError } from '../../meta/errors.ts';
import { validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import { metaOf } from '../common.ts';

export function validatePodStatusUpdate(pod: Pod, old: Pod): FieldError[] {
  return validateObjectMetaUpdate(metaOf(pod), metaOf(old));
}
