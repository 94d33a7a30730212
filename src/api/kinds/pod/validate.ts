// Validation of new Pods. Follows ValidatePodCreate in pkg/apis/core/validation/validation.go of v1.36.

import type { Pod, PodSpec } from '../../generated/types.ts';
import { type FieldError, FieldPath, forbiddenField } from '../../meta/errors.ts';
import { equalJson } from '../../meta/equal.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import { validateObjectMeta } from '../../meta/validate-meta.ts';
import { isMirrorPod } from '../../pod/static-pod.ts';
import { metaOf } from '../common.ts';
import { validatePodAnnotations, validateProfilesAgree } from './validation/annotations.ts';
import { validateImagesOfPod } from './validation/containers.ts';
import type { PodValidationOptions } from './validation/shared.ts';
import { validatePodSpec } from './validation/spec.ts';

const path = new FieldPath('spec');

export const defaultPodOptions: PodValidationOptions = { allowPrivileged: true };

/** The spec of a pod, an empty one where there is none. */
export const specOf = (pod: Pod): PodSpec => pod.spec ?? { containers: [] };

/** What a spec was found valid for. */
interface ValidFor {
  readonly owner: { readonly name: string; readonly mirror: boolean };
  readonly options: PodValidationOptions;
}

/** Specs that were found valid, and cannot change any more: most writes of a pod are of its metadata and status. */
const validSpecs = new WeakMap<PodSpec, ValidFor>();

/** Errors of the spec, which is looked at once where it is frozen. */
function specErrors(spec: PodSpec, owner: ValidFor['owner'], options: PodValidationOptions): FieldError[] {
  const known = validSpecs.get(spec);
  if (known !== undefined && equalJson(known, { owner, options })) return [];
  const errors = [
    ...validatePodSpec(path, spec, owner, options),
    ...tokensNeedAccount(spec),
    ...validateImagesOfPod(path, spec),
  ];
  if (errors.length === 0 && Object.isFrozen(spec)) validSpecs.set(spec, { owner, options });
  return errors;
}

/** What must hold of a pod at any time: its metadata, annotations and whole spec. */
export function validatePodMetaAndSpec(pod: Pod, options = defaultPodOptions): FieldError[] {
  const meta = metaOf(pod);
  const spec = specOf(pod);
  const annotations = meta.annotations ?? {};
  const owner = { name: meta.name ?? '', mirror: isMirrorPod(pod) };
  return [
    ...validateObjectMeta(meta, true, nameIsSubdomain),
    ...validatePodAnnotations(annotations, spec),
    ...specErrors(spec, owner, options),
  ];
}

function tokensNeedAccount(spec: PodSpec): FieldError[] {
  if (spec.serviceAccountName) return [];
  return (spec.volumes ?? []).flatMap(({ projected }, v) =>
    (projected?.sources ?? []).flatMap(({ serviceAccountToken }, s) => {
      if (!serviceAccountToken) return [];
      const at = path.child('volumes').index(v).child('projected', 'sources').index(s).child('serviceAccountToken');
      return [forbiddenField(at, 'must not be specified when serviceAccountName is not set')];
    }),
  );
}

export function validatePodCreate(pod: Pod, options = defaultPodOptions): FieldError[] {
  const spec = specOf(pod);
  const errors = validatePodMetaAndSpec(pod, options);
  if (spec.ephemeralContainers?.length)
    errors.push(forbiddenField(path.child('ephemeralContainers'), 'cannot be set on create'));
  if (spec.nodeName && spec.schedulingGates?.length) {
    errors.push(forbiddenField(path.child('nodeName'), 'cannot be set until all schedulingGates have been cleared'));
  }
  return [...errors, ...validateProfilesAgree(pod.metadata?.annotations ?? {}, spec)];
}
