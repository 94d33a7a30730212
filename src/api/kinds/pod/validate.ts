// Validation of new Pods. Follows ValidatePodCreate in pkg/apis/core/validation/validation.go of v1.36.

import type { Pod } from '../../generated/types.ts';
import { type FieldError, FieldPath, required } from '../../meta/errors.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import { validateObjectMeta } from '../../meta/validate-meta.ts';
import { metaOf } from '../common.ts';

export function validatePodCreate(pod: Pod): FieldError[] {
  const errors = validateObjectMeta(metaOf(pod), true, nameIsSubdomain);
  if (!pod.spec?.containers?.length) errors.push(required(new FieldPath('spec').child('containers')));
  return errors;
}
