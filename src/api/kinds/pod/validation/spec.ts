// Checks of a whole PodSpec. Follows ValidatePodSpec in pkg/apis/core/validation/validation.go of v1.36.

import type { PodResourceClaim, PodSpec } from '../../../generated/types.ts';
import {
  duplicate,
  type FieldError,
  FieldPath,
  forbiddenField,
  invalid,
  notFoundValue,
  notSupported,
  required,
  noPath,
} from '../../../meta/errors.ts';
import { nameIsSubdomain, qualifiedName, rangeMessage } from '../../../meta/names.ts';
import { invalidEach, validateLabels } from '../../../meta/validate-meta.ts';
import { visitContainers } from '../../../pod/containers.ts';
import { internalForm } from '../../internal-form.ts';
import { validateContainers, validateEphemeralContainers, validateInitContainers } from './containers.ts';
import {
  validateDnsConfig,
  validateHostAliases,
  validateHostnameOverride,
  validateHostPorts,
  validateHostUsers,
} from './network.ts';
import { validateContainerResources, validatePodResources } from './resources.ts';
import {
  validateAffinity,
  validateSchedulingGates,
  validateSpreadConstraints,
  validateTolerations,
} from './scheduling.ts';
import { validatePodSecurityContext } from './security-context.ts';
import { labelErrors, type PodContext, type PodValidationOptions, requiredOneOf } from './shared.ts';
import { validateVolumes } from './volumes.ts';
import { validateHostProcess, validateOsFields } from './windows.ts';

/** What the checks must know of the pod that holds the spec. */
export interface SpecOwner {
  /** Empty for a template. */
  name: string;
  /** A static pod's image in the API. */
  mirror: boolean;
}

const subdomainName = (path: FieldPath, name: string | undefined): FieldError[] =>
  name ? invalidEach(path, name, nameIsSubdomain(name, false)) : [];

/** Checks every field of a spec whose defaults are set. */
export function validatePodSpec(
  path: FieldPath,
  spec: PodSpec,
  owner: SpecOwner,
  options: PodValidationOptions,
): FieldError[] {
  const errors: FieldError[] = [];
  const at = (field: string): FieldPath => path.child(field);
  if (spec.terminationGracePeriodSeconds === undefined) errors.push(required(at('terminationGracePeriodSeconds')));
  const { volumes, errors: volumeErrors } = validateVolumes(at('volumes'), spec.volumes, owner.name);
  const claims = spec.resourceClaims ?? [];
  const context: PodContext = {
    options,
    volumes,
    claimNames: new Set(claims.map(({ name }) => name).filter((name) => name)),
    gracePeriod: spec.terminationGracePeriodSeconds,
    restartPolicy: spec.restartPolicy ?? '',
    hostUsers: spec.hostUsers !== false,
    os: spec.os?.name,
  };
  errors.push(
    ...volumeErrors,
    ...validateClaims(at('resourceClaims'), claims, owner),
    ...validateContainers(at('containers'), spec, context),
    ...validateInitContainers(at('initContainers'), spec, context),
    ...validateEphemeralContainers(at('ephemeralContainers'), spec, context),
    ...validatePodResources(at('resources'), spec, context.claimNames),
    ...validateHostPorts(path, spec),
    ...requiredOneOf(at('restartPolicy'), spec.restartPolicy, ['Always', 'OnFailure', 'Never']),
    ...requiredOneOf(at('dnsPolicy'), spec.dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']),
    ...validateLabels(at('nodeSelector'), spec.nodeSelector),
    ...validatePodSecurityContext(at('securityContext'), spec),
    ...validateAffinity(at('affinity'), spec.affinity),
    ...validateDnsConfig(at('dnsConfig'), spec.dnsConfig, spec.dnsPolicy),
    ...(spec.readinessGates ?? []).flatMap(({ conditionType: type }, i) =>
      invalidEach(at('readinessGates').index(i).child('conditionType'), type, qualifiedName(type)),
    ),
    ...validateSchedulingGates(at('schedulingGates'), spec.schedulingGates),
    ...validateSpreadConstraints(at('topologySpreadConstraints'), spec.topologySpreadConstraints),
    ...validateHostProcess(path, spec, options),
    ...validateHostUsers(path, spec),
    ...validateHostnameOverride(path, spec),
    ...validateScalars(path, spec),
    ...validateFileKeyVolumes(path, spec),
  );
  return errors;
}

function validateScalars(path: FieldPath, spec: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  const at = (field: string): FieldPath => path.child(field);
  errors.push(
    ...subdomainName(at('serviceAccountName'), spec.serviceAccountName),
    ...subdomainName(at('nodeName'), spec.nodeName),
  );
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > 2_147_483_647)) {
    errors.push(invalid(at('activeDeadlineSeconds'), deadline, rangeMessage(1, 2_147_483_647)));
  }
  if (spec.hostname) errors.push(...labelErrors(at('hostname'), spec.hostname));
  if (spec.subdomain) errors.push(...labelErrors(at('subdomain'), spec.subdomain));
  errors.push(
    ...validateTolerations(at('tolerations'), spec.tolerations),
    ...validateHostAliases(at('hostAliases'), spec.hostAliases),
    ...subdomainName(at('priorityClassName'), spec.priorityClassName),
  );
  const runtimeClass = spec.runtimeClassName;
  if (runtimeClass !== undefined) {
    errors.push(...invalidEach(at('runtimeClassName'), runtimeClass, nameIsSubdomain(runtimeClass, false)));
  }
  if (spec.preemptionPolicy !== undefined) {
    errors.push(...requiredOneOf(at('preemptionPolicy'), spec.preemptionPolicy, ['PreemptLowerPriority', 'Never']));
  }
  if (spec.overhead) {
    // Overhead is checked as if it were a container's limits, path and all.
    errors.push(...validateContainerResources(at('overhead'), { limits: spec.overhead }, new Set()));
  }
  if (spec.os) errors.push(...validateOs(path, spec));
  if (spec.schedulingGroup) {
    const group = spec.schedulingGroup.podGroupName;
    const groupPath = path.child('schedulingGroup', 'podGroupName');
    if (group === undefined) errors.push(invalid(groupPath, null, 'must specify one of: `podGroupName`'));
    else errors.push(...invalidEach(groupPath, group, nameIsSubdomain(group, false)));
  }
  return errors;
}

function validateOs(path: FieldPath, spec: PodSpec): FieldError[] {
  const name = spec.os?.name ?? '';
  if (name === '') return [required(path.child('os', 'name'))];
  if (name !== 'linux' && name !== 'windows') return [notSupported(path.child('os'), name, ['linux', 'windows'])];
  return validateOsFields(path, spec);
}

function validateClaims(path: FieldPath, claims: readonly PodResourceClaim[], owner: SpecOwner): FieldError[] {
  const seen = new Set<string>();
  return claims.flatMap((claim, i) => {
    if (owner.mirror) return [forbiddenField(noPath, 'static pods do not support resource claims')];
    const at = path.index(i);
    const { name, resourceClaimName: existing, resourceClaimTemplateName: template } = claim;
    const errors: FieldError[] = [];
    if (!name) errors.push(required(at.child('name')));
    else if (seen.has(name)) errors.push(duplicate(at.child('name'), name));
    else errors.push(...labelErrors(at.child('name'), name));
    seen.add(name);
    const shown = internalForm('PodResourceClaim', claim);
    if (existing !== undefined && template !== undefined) {
      errors.push(
        invalid(at, shown, 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'),
      );
    }
    if (existing === undefined && template === undefined) {
      errors.push(invalid(at, shown, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'));
    }
    for (const field of ['resourceClaimName', 'resourceClaimTemplateName'] as const) {
      const value = claim[field];
      if (value !== undefined) errors.push(...invalidEach(at.child(field), value, nameIsSubdomain(value, false)));
    }
    return errors;
  });
}

/** Files of variables come from emptyDir volumes. */
function validateFileKeyVolumes(path: FieldPath, spec: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]));
  for (const { container, path: at } of visitContainers(spec, path)) {
    container.env?.forEach(({ valueFrom }, i) => {
      const name = valueFrom?.fileKeyRef?.volumeName;
      if (name === undefined) return;
      const namePath = at.child('env').index(i).child('valueFrom', 'fileKeyRef', 'volumeName');
      const volume = volumes.get(name);
      if (!volume) errors.push(notFoundValue(namePath, name));
      else if (!volume.emptyDir) errors.push(invalid(namePath, name, 'referenced volume must be of type emptyDir'));
    });
  }
  return errors;
}
