// The ResourceClaimTemplate kind. Follows pkg/registry/resource/resourceclaimtemplate and pkg/apis/resource/validation of v1.36.

import type { ResourceClaimTemplate } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, FieldPath, invalid } from '../../meta/errors.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import {
  immutableMessage,
  validateAnnotations,
  validateLabels,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from '../../meta/validate-meta.ts';
import type { KindDefinition } from '../../scheme.ts';
import { ageColumn, allVerbs, idle, metaOf, nameColumn } from '../common.ts';
import { setClaimDefaults, validateClaimSpec } from '../devices/claim.ts';
import { internalForm } from '../internal-form.ts';

const path = new FieldPath('spec');

function validate(object: ResourceClaimTemplate): FieldError[] {
  const { metadata, spec } = object.spec ?? {};
  const at = path.child('metadata');
  return [
    ...validateObjectMeta(metaOf(object), true, nameIsSubdomain),
    ...validateAnnotations(at.child('annotations'), metadata?.annotations),
    ...validateLabels(at.child('labels'), metadata?.labels),
    ...validateClaimSpec(spec, path.child('spec')),
  ];
}

/** A template is made anew to be changed. */
const validateUpdate = (object: ResourceClaimTemplate, old: ResourceClaimTemplate): FieldError[] => [
  ...validate(object),
  ...validateObjectMetaUpdate(metaOf(object), metaOf(old)),
  ...(equalJson(object.spec, old.spec)
    ? []
    : [invalid(path, internalForm('ResourceClaimTemplateSpec', object.spec ?? {}), immutableMessage)]),
];

export const resourceClaimTemplateKind: KindDefinition<ResourceClaimTemplate> = {
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  resource: 'resourceclaimtemplates',
  singular: 'resourceclaimtemplate',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.resource.v1.ResourceClaimTemplate',
  defaults: ({ spec }) => setClaimDefaults(spec?.spec),
  strategy: {
    validateCreate: validate,
    validateUpdate,
    warnings: (_, old) => (old === undefined ? [idle('spec', 'no claims are made from templates yet')] : []),
  },
  columns: [nameColumn, ageColumn],
};
