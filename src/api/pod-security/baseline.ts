// The checks of the baseline policy. Each follows check_<id>.go in k8s.io/pod-security-admission/policy of v1.36.

import type { LifecycleHandler, Pod, PodSpec, Probe, SELinuxOptions } from '../generated/types.ts';
import {
  type AnyContainer,
  butOwnUsers,
  type Check,
  checkOf,
  containersOf,
  containersText,
  distinct,
  type Finding,
  namesWhere,
  plural,
  quoted,
  settersText,
} from './check.ts';

const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';

function appArmorProfile(spec: PodSpec, pod: Pod): Finding | undefined {
  const isBad = (type: string | undefined): type is string =>
    type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost';
  const typeOf = ({ securityContext }: AnyContainer | PodSpec): string | undefined =>
    securityContext?.appArmorProfile?.type;
  const podType = typeOf(spec);
  const containers = namesWhere(spec, (container) => isBad(typeOf(container)));
  const annotations = Object.entries(pod.metadata?.annotations ?? {})
    .filter(([key, value]) => key.startsWith(appArmorPrefix) && !/^($|runtime\/default$|localhost\/)/.test(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .toSorted();
  const types = distinct([podType, ...containersOf(spec).map(typeOf)].filter(isBad));
  const values = [...types, ...annotations];
  if (values.length === 0) return undefined;
  const noted = annotations.length > 0 ? [plural('annotation', 'annotations', annotations)] : [];
  return {
    reason: plural('forbidden AppArmor profile', 'forbidden AppArmor profiles', values),
    detail: `${settersText(isBad(podType), containers, noted)} must not set AppArmor profile type to ${quoted(values)}`,
  };
}

const usualCapabilities = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

function capabilities(spec: PodSpec): Finding | undefined {
  const unusual = ({ securityContext }: AnyContainer): string[] =>
    (securityContext?.capabilities?.add ?? []).filter((name) => !usualCapabilities.has(name));
  const names = namesWhere(spec, (container) => unusual(container).length > 0);
  if (names.length === 0) return undefined;
  const added = quoted(distinct(containersOf(spec).flatMap(unusual)));
  return {
    reason: 'non-default capabilities',
    detail: `${containersText(names)} must not include ${added} in securityContext.capabilities.add`,
  };
}

function hostNamespaces(spec: PodSpec): Finding | undefined {
  const set = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field]);
  if (set.length === 0) return undefined;
  return { reason: 'host namespaces', detail: set.map((field) => `${field}=true`).join(', ') };
}

function hostPathVolumes(spec: PodSpec): Finding | undefined {
  const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath).map(({ name }) => name);
  if (names.length === 0) return undefined;
  return { reason: 'hostPath volumes', detail: `${plural('volume', 'volumes', names)} ${quoted(names)}` };
}

function hostPorts(spec: PodSpec): Finding | undefined {
  const portsOf = ({ ports }: AnyContainer): string[] =>
    (ports ?? []).flatMap(({ hostPort }) => (hostPort ? [String(hostPort)] : []));
  const names = namesWhere(spec, (container) => portsOf(container).length > 0);
  if (names.length === 0) return undefined;
  const ports = distinct(containersOf(spec).flatMap(portsOf));
  const use = plural('uses', 'use', names);
  return {
    reason: 'hostPort',
    detail: `${containersText(names)} ${use} ${plural('hostPort', 'hostPorts', ports)} ${ports.join(', ')}`,
  };
}

function hostsOf({ livenessProbe, readinessProbe, startupProbe, lifecycle }: AnyContainer): string[] {
  const handlers: (Probe | LifecycleHandler | undefined)[] = [
    livenessProbe,
    readinessProbe,
    startupProbe,
    lifecycle?.postStart,
    lifecycle?.preStop,
  ];
  return handlers
    .flatMap((one) => [one?.httpGet?.host ?? '', one?.tcpSocket?.host ?? ''])
    .filter((host) => host !== '');
}

function hostProbesAndHostLifecycle(spec: PodSpec): Finding | undefined {
  const names = distinct(namesWhere(spec, (container) => hostsOf(container).length > 0));
  if (names.length === 0) return undefined;
  const hosts = distinct(containersOf(spec).flatMap(hostsOf));
  const reason = 'probe or lifecycle host';
  const what = plural(reason, `${reason}s`, hosts);
  return { reason, detail: `${containersText(names)} ${plural('uses', 'use', names)} ${what} ${quoted(hosts)}` };
}

function privileged(spec: PodSpec): Finding | undefined {
  const names = namesWhere(spec, ({ securityContext }) => securityContext?.privileged === true);
  if (names.length === 0) return undefined;
  return { reason: 'privileged', detail: `${containersText(names)} must not set securityContext.privileged=true` };
}

export function procMount(spec: PodSpec): Finding | undefined {
  const mountOf = ({ securityContext }: AnyContainer): string => securityContext?.procMount ?? 'Default';
  const names = namesWhere(spec, (container) => mountOf(container) !== 'Default');
  if (names.length === 0) return undefined;
  const mounts = distinct(containersOf(spec).map(mountOf)).filter((mount) => mount !== 'Default');
  return {
    reason: 'procMount',
    detail: `${containersText(names)} must not set securityContext.procMount to ${quoted(mounts)}`,
  };
}

const seLinuxTypes = ['', 'container_t', 'container_init_t', 'container_kvm_t'];

function seLinuxOptions(spec: PodSpec, types: readonly string[]): Finding | undefined {
  const isBad = (options: SELinuxOptions | undefined): boolean =>
    options !== undefined && (!types.includes(options.type ?? '') || Boolean(options.user) || Boolean(options.role));
  const podOptions = spec.securityContext?.seLinuxOptions;
  const optionsOf = ({ securityContext }: AnyContainer) => securityContext?.seLinuxOptions;
  const names = namesWhere(spec, (container) => isBad(optionsOf(container)));
  if (!isBad(podOptions) && names.length === 0) return undefined;
  const all = [podOptions, ...containersOf(spec).map(optionsOf)].filter((one) => one !== undefined);
  const badTypes = distinct(all.map(({ type = '' }) => type).filter((type) => !types.includes(type)));
  const bad = [
    ...(badTypes.length > 0 ? [`${plural('type', 'types', badTypes)} ${quoted(badTypes)}`] : []),
    ...(all.some(({ user }) => user) ? ['user may not be set'] : []),
    ...(all.some(({ role }) => role) ? ['role may not be set'] : []),
  ];
  const setters = settersText(isBad(podOptions), names);
  return {
    reason: 'seLinuxOptions',
    detail: `${setters} set forbidden securityContext.seLinuxOptions: ${bad.join('; ')}`,
  };
}

const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompContainer = 'container.seccomp.security.alpha.kubernetes.io/';

function seccompAnnotations(spec: PodSpec, pod: Pod): Finding | undefined {
  const annotations = pod.metadata?.annotations ?? {};
  const keys = [seccompPod, ...containersOf(spec).map(({ name }) => seccompContainer + name)];
  const bad = distinct(
    keys.flatMap((key) => {
      const value = annotations[key];
      const fine = value === undefined || /^(runtime\/default$|docker\/default$|localhost\/)/.test(value);
      return fine ? [] : [`${key}=${JSON.stringify(value)}`];
    }),
  );
  if (bad.length === 0) return undefined;
  return {
    reason: 'seccompProfile',
    detail: `forbidden ${plural('annotation', 'annotations', bad)} ${bad.join(', ')}`,
  };
}

const goodSeccomp = (type: string | undefined): boolean => type === 'RuntimeDefault' || type === 'Localhost';
const seccompOf = ({ securityContext }: AnyContainer | PodSpec): string | undefined =>
  securityContext?.seccompProfile?.type;

/** What sets a seccomp profile that is none of the runtime's default and the node's own. */
export function badSeccomp(spec: PodSpec): Finding | undefined {
  const isBad = (one: AnyContainer | PodSpec): boolean => seccompOf(one) !== undefined && !goodSeccomp(seccompOf(one));
  const names = namesWhere(spec, isBad);
  if (!isBad(spec) && names.length === 0) return undefined;
  const values = distinct([spec, ...containersOf(spec)].filter(isBad).map((one) => seccompOf(one) ?? ''));
  const setters = settersText(isBad(spec), names);
  return {
    reason: 'seccompProfile',
    detail: `${setters} must not set securityContext.seccompProfile.type to ${quoted(values)}`,
  };
}

/** Containers that have no seccomp profile of their own, where the pod gives them none. */
export const withoutSeccomp = (spec: PodSpec): string[] =>
  seccompOf(spec) === undefined ? namesWhere(spec, (container) => seccompOf(container) === undefined) : [];

const sysctls10 = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
];
const sysctls27 = [...sysctls10, 'net.ipv4.ip_local_reserved_ports'];
const sysctls29 = [
  ...sysctls27,
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
];
const sysctls32 = [...sysctls29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];

const sysctls =
  (allowed: readonly string[]) =>
  (spec: PodSpec): Finding | undefined => {
    const names = (spec.securityContext?.sysctls ?? [])
      .map(({ name }) => name)
      .filter((name) => !allowed.includes(name));
    return names.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: names.join(', ') };
  };

function windowsHostProcess(spec: PodSpec): Finding | undefined {
  const isBad = ({ securityContext }: AnyContainer | PodSpec): boolean =>
    securityContext?.windowsOptions?.hostProcess === true;
  const names = namesWhere(spec, isBad);
  if (!isBad(spec) && names.length === 0) return undefined;
  const setters = settersText(isBad(spec), names);
  return { reason: 'hostProcess', detail: `${setters} must not set securityContext.windowsOptions.hostProcess=true` };
}

/** In the order in which findings are told. */
export const baselineChecks: readonly Check[] = [
  checkOf('baseline', 'appArmorProfile', [0, appArmorProfile]),
  checkOf('baseline', 'capabilities_baseline', [0, capabilities]),
  checkOf('baseline', 'hostNamespaces', [0, hostNamespaces]),
  checkOf('baseline', 'hostPathVolumes', [0, hostPathVolumes]),
  checkOf('baseline', 'hostPorts', [0, hostPorts]),
  checkOf('baseline', 'hostProbesAndHostLifecycle', [34, hostProbesAndHostLifecycle]),
  checkOf('baseline', 'privileged', [0, privileged]),
  checkOf('baseline', 'procMount', [0, procMount], [35, butOwnUsers(procMount)]),
  checkOf(
    'baseline',
    'seLinuxOptions',
    [0, (spec) => seLinuxOptions(spec, seLinuxTypes)],
    [31, (spec) => seLinuxOptions(spec, [...seLinuxTypes, 'container_engine_t'])],
  ),
  checkOf('baseline', 'seccompProfile_baseline', [0, seccompAnnotations], [19, badSeccomp]),
  checkOf(
    'baseline',
    'sysctls',
    [0, sysctls(sysctls10)],
    [27, sysctls(sysctls27)],
    [29, sysctls(sysctls29)],
    [32, sysctls(sysctls32)],
  ),
  checkOf('baseline', 'windowsHostProcess', [0, windowsHostProcess]),
];
