// Checks of app, init and ephemeral containers. Follows pkg/apis/core/validation/validation.go of v1.36.

import type { Container, EphemeralContainer, PodSpec } from '../../../generated/types.ts';
import {
  duplicate,
  type FieldError,
  type FieldPath,
  forbiddenField,
  invalid,
  notFoundValue,
  required,
  tooMany,
} from '../../../meta/errors.ts';
import { isSidecar } from '../../../pod/containers.ts';
import { validateEnv, validateEnvFrom } from './env.ts';
import { validateProbesAndHooks } from './handlers.ts';
import { hostPortConflicts, validateDevices, validateMounts, validatePorts } from './mounts.ts';
import { validateContainerResources } from './resources.ts';
import { validateSecurityContext } from './security-context.ts';
import { labelErrors, need, oneOf, type PodContext, requiredOneOf } from './shared.ts';

/** What every kind of container must satisfy. */
function validateCommon(path: FieldPath, container: Container, context: PodContext): FieldError[] {
  const { name, image, terminationMessagePolicy } = container;
  return [
    ...(name ? labelErrors(path.child('name'), name) : [required(path.child('name'))]),
    ...need(path.child('image'), image),
    ...requiredOneOf(path.child('terminationMessagePolicy'), terminationMessagePolicy, [
      'File',
      'FallbackToLogsOnError',
    ]),
    ...validatePorts(path.child('ports'), container.ports),
    ...validateEnv(path.child('env'), container.env),
    ...validateEnvFrom(path.child('envFrom'), container.envFrom),
    ...validateMounts(path.child('volumeMounts'), container, context),
    ...validateDevices(path.child('volumeDevices'), container, context),
    ...requiredOneOf(path.child('imagePullPolicy'), container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']),
    ...validateContainerResources(path.child('resources'), container.resources, context.claimNames),
    ...validateResizePolicy(path.child('resizePolicy'), container, context),
    ...validateSecurityContext(path.child('securityContext'), container.securityContext, context),
  ];
}

function validateResizePolicy(path: FieldPath, container: Container, { restartPolicy }: PodContext): FieldError[] {
  const seen = new Set<string>();
  return (container.resizePolicy ?? []).flatMap(({ resourceName, restartPolicy: policy }, i) => {
    const errors: FieldError[] = seen.has(resourceName) ? [duplicate(path.index(i), resourceName)] : [];
    seen.add(resourceName);
    errors.push(...requiredOneOf(path, resourceName, ['cpu', 'memory']));
    errors.push(...requiredOneOf(path, policy, ['NotRequired', 'RestartContainer']));
    if (restartPolicy === 'Never' && policy !== 'NotRequired') {
      errors.push(invalid(path, policy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"));
    }
    return errors;
  });
}

function validateRestartRules(path: FieldPath, container: Container): FieldError[] {
  const { restartPolicy: policy, restartPolicyRules: rules = [] } = container;
  const errors: FieldError[] = [];
  const at = path.child('restartPolicyRules');
  if (policy === undefined) {
    if (rules.length === 0) return errors;
    errors.push(required(path.child('restartPolicy'), 'must specify restartPolicy when restart rules are used'));
  } else errors.push(...oneOf(path.child('restartPolicy'), policy, ['Always', 'Never', 'OnFailure']));
  if (rules.length > 20) errors.push(tooMany(at, rules.length, 20));
  rules.forEach(({ action, exitCodes }, i) => {
    errors.push(...oneOf(at.index(i).child('action'), action ?? '', ['Restart', 'RestartAllContainers']));
    const codes = at.index(i).child('exitCodes');
    if (!exitCodes) {
      errors.push(required(codes, 'must be specified'));
      return;
    }
    errors.push(...oneOf(codes.child('operator'), exitCodes.operator ?? '', ['In', 'NotIn']));
    const count = exitCodes.values?.length ?? 0;
    if (count > 255) errors.push(tooMany(codes.child('values'), count, 255));
  });
  return errors;
}

// Pod templates leave this to the pod.
const imageSpace = (path: FieldPath, { image = '' }: Container): FieldError[] =>
  image.trim() === image ? [] : [invalid(path.child('image'), image, 'must not have leading or trailing whitespace')];

export function validateContainers(path: FieldPath, spec: PodSpec, context: PodContext): FieldError[] {
  const containers = spec.containers ?? [];
  if (containers.length === 0) return [required(path)];
  const names = new Set<string>();
  const errors = containers.flatMap((container, i) => {
    const at = path.index(i);
    const found = validateCommon(at, container, context);
    if (names.has(container.name)) found.push(duplicate(at.child('name'), container.name));
    names.add(container.name);
    return [...found, ...validateProbesAndHooks(at, container, context), ...validateRestartRules(at, container)];
  });
  return [...errors, ...hostPortConflicts(path, containers)];
}

const sidecarOnly = 'may not be set for init containers without restartPolicy=Always';

export function validateInitContainers(path: FieldPath, spec: PodSpec, context: PodContext): FieldError[] {
  const names = new Set(spec.containers.map(({ name }) => name));
  return (spec.initContainers ?? []).flatMap((container, i) => {
    const at = path.index(i);
    const errors = [...validateCommon(at, container, context), ...validateRestartRules(at, container)];
    if (names.has(container.name)) errors.push(duplicate(at.child('name'), container.name));
    if (container.name) names.add(container.name);
    // They run one by one, so that each may use the ports of the others.
    errors.push(...hostPortConflicts(path, [container]));
    if (isSidecar(container)) return [...errors, ...validateProbesAndHooks(at, container, context)];
    for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
      if (container[field]) errors.push(forbiddenField(at.child(field), sidecarOnly));
    }
    container.resizePolicy?.forEach(({ restartPolicy }, j) => {
      if (restartPolicy !== 'RestartContainer') return;
      const detail = "must not be set to 'RestartContainer' for non-sidecar initContainers";
      errors.push(invalid(at.child('resizePolicy').index(j).child('restartPolicy'), restartPolicy, detail));
    });
    return errors;
  });
}

const notForEphemeral = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const;

export function validateEphemeralContainers(path: FieldPath, spec: PodSpec, context: PodContext): FieldError[] {
  const others = new Set([...spec.containers, ...(spec.initContainers ?? [])].map(({ name }) => name));
  const names = new Set(others);
  return (spec.ephemeralContainers ?? []).flatMap((container: EphemeralContainer, i) => {
    const at = path.index(i);
    const errors = [...validateCommon(at, container, context), ...imageSpace(at, container)];
    if (names.has(container.name)) errors.push(duplicate(at.child('name'), container.name));
    names.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.has(target)) errors.push(notFoundValue(at.child('targetContainerName'), target));
    const detail = 'cannot be set for an Ephemeral Container';
    for (const field of notForEphemeral)
      if (isSet(container[field])) errors.push(forbiddenField(at.child(field), detail));
    container.volumeMounts?.forEach((mount, j) => {
      for (const field of ['subPath', 'subPathExpr'] as const) {
        if (mount[field]) errors.push(forbiddenField(at.child('volumeMounts').index(j).child(field), detail));
      }
    });
    return errors;
  });
}

const isSet = (value: unknown): boolean =>
  value !== undefined && value !== null && (typeof value !== 'object' || Object.keys(value).length > 0);

/** Checks that hold for pods but, for compatibility, not for pod templates. */
export const validateImagesOfPod = (path: FieldPath, spec: PodSpec): FieldError[] => [
  ...spec.containers.flatMap((container, i) => imageSpace(path.child('containers').index(i), container)),
  ...(spec.initContainers ?? []).flatMap((container, i) =>
    imageSpace(path.child('initContainers').index(i), container),
  ),
];
