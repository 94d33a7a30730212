// Pod templates: their defaults, validation and warnings, for every kind that has one.
// Follows ValidatePodTemplateSpec in pkg/apis/core/validation/validation.go and GetWarningsForPodTemplate in pkg/api/pod of v1.36.

import type { PodTemplateSpec } from '../../generated/types.ts';
import { type FieldError, type FieldPath, forbiddenField } from '../../meta/errors.ts';
import { validateAnnotations, validateLabels } from '../../meta/validate-meta.ts';
import { setTemplateSpecDefaults } from './defaults.ts';
import { validatePodAnnotations, validateSeccompAgrees } from './validation/annotations.ts';
import type { PodValidationOptions } from './validation/shared.ts';
import { validatePodSpec } from './validation/spec.ts';
import { templateWarnings } from './warnings.ts';

/** Fills a template's defaults in place. Idempotent. */
export function setPodTemplateDefaults(template: PodTemplateSpec | undefined): void {
  if (template?.spec) setTemplateSpecDefaults(template.spec);
}

/** Checks a template at `path`. */
export function validatePodTemplateSpec(
  path: FieldPath,
  template: PodTemplateSpec,
  options: PodValidationOptions,
): FieldError[] {
  const { metadata: { labels, annotations = {} } = {}, spec = { containers: [] } } = template;
  const specPath = path.child('spec');
  return [
    ...validateLabels(path.child('labels'), labels),
    ...validateAnnotations(path.child('annotations'), annotations),
    ...validatePodAnnotations(annotations, spec, path.child('annotations')),
    ...validatePodSpec(specPath, spec, { name: '', mirror: false }, options),
    ...validateSeccompAgrees(annotations, spec, specPath),
    ...(spec.ephemeralContainers?.length
      ? [forbiddenField(specPath.child('ephemeralContainers'), 'ephemeral containers not allowed in pod template')]
      : []),
  ];
}

/** The warnings that a template at `path` deserves. Those of ports name a second field, behind `with`. */
export const podTemplateWarnings = (path: FieldPath, template: PodTemplateSpec): string[] =>
  templateWarnings(template).map(
    (text) => `${path.text}.${text.replace(/ definition with (?=spec\.)/, (before) => `${before}${path.text}.`)}`,
  );
