// The RuntimeClass kind. Follows pkg/registry/node/runtimeclass and pkg/apis/node/validation of v1.36.

import type { RuntimeClass } from '../../generated/types.ts';
import { type FieldError, FieldPath, required } from '../../meta/errors.ts';
import { dns1123Label } from '../../meta/names.ts';
import { immutableField, invalidEach, validateLabels } from '../../meta/validate-meta.ts';
import { labelWarnings } from '../../placement/deprecated-labels.ts';
import type { KindDefinition } from '../../scheme.ts';
import { ageColumn, allVerbs, nameColumn, simpleStrategy, textColumn } from '../common.ts';
import { validateContainerResources } from '../pod/validation/resources.ts';
import { validateTolerations } from '../pod/validation/scheduling.ts';

const at = (field: string): FieldPath => new FieldPath(field);

function validateRuntimeClass({ handler, overhead, scheduling }: RuntimeClass): FieldError[] {
  const errors =
    handler === '' ? [required(at('handler'))] : invalidEach(at('handler'), handler, dns1123Label(handler));
  if (overhead)
    errors.push(...validateContainerResources(at('overhead'), { limits: overhead.podFixed ?? {} }, new Set()));
  if (scheduling) {
    errors.push(
      ...validateLabels(at('scheduling').child('nodeSelector'), scheduling.nodeSelector),
      ...validateTolerations(at('scheduling').child('tolerations'), scheduling.tolerations),
    );
  }
  return errors;
}

export const runtimeClassKind: KindDefinition<RuntimeClass> = {
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  resource: 'runtimeclasses',
  singular: 'runtimeclass',
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.node.v1.RuntimeClass',
  strategy: {
    ...simpleStrategy<RuntimeClass>({
      namespaced: false,
      check: validateRuntimeClass,
      checkUpdate: ({ handler }, old) => immutableField(at('handler'), handler, old.handler),
    }),
    warnings: ({ scheduling }) =>
      Object.keys(scheduling?.nodeSelector ?? {}).flatMap((key) =>
        labelWarnings(at('scheduling').child('nodeSelector'), key),
      ),
    allowUnconditionalUpdate: false,
  },
  columns: [
    nameColumn,
    textColumn<RuntimeClass>(
      'Handler',
      "The node's runtime configuration that runs the pods.",
      ({ handler }) => handler,
    ),
    ageColumn,
  ],
};
