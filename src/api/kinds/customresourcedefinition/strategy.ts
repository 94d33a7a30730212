// What may be done to CustomResourceDefinitions.
// Follows apiextensions-apiserver pkg/registry/customresourcedefinition/strategy.go and etcd.go of v1.36.

import { customSchema, schemasBelow } from '../../custom/custom-schema.ts';
import type { CustomSchema } from '../../custom/custom-schema.ts';
import { knownFormat } from '../../custom/formats.ts';
import type { CustomResourceDefinition } from '../../generated/types.ts';
import { goQuote } from '../../meta/go-format.ts';
import { validateGenericMetaUpdate } from '../../meta/validate-meta.ts';
import { sameTree } from '../../patch/json-tree.ts';
import type { Strategy } from '../../scheme.ts';
import { metaOf } from '../common.ts';
import { cleanupFinalizer, setCondition } from './conditions.ts';
import { validateAcceptedNames } from './validate-names.ts';
import { validateDefinition, validateDefinitionUpdate } from './validate.ts';

const isEstablished = ({ status }: CustomResourceDefinition): boolean =>
  (status?.conditions ?? []).some(({ type, status: is }) => type === 'Established' && is === 'True');

/** Notes the storage version among those in which objects were ever stored. */
function noteStorageVersion(crd: CustomResourceDefinition): void {
  const stored = crd.spec.versions.find(({ storage }) => storage)?.name;
  const status = (crd.status ??= {});
  const before = status.storedVersions ?? [];
  if (stored !== undefined && !before.includes(stored)) status.storedVersions = [...before, stored];
}

export const definitionStrategy: Strategy<CustomResourceDefinition> = {
  allowUnconditionalUpdate: false,
  resetFields: [['status']],
  prepareForCreate(crd) {
    crd.status = { acceptedNames: { plural: '', kind: '' } };
    metaOf(crd).generation = 1;
    noteStorageVersion(crd);
  },
  prepareForUpdate(crd, old) {
    crd.status = { ...old.status };
    if (!sameTree(crd.spec, old.spec)) metaOf(crd).generation = (old.metadata?.generation ?? 0) + 1;
    noteStorageVersion(crd);
  },
  validateCreate: validateDefinition,
  validateUpdate: (crd, old) => validateDefinitionUpdate(crd, old, isEstablished(old)),
  warnings(crd, old) {
    const before = old === undefined ? [] : schemaWarnings(old);
    return schemaWarnings(crd).filter((text) => !before.includes(text));
  },
  markForDeletion(crd, now) {
    const meta = metaOf(crd);
    if (!meta.finalizers?.includes(cleanupFinalizer)) meta.finalizers = [...(meta.finalizers ?? []), cleanupFinalizer];
    const text = 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon';
    crd.status = setCondition(
      crd.status,
      { type: 'Terminating', status: 'True', reason: 'InstanceDeletionPending', message: text },
      now,
    );
  },
};

export const definitionStatusStrategy: Strategy<CustomResourceDefinition> = {
  allowUnconditionalUpdate: false,
  resetFields: [['spec']],
  prepareForUpdate(crd, old) {
    crd.spec = old.spec;
  },
  validateCreate: () => [],
  validateUpdate: (crd, old) => [
    ...validateGenericMetaUpdate(metaOf(crd), metaOf(old)),
    ...validateAcceptedNames(crd.status),
  ],
};

/** What is accepted of a schema and does nothing, or not what it seems to. */
function schemaWarnings({ spec }: CustomResourceDefinition): string[] {
  const formats: string[] = [];
  const sets = new Set<string>();
  const visit = (schema: CustomSchema): void => {
    if (schema.format && knownFormat(schema) === undefined)
      formats.push(`unrecognized format ${goQuote(schema.format)}`);
    const { type } = schema.items ?? {};
    if (schema['x-kubernetes-list-type'] === 'set' && (type === 'object' || type === 'array'))
      sets.add(
        `x-kubernetes-list-type: set for items of type ${goQuote(type)} is not supported by server-side apply or CEL validation rules`,
      );
    for (const below of schemasBelow(schema)) visit(below);
  };
  for (const { schema } of spec.versions)
    if (schema?.openAPIV3Schema !== undefined) visit(customSchema(schema.openAPIV3Schema));
  return [...new Set(formats), ...[...sets].sort()];
}
