// The PodTemplate kind. Follows pkg/registry/core/podtemplate of v1.36.

import type { PodTemplate } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, FieldPath } from '../../meta/errors.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import type { KindDefinition, StrategyContext } from '../../scheme.ts';
import { allVerbs, metaOf, nameColumn, textColumn } from '../common.ts';
import { dropDisabledFields } from '../pod/drop-disabled-fields.ts';
import { podTemplateWarnings, setPodTemplateDefaults, validatePodTemplateSpec } from '../pod/template.ts';

const path = new FieldPath('template');

const validate = (object: PodTemplate, { allowPrivileged }: StrategyContext): FieldError[] => [
  ...validateObjectMeta(metaOf(object), true, nameIsSubdomain),
  ...validatePodTemplateSpec(path, object.template ?? {}, { allowPrivileged }),
];

/** Of each container, joined. */
const listed = ({ template }: PodTemplate, field: 'name' | 'image'): string =>
  (template?.spec?.containers ?? []).map((container) => container[field] ?? '').join(',');

const labelsText = ({ template }: PodTemplate): string =>
  Object.entries(template?.metadata?.labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .toSorted()
    .join(',') || '<none>';

export const podTemplateKind: KindDefinition<PodTemplate> = {
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  resource: 'podtemplates',
  singular: 'podtemplate',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.core.v1.PodTemplate',
  hasGeneration: true,
  defaults: ({ template }) => setPodTemplateDefaults(template),
  strategy: {
    prepareForCreate({ template }, { gates, warn }) {
      if (template) dropDisabledFields(template, undefined, gates, (text) => warn?.(`${path.text}.${text}`));
    },
    validateCreate: validate,
    prepareForUpdate(object, old, { gates, warn }) {
      if (object.template)
        dropDisabledFields(object.template, old.template, gates, (text) => warn?.(`${path.text}.${text}`));
      if (!equalJson(object.template, old.template)) metaOf(object).generation = (old.metadata?.generation ?? 0) + 1;
    },
    validateUpdate: (object, old, context) => [
      ...validateObjectMetaUpdate(metaOf(object), metaOf(old)),
      ...validate(object, context),
    ],
    warnings: ({ template }, old) =>
      template && !equalJson(template, old?.template) ? podTemplateWarnings(path, template) : [],
  },
  columns: [
    nameColumn,
    textColumn<PodTemplate>('Containers', 'The names of its containers.', (object) => listed(object, 'name')),
    textColumn<PodTemplate>('Images', 'The images of its containers.', (object) => listed(object, 'image')),
    textColumn<PodTemplate>('Pod Labels', 'The labels of its pods.', labelsText),
  ],
};
