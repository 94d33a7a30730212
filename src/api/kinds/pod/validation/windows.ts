// Checks of what is for Windows only, and of what must not be set there. Follows pkg/apis/core/validation/validation.go of v1.36.

import type { PodSpec, WindowsSecurityContextOptions } from '../../../generated/types.ts';
import { type FieldError, type FieldPath, forbiddenField, invalid } from '../../../meta/errors.ts';
import { byteLength } from '../../../meta/go-format.ts';
import { visitContainers } from '../../../pod/containers.ts';
import { type PodValidationOptions, subdomainErrors } from './shared.ts';

const netBios = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const dnsLabel = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const dnsDomain = new RegExp(`^${dnsLabel}(?:\\.${dnsLabel})*$`);
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const control = /[\x00-\x1f\x7f]/;

function userNameProblems(name: string): string[] {
  if (name === '') return ['runAsUserName cannot be an empty string'];
  if (control.test(name)) return ['runAsUserName cannot contain control characters'];
  const parts = name.split('\\');
  if (parts.length > 2) return ['runAsUserName cannot contain more than one backslash'];
  const user = parts[parts.length - 1] ?? '';
  const domain = parts.length === 2 ? (parts[0] ?? '') : undefined;
  const problems: string[] = [];
  if (domain !== undefined && byteLength(domain) >= 256) {
    problems.push("runAsUserName's Domain length must be under 256 characters");
  }
  if (domain !== undefined && !netBios.test(domain) && !dnsDomain.test(domain)) {
    problems.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  }
  if (user === '') problems.push("runAsUserName's User cannot be empty");
  else if (byteLength(user) > 104) problems.push("runAsUserName's User length must not be longer than 104 characters");
  if (/^[. ]+$/.test(user)) problems.push("runAsUserName's User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) {
    problems.push('runAsUserName\'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]');
  }
  return problems;
}

export function validateWindowsOptions(
  path: FieldPath,
  options: WindowsSecurityContextOptions | undefined,
): FieldError[] {
  if (!options) return [];
  const errors: FieldError[] = [];
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName: user } = options;
  if (name !== undefined) errors.push(...subdomainErrors(path.child('gmsaCredentialSpecName'), name));
  if (spec === '')
    errors.push(invalid(path.child('gmsaCredentialSpec'), spec, 'gmsaCredentialSpec cannot be an empty string'));
  if (spec !== undefined && byteLength(spec) > 64 * 1024) {
    errors.push(invalid(path.child('gmsaCredentialSpec'), spec, 'gmsaCredentialSpec size must be under 64 KiB'));
  }
  if (user !== undefined) {
    errors.push(...userNameProblems(user).map((problem) => invalid(path.child('runAsUserName'), user, problem)));
  }
  return errors;
}

/** Host-process containers: all or none, on the host's network, where privileges are allowed. */
export function validateHostProcess(
  path: FieldPath,
  spec: PodSpec,
  { allowPrivileged }: PodValidationOptions,
): FieldError[] {
  const errors: FieldError[] = [];
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  let all = 0;
  let hostProcess = 0;
  for (const { container, path: at } of visitContainers(spec, path)) {
    all++;
    const own = container.securityContext?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && ofPod !== own) {
      const detail = `pod hostProcess value must be identical if both are specified, was ${ofPod}`;
      errors.push(invalid(at.child('securityContext', 'windowsOptions', 'hostProcess'), own, detail));
    }
    if (own ?? ofPod) hostProcess++;
  }
  if (hostProcess === 0) return errors;
  if (hostProcess !== all) {
    errors.push(
      invalid(
        path,
        '',
        'If pod contains any hostProcess containers then all containers must be HostProcess containers',
      ),
    );
  }
  if (!spec.hostNetwork) {
    errors.push(
      invalid(path.child('hostNetwork'), false, 'hostNetwork must be true if pod contains any hostProcess containers'),
    );
  }
  if (!allowPrivileged) errors.push(forbiddenField(path, 'hostProcess containers are disallowed by cluster policy'));
  return errors;
}

const podLinuxFields = [
  'appArmorProfile',
  'seLinuxOptions',
  'hostUsers',
  'hostPID',
  'hostIPC',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  'shareProcessNamespace',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
  'supplementalGroupsPolicy',
  'seLinuxChangePolicy',
];
const ofSpec = new Set(['hostUsers', 'hostPID', 'hostIPC', 'shareProcessNamespace']);
const containerLinuxFields = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
];

const has = (object: object | undefined, field: string): boolean =>
  object !== undefined && Object.entries(object).some(([key, value]) => key === field && value !== undefined);

/** What spec.os says must and must not be set. */
export function validateOsFields(path: FieldPath, spec: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  const context = path.child('securityContext');
  if (spec.os?.name === 'linux') {
    const detail = 'windows options cannot be set for a linux pod';
    if (spec.securityContext?.windowsOptions) errors.push(forbiddenField(context.child('windowsOptions'), detail));
    for (const { container, path: at } of visitContainers(spec, path)) {
      if (container.securityContext?.windowsOptions) {
        errors.push(forbiddenField(at.child('securityContext', 'windowsOptions'), detail));
      }
    }
  }
  if (spec.os?.name === 'windows') {
    const detail = 'cannot be set for a windows pod';
    for (const field of podLinuxFields) {
      if (ofSpec.has(field) && has(spec, field)) errors.push(forbiddenField(path.child(field), detail));
      if (!ofSpec.has(field) && has(spec.securityContext, field))
        errors.push(forbiddenField(context.child(field), detail));
    }
    for (const { container, path: at } of visitContainers(spec, path)) {
      for (const field of containerLinuxFields) {
        if (has(container.securityContext, field))
          errors.push(forbiddenField(at.child('securityContext', field), detail));
      }
    }
  }
  return errors;
}
