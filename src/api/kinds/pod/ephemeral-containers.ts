// The ephemeralcontainers subresource of Pods: containers may be added to a running pod, and nothing else be done to it.
// Follows podEphemeralContainersStrategy in pkg/registry/core/pod/strategy.go and ValidatePodEphemeralContainersUpdate in
// pkg/apis/core/validation/validation.go: their beginnings were read in quotations of v1.33 or later (updatePodGeneration), the
// comparison of the containers was not.

import type { EphemeralContainer, Pod } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, FieldPath, forbiddenField, noPath } from '../../meta/errors.ts';
import { goQuote } from '../../meta/go-format.ts';
import { validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import type { Strategy, StrategyContext } from '../../scheme.ts';
import { assign, keepMetadata, metaOf } from '../common.ts';
import { ephemeralContainerText } from '../internal-form.ts';
import { unifiedDiff } from './unified-diff.ts';
import { configMirrorAnnotation } from '../../pod/static-pod.ts';
import { specOf, validatePodMetaAndSpec } from './validate.ts';
import { validateAnnotationUpdates } from './validation/annotations.ts';

const path = new FieldPath('spec').child('ephemeralContainers');

function prepareForUpdate(pod: Pod, old: Pod): void {
  const containers = pod.spec?.ephemeralContainers;
  const spec = { ...specOf(old) };
  assign(spec, 'ephemeralContainers', containers);
  pod.spec = spec;
  assign(pod, 'status', old.status);
  keepMetadata(pod, old);
  if (!equalJson(pod.spec, old.spec)) metaOf(pod).generation = (old.metadata?.generation ?? 0) + 1;
}

/** What was there must stay as it was, in whatever order. */
function keptErrors(now: readonly EphemeralContainer[], before: readonly EphemeralContainer[]): FieldError[] {
  return before.flatMap((old) => {
    const container = now.findLast(({ name }) => name === old.name);
    if (container === undefined)
      return [forbiddenField(path, `existing ephemeral containers ${goQuote(old.name)} may not be removed\n`)];
    if (equalJson(container, old)) return [];
    const difference = unifiedDiff(ephemeralContainerText(old), ephemeralContainerText(container));
    const detail = `existing ephemeral containers ${goQuote(old.name)} may not be changed\n${difference}`;
    return [forbiddenField(path, detail)];
  });
}

function validateUpdate(pod: Pod, old: Pod, { allowPrivileged }: StrategyContext): FieldError[] {
  if (configMirrorAnnotation in (old.metadata?.annotations ?? {}))
    return [forbiddenField(noPath, 'static pods do not support ephemeral containers')];
  return [
    ...validateObjectMetaUpdate(metaOf(pod), metaOf(old)),
    ...validatePodMetaAndSpec(pod, { allowPrivileged }),
    ...validateAnnotationUpdates(pod, old),
    ...keptErrors(specOf(pod).ephemeralContainers ?? [], specOf(old).ephemeralContainers ?? []),
  ];
}

export const podEphemeralContainersStrategy: Strategy<Pod> = {
  onlyFields: [['spec', 'ephemeralContainers']],
  validateCreate: () => [],
  prepareForUpdate,
  validateUpdate,
};
