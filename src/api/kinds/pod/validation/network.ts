// Checks of a pod's DNS configuration, host names and use of the host's network.
// Follows pkg/apis/core/validation/validation.go of v1.36.

import type { HostAlias, PodDNSConfig, PodSpec } from '../../../generated/types.ts';
import { type FieldError, type FieldPath, forbiddenField, invalid, required, tooLong } from '../../../meta/errors.ts';
import { byteLength } from '../../../meta/go-format.ts';
import { dns1123SubdomainWithUnderscore } from '../../../meta/names.ts';
import { invalidEach } from '../../../meta/validate-meta.ts';
import { visitContainers } from '../../../pod/containers.ts';
import { ipErrors, subdomainErrors } from './shared.ts';

// The resolver in libc takes no more than these.
const maxNameservers = 3;
const maxSearches = 32;
const maxSearchCharacters = 2048;

export function validateDnsConfig(
  path: FieldPath,
  config: PodDNSConfig | undefined,
  policy: string | undefined,
): FieldError[] {
  const { nameservers = [], searches = [], options = [] } = config ?? {};
  if (policy === 'None') {
    if (!config) return [required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')];
    if (nameservers.length === 0) {
      const detail = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
      return [required(path.child('nameservers'), detail)];
    }
  }
  const errors: FieldError[] = [];
  if (nameservers.length > maxNameservers) {
    errors.push(
      invalid(path.child('nameservers'), nameservers, `must not have more than ${maxNameservers} nameservers`),
    );
  }
  errors.push(...nameservers.flatMap((address, i) => ipErrors(path.child('nameservers').index(i), address)));
  const at = path.child('searches');
  if (searches.length > maxSearches) {
    errors.push(invalid(at, searches, `must not have more than ${maxSearches} search paths`));
  }
  if (byteLength(searches.join(' ')) > maxSearchCharacters) {
    const detail = `must not have more than ${maxSearchCharacters} characters (including spaces) in the search list`;
    errors.push(invalid(at, searches, detail));
  }
  searches.forEach((search, i) => {
    if (search === '.') return;
    const name = search.replace(/\.$/, '');
    errors.push(...invalidEach(at.index(i), name, dns1123SubdomainWithUnderscore(name)));
  });
  options.forEach(({ name }, i) => {
    if (!name) errors.push(required(path.child('options').index(i), 'must not be empty'));
  });
  return errors;
}

export function validateHostAliases(path: FieldPath, aliases: readonly HostAlias[] | undefined): FieldError[] {
  return (aliases ?? []).flatMap(({ ip, hostnames }, i) => [
    ...ipErrors(path.index(i).child('ip'), ip ?? ''),
    ...(hostnames ?? []).flatMap((name, j) => subdomainErrors(path.index(i).child('hostnames').index(j), name)),
  ]);
}

/** On the host's network a container's port is the host's. */
export function validateHostPorts(path: FieldPath, spec: PodSpec): FieldError[] {
  if (!spec.hostNetwork) return [];
  return spec.containers.flatMap((container, c) =>
    (container.ports ?? []).flatMap((port, p) => {
      if ((port.hostPort ?? 0) === (port.containerPort ?? 0)) return [];
      const at = path.child('containers').index(c).child('ports').index(p).child('hostPort');
      return [invalid(at, port.hostPort ?? 0, 'must match `containerPort` when `hostNetwork` is true')];
    }),
  );
}

/** A pod with a user namespace of its own cannot share the host's other namespaces. */
export function validateHostUsers(path: FieldPath, spec: PodSpec): FieldError[] {
  if (spec.hostUsers !== false) return [];
  const detail = 'when `hostUsers` is false';
  const errors: FieldError[] = [];
  if (spec.hostNetwork) errors.push(forbiddenField(path.child('hostNetwork'), detail));
  if (spec.hostPID) errors.push(forbiddenField(path.child('HostPID'), detail));
  if (spec.hostIPC) errors.push(forbiddenField(path.child('HostIPC'), detail));
  for (const { container, path: at } of visitContainers(spec, path)) {
    if (container.volumeDevices?.length) errors.push(forbiddenField(at.child('volumeDevices'), detail));
  }
  return errors;
}

export function validateHostnameOverride(path: FieldPath, spec: PodSpec): FieldError[] {
  const name = spec.hostnameOverride;
  if (name === undefined) return [];
  const at = path.child('hostnameOverride');
  const errors: FieldError[] = [];
  if (spec.setHostnameAsFQDN) errors.push(forbiddenField(at, 'may not be specified when setHostnameAsFQDN is true'));
  if (spec.hostNetwork) errors.push(forbiddenField(at, 'may not be specified when hostNetwork is true'));
  if (byteLength(name) > 64) errors.push(tooLong(at, 64));
  return [...errors, ...subdomainErrors(at, name)];
}
