// Checks of the annotations that mean something to pods: mirror pods, deletion cost, seccomp and AppArmor.
// Follows pkg/apis/core/validation/validation.go of v1.36.

import type { AppArmorProfile, Pod, PodSpec, SeccompProfile } from '../../../generated/types.ts';
import { type FieldError, FieldPath, forbiddenField, invalid } from '../../../meta/errors.ts';
import { goQuote } from '../../../meta/go-format.ts';
import { visitContainers } from '../../../pod/containers.ts';
import { configMirrorAnnotation } from '../../../pod/static-pod.ts';
import { descendingPath } from './shared.ts';

type Annotations = Readonly<Record<string, string>>;

const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';
const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompContainer = 'container.seccomp.security.alpha.kubernetes.io/';
/** Before a container's name: its AppArmor profile, as it was said before there was a field. */
export const appArmorAnnotation = 'container.apparmor.security.beta.kubernetes.io/';
const localhost = 'localhost/';

const path = new FieldPath('metadata').child('annotations');
const podSpecPath = new FieldPath('spec');

function seccompErrors(at: FieldPath, profile: string): FieldError[] {
  if (['runtime/default', 'docker/default', 'unconfined'].includes(profile)) return [];
  if (profile.startsWith(localhost)) return descendingPath(at, profile.slice(localhost.length));
  return [invalid(at, profile, 'must be a valid seccomp profile')];
}

function isDeletionCost(text: string): boolean {
  if (!/^(0|-?[1-9][0-9]*)$/.test(text)) return false;
  const cost = Number(text);
  return cost >= -(2 ** 31) && cost < 2 ** 31;
}

/** Checks the annotations of any pod, or of a template whose annotations are at `at`. */
export function validatePodAnnotations(annotations: Annotations, spec: PodSpec, at = path): FieldError[] {
  const errors: FieldError[] = [];
  const mirror = annotations[configMirrorAnnotation];
  if (mirror !== undefined && !spec.nodeName) {
    errors.push(
      invalid(at.key(configMirrorAnnotation), mirror, 'must set spec.nodeName if mirror pod annotation is set'),
    );
  }
  const cost = annotations[deletionCost];
  if (cost !== undefined && !isDeletionCost(cost))
    errors.push(invalid(at.key(deletionCost), cost, 'must be a 32bit integer'));
  const isContainer = (name: string): boolean =>
    [...visitContainers(spec)].some(({ container }) => container.name === name);
  for (const [key, value] of Object.entries(annotations)) {
    if (key === seccompPod || key.startsWith(seccompContainer)) errors.push(...seccompErrors(at.child(key), value));
    if (!key.startsWith(appArmorAnnotation)) continue;
    const name = key.slice(appArmorAnnotation.length);
    if (!isContainer(name)) errors.push(invalid(at.key(key), name, 'container not found'));
    if (value && value !== 'runtime/default' && value !== 'unconfined' && !value.startsWith(localhost)) {
      errors.push(invalid(at.key(key), value, `invalid AppArmor profile name: ${goQuote(value)}`));
    }
  }
  return errors;
}

/** What may not be added, changed or taken away later. */
export function validateAnnotationUpdates(pod: Pod, old: Pod): FieldError[] {
  const errors: FieldError[] = [];
  const [now, before] = [pod.metadata?.annotations ?? {}, old.metadata?.annotations ?? {}];
  for (const key of Object.keys(before)) {
    if (now[key] === before[key]) continue;
    if (key.startsWith(appArmorAnnotation))
      errors.push(forbiddenField(path.key(key), 'may not remove or update AppArmor annotations'));
    if (key === configMirrorAnnotation)
      errors.push(forbiddenField(path.key(key), 'may not remove or update mirror pod annotation'));
  }
  for (const key of Object.keys(now)) {
    if (Object.hasOwn(before, key)) continue;
    if (key.startsWith(appArmorAnnotation))
      errors.push(forbiddenField(path.key(key), 'may not add AppArmor annotations'));
    if (key === configMirrorAnnotation) errors.push(forbiddenField(path.key(key), 'may not add mirror pod annotation'));
  }
  return pod.spec ? [...errors, ...validatePodAnnotations(now, pod.spec)] : errors;
}

type Profile = SeccompProfile | AppArmorProfile;

function profileMismatch(
  at: FieldPath,
  kind: string,
  annotation: string,
  profile: Profile,
  defaults: readonly string[],
): FieldError[] {
  const wrongType = [forbiddenField(at.child('type'), `${kind} type in annotation and field must match`)];
  switch (profile.type) {
    case 'Unconfined':
      return annotation === 'unconfined' ? [] : wrongType;
    case 'RuntimeDefault':
      return defaults.includes(annotation) ? [] : wrongType;
    case 'Localhost':
      if (!annotation.startsWith(localhost)) return wrongType;
      return annotation.slice(localhost.length) === profile.localhostProfile
        ? []
        : [forbiddenField(at.child('localhostProfile'), `${kind} profile in annotation and field must match`)];
    default:
      return [];
  }
}

/** Where a seccomp annotation and its newer field are both set, they must agree. */
export function validateSeccompAgrees(annotations: Annotations, spec: PodSpec, specPath = podSpecPath): FieldError[] {
  const errors: FieldError[] = [];
  const ofPod = spec.securityContext?.seccompProfile;
  const podAnnotation = annotations[seccompPod];
  const seccompDefaults = ['runtime/default', 'docker/default'];
  if (ofPod && podAnnotation !== undefined) {
    const at = specPath.child('securityContext', 'seccompProfile');
    errors.push(...profileMismatch(at, 'seccomp', podAnnotation, ofPod, seccompDefaults));
  }
  for (const { container, path: at } of visitContainers(spec, specPath)) {
    const profile = container.securityContext?.seccompProfile;
    const annotation = annotations[seccompContainer + container.name];
    if (!profile || annotation === undefined) continue;
    const profilePath = at.child('securityContext', 'seccompProfile');
    errors.push(...profileMismatch(profilePath, 'seccomp', annotation, profile, seccompDefaults));
  }
  return errors;
}

/** Where annotations and their newer fields are both set on a new pod, they must agree. */
export function validateProfilesAgree(annotations: Annotations, spec: PodSpec): FieldError[] {
  const errors = validateSeccompAgrees(annotations, spec);
  if (spec.os?.name === 'windows') return errors;
  for (const { container, path: at } of visitContainers(spec)) {
    const profile = container.securityContext?.appArmorProfile ?? spec.securityContext?.appArmorProfile;
    const annotation = annotations[appArmorAnnotation + container.name];
    if (!profile || annotation === undefined) continue;
    errors.push(
      ...profileMismatch(at.child('securityContext', 'appArmorProfile'), 'apparmor', annotation, profile, [
        'runtime/default',
      ]),
    );
  }
  return errors;
}
