// Which sysctls a node lets its pods set: the safe ones, and those that whoever runs the node adds.
// Follows pkg/kubelet/sysctl/{allowlist,safe_sysctls}.go and pkg/util/kernel of v1.36.

import { goQuote } from '../../api/meta/go-format.ts';
import { dottedSysctl, sysctlNamespace } from '../../api/pod/sysctls.ts';

/** Safe sysctls, with the least kernel in which each belongs to a pod's own namespace. */
const safeSysctls: readonly (readonly [name: string, kernel?: string])[] = [
  ['kernel.shm_rmid_forced'],
  ['net.ipv4.ip_local_port_range'],
  ['net.ipv4.tcp_syncookies'],
  ['net.ipv4.ping_group_range'],
  ['net.ipv4.ip_unprivileged_port_start'],
  ['net.ipv4.ip_local_reserved_ports', '3.16'],
  ['net.ipv4.tcp_keepalive_time', '4.5'],
  ['net.ipv4.tcp_fin_timeout', '4.6'],
  ['net.ipv4.tcp_keepalive_intvl', '4.5'],
  ['net.ipv4.tcp_keepalive_probes', '4.5'],
  ['net.ipv4.tcp_rmem', '4.15'],
  ['net.ipv4.tcp_wmem', '4.15'],
];

const part = '[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?';
/** As flags take them: a name, or the beginning of names with a star. */
const patternForm = new RegExp(String.raw`^(?:${part}[\./])*(?:${part}|${part}[\./]?\*|\*)$`);
const maxLength = 253;

/** [major, minor] of a kernel's release; [0, 0] for what is none. */
function release(text: string): [number, number] {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(text) ?? [];
  return [Number(major), Number(minor)];
}

function atLeast(kernel: string, least: string): boolean {
  const [major, minor] = release(kernel);
  const [leastMajor, leastMinor] = release(least);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

/** Why a node's list of allowed unsafe sysctls cannot hold this one, or undefined when it can. */
export function unsafeSysctlProblem(pattern: string): string | undefined {
  if (pattern.length > maxLength || !patternForm.test(pattern))
    return `sysctl ${goQuote(pattern)} must have at most ${maxLength} characters and match regex ${patternForm.source}`;
  if (sysctlNamespace(pattern) !== undefined) return undefined;
  return pattern.endsWith('*')
    ? `the sysctls ${goQuote(pattern)} are not known to be namespaced`
    : `the sysctl ${goQuote(pattern)} are not known to be namespaced`;
}

export interface SysctlAllowlist {
  /** Why a pod may not set it, or undefined when it may. */
  refusal(name: string, pod: { hostNetwork?: boolean | undefined; hostIPC?: boolean | undefined }): string | undefined;
}

/** `kernel` is uname's release; `unsafe` are names and patterns (`net.core.*`) allowed besides, each without a problem. */
export function createSysctlAllowlist(kernel: string, unsafe: readonly string[] = []): SysctlAllowlist {
  const safe = safeSysctls.filter(([, least]) => least === undefined || atLeast(kernel, least)).map(([name]) => name);
  const allowed = [...safe, ...unsafe.map(dottedSysctl)];
  const names = new Set(allowed.filter((pattern) => !pattern.endsWith('*')));
  const prefixes = allowed.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1));
  return {
    refusal(written, { hostNetwork, hostIPC }) {
      const name = dottedSysctl(written);
      const prefix = prefixes.find((each) => name.startsWith(each));
      if (!names.has(name) && prefix === undefined) return `${goQuote(name)} not allowlisted`;
      const namespace = sysctlNamespace(names.has(name) ? name : `${prefix}*`);
      if ((namespace === 'IPC' && hostIPC) || (namespace === 'Net' && hostNetwork))
        return `${goQuote(name)} not allowed with host ${namespace} enabled`;
      return undefined;
    },
  };
}
