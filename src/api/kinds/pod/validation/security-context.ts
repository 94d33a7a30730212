// Checks of the security contexts of a pod and its containers. Follows pkg/apis/core/validation/validation.go of v1.36.

import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext, Sysctl } from '../../../generated/types.ts';
import { sysctlNamespace } from '../../../pod/sysctls.ts';
import {
  duplicate,
  type FieldError,
  type FieldPath,
  forbiddenField,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../../../meta/errors.ts';
import { byteLength } from '../../../meta/go-format.ts';
import { userOrGroupId } from '../../../meta/names.ts';
import { internalForm } from '../../internal-form.ts';
import { descendingPath, oneOf, type PodContext } from './shared.ts';
import { validateWindowsOptions } from './windows.ts';

const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];

const idErrors = (path: FieldPath, id: number | undefined): FieldError[] =>
  id === undefined ? [] : userOrGroupId(id).map((message) => invalid(path, id, message));

export function validateSeccompProfile(path: FieldPath, profile: SeccompProfile | undefined): FieldError[] {
  if (!profile) return [];
  const errors: FieldError[] = [];
  const { type, localhostProfile: local } = profile;
  if (!type) errors.push(required(path.child('type'), 'type is required when seccompProfile is set'));
  else errors.push(...oneOf(path.child('type'), type, profileTypes));
  const at = path.child('localhostProfile');
  if (type === 'Localhost') {
    if (local === undefined) errors.push(required(at, 'must be set when seccomp type is Localhost'));
    else errors.push(...descendingPath(at, local));
  } else if (local !== undefined) {
    errors.push(invalid(at, internalForm('SeccompProfile', profile), 'can only be set when seccomp type is Localhost'));
  }
  return errors;
}

export function validateAppArmorProfile(path: FieldPath, profile: AppArmorProfile | undefined): FieldError[] {
  if (!profile) return [];
  const { type, localhostProfile: local } = profile;
  const at = path.child('localhostProfile');
  if (!type) return [required(path.child('type'), 'type is required when appArmorProfile is set')];
  if (!profileTypes.includes(type)) return [notSupported(path.child('type'), type, profileTypes)];
  if (type !== 'Localhost') {
    return local === undefined ? [] : [invalid(at, local, 'can only be set when AppArmor type is Localhost')];
  }
  const missing = 'must be set when AppArmor type is Localhost';
  if (local === undefined) return [required(at, missing)];
  const errors: FieldError[] = [];
  if (local.trim() !== local) errors.push(invalid(at, local, 'must not be padded with whitespace'));
  else if (local === '') errors.push(required(at, missing));
  if (byteLength(local) > 4095) errors.push(tooLong(at, 4095));
  return errors;
}

/** Checks a container's security context. */
export function validateSecurityContext(
  path: FieldPath,
  context: SecurityContext | undefined,
  { options, hostUsers }: PodContext,
): FieldError[] {
  if (!context) return [];
  const errors: FieldError[] = [];
  if (context.privileged && !options.allowPrivileged) {
    errors.push(forbiddenField(path.child('privileged'), 'disallowed by cluster policy'));
  }
  errors.push(
    ...idErrors(path.child('runAsUser'), context.runAsUser),
    ...idErrors(path.child('runAsGroup'), context.runAsGroup),
  );
  if (context.procMount !== undefined) {
    errors.push(...oneOf(path.child('procMount'), context.procMount, ['Default', 'Unmasked']));
    if (hostUsers && context.procMount === 'Unmasked') {
      errors.push(invalid(path.child('procMount'), context.procMount, '`hostUsers` must be false to use `Unmasked`'));
    }
  }
  errors.push(...validateSeccompProfile(path.child('seccompProfile'), context.seccompProfile));
  if (context.allowPrivilegeEscalation === false) {
    const shown = internalForm('SecurityContext', context);
    if (context.privileged) {
      errors.push(invalid(path, shown, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
    }
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
      const detail = 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN';
      errors.push(invalid(path, shown, detail));
    }
  }
  return [
    ...errors,
    ...validateWindowsOptions(path.child('windowsOptions'), context.windowsOptions),
    ...validateAppArmorProfile(path.child('appArmorProfile'), context.appArmorProfile),
  ];
}

const segment = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const sysctlPattern = `^(${segment}[\\./])*${segment}$`;
const sysctlName = new RegExp(sysctlPattern);

function validateSysctls(path: FieldPath, sysctls: readonly Sysctl[], spec: PodSpec): FieldError[] {
  const seen = new Set<string>();
  return sysctls.flatMap(({ name }, i) => {
    const at = path.index(i).child('name');
    const errors: FieldError[] = [];
    if (!name) errors.push(required(at));
    else if (byteLength(name) > 253 || !sysctlName.test(name)) {
      errors.push(invalid(at, name, `must have at most 253 characters and match regex ${sysctlPattern}`));
    } else if (seen.has(name)) errors.push(duplicate(at, name));
    const namespace = sysctlNamespace(name);
    if (spec.hostNetwork && namespace === 'Net') {
      errors.push(invalid(at, name, "may not be specified when 'hostNetwork' is true"));
    } else if (spec.hostIPC && namespace === 'IPC') {
      errors.push(invalid(at, name, "may not be specified when 'hostIPC' is true"));
    }
    seen.add(name);
    return errors;
  });
}

/** Checks the pod's own security context. */
export function validatePodSecurityContext(path: FieldPath, spec: PodSpec): FieldError[] {
  const context = spec.securityContext ?? {};
  const errors: FieldError[] = [];
  for (const field of ['fsGroup', 'runAsUser', 'runAsGroup'] as const)
    errors.push(...idErrors(path.child(field), context[field]));
  context.supplementalGroups?.forEach((id, i) => {
    errors.push(...idErrors(path.child('supplementalGroups').index(i), id));
  });
  if (spec.shareProcessNamespace && spec.hostPID) {
    const detail = 'ShareProcessNamespace and HostPID cannot both be enabled';
    errors.push(invalid(path.child('shareProcessNamespace'), true, detail));
  }
  errors.push(...validateSysctls(path.child('sysctls'), context.sysctls ?? [], spec));
  if (context.fsGroupChangePolicy !== undefined) {
    errors.push(...oneOf(path.child('fsGroupChangePolicy'), context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']));
  }
  errors.push(
    ...validateSeccompProfile(path.child('seccompProfile'), context.seccompProfile),
    ...validateWindowsOptions(path.child('windowsOptions'), context.windowsOptions),
    ...validateAppArmorProfile(path.child('appArmorProfile'), context.appArmorProfile),
  );
  if (context.supplementalGroupsPolicy !== undefined) {
    errors.push(
      ...oneOf(path.child('supplementalGroupsPolicy'), context.supplementalGroupsPolicy, ['Merge', 'Strict']),
    );
  }
  if (context.seLinuxChangePolicy !== undefined) {
    errors.push(...oneOf(path.child('seLinuxChangePolicy'), context.seLinuxChangePolicy, ['MountOption', 'Recursive']));
  }
  return errors;
}
