// The DeviceClass kind. Follows pkg/registry/resource/deviceclass and pkg/apis/resource/validation of v1.36.

import type { DeviceClass, DeviceClassSpec } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, FieldPath, invalid } from '../../meta/errors.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import type { KindDefinition } from '../../scheme.ts';
import { ageColumn, allVerbs, countSpecChange, idle, metaOf, nameColumn } from '../common.ts';
import { limited } from '../devices/names.ts';
import { validateConfiguration, validateSelectors } from '../devices/parts.ts';
import { isExtendedResource } from '../pod/validation/resources.ts';

const path = new FieldPath('spec');
const maxConfigurations = 32;

function validateSpec(spec: DeviceClassSpec, old: DeviceClassSpec | undefined): FieldError[] {
  const { selectors, config, extendedResourceName: extended } = spec;
  const stored = old !== undefined && equalJson(config, old.config);
  const at = path.child('extendedResourceName');
  return [
    ...validateSelectors(selectors, path.child('selectors'), old?.selectors),
    ...limited(config, maxConfigurations, path.child('config'), (one, here) =>
      validateConfiguration(one, here, stored),
    ),
    ...(extended === undefined || isExtendedResource(extended)
      ? []
      : [invalid(at, extended, 'must be a valid extended resource name')]),
  ];
}

export const deviceClassKind: KindDefinition<DeviceClass> = {
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  resource: 'deviceclasses',
  singular: 'deviceclass',
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.resource.v1.DeviceClass',
  hasGeneration: true,
  strategy: {
    validateCreate: (object) => [
      ...validateObjectMeta(metaOf(object), false, nameIsSubdomain),
      ...validateSpec(object.spec ?? {}, undefined),
    ],
    prepareForUpdate: countSpecChange,
    validateUpdate: (object, old) => [
      ...validateObjectMetaUpdate(metaOf(object), metaOf(old)),
      ...validateSpec(object.spec ?? {}, old.spec),
    ],
    warnings: (_, old) => (old === undefined ? [idle('spec', 'devices are not allocated yet')] : []),
  },
  columns: [nameColumn, ageColumn],
};
