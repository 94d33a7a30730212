// Defaults of CustomResourceDefinitions. Follows apiextensions-apiserver pkg/apis/apiextensions/v1/defaults.go of v1.36.

import type { CustomResourceDefinition } from '../../generated/types.ts';

/** What Go's types hold where required fields are missing; validation then says which. */
function fillRequired(crd: Partial<CustomResourceDefinition>): CustomResourceDefinition {
  const spec = (crd.spec ??= {} as CustomResourceDefinition['spec']);
  spec.group ??= '';
  spec.scope ??= '';
  spec.names ??= { plural: '', kind: '' };
  spec.names.plural ??= '';
  spec.names.kind ??= '';
  spec.versions ??= [];
  for (const version of spec.versions) {
    version.name ??= '';
    version.served ??= false;
    version.storage ??= false;
  }
  return crd as CustomResourceDefinition;
}

export function setDefinitionDefaults(given: Partial<CustomResourceDefinition>): void {
  const crd = fillRequired(given);
  const { spec } = crd;
  const { names } = spec;
  names.singular ||= names.kind.toLowerCase();
  if (names.kind !== '') names.listKind ||= `${names.kind}List`;
  spec.conversion ??= { strategy: 'None' };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service !== undefined) service.port ??= 443;
  const stored = spec.versions.find(({ storage }) => storage);
  const status = (crd.status ??= {});
  if ((status.storedVersions ?? []).length === 0 && stored !== undefined) status.storedVersions = [stored.name];
}
