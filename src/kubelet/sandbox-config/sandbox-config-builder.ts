// Builds what CRI's RunPodSandbox takes out of a pod. Follows pkg/kubelet/kuberuntime/kuberuntime_sandbox.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { dottedSysctl } from '../../api/pod/sysctls.ts';
import type { PortMapping, SandboxConfig, SandboxSecurityContext } from '../../cri/runtime.ts';
import type { Files } from '../../lib/system.ts';
import { groupsPolicy, namespaceOptions, supplementalGroups } from '../container-config/security-context.ts';
import { podLogDirectory } from '../pod-paths.ts';
import { sandboxAnnotations, sandboxLabels } from '../runtime-labels.ts';
import type { SandboxConfigBuilder } from '../seams.ts';
import type { UserNamespace, UserNamespaces } from '../userns/user-namespaces.ts';
import { kernelHostname, podHostname } from './hostname.ts';
import { type DnsEvent, parseResolvConf, podDns } from './pod-dns.ts';

export interface SandboxConfigOptions {
  files: Files;
  /** Root of container logs, absolute. */
  podLogsRoot: string;
  /** Addresses of the cluster's DNS (10.43.0.10 once it is served); empty for none. */
  clusterDns: readonly string[];
  /** 'cluster.local'. */
  clusterDomain: string;
  /** The node's resolv.conf; empty gives pods no DNS but the cluster's. */
  resolvConf: string;
  nodeIPs(): readonly string[];
  /** Records a warning about the pod. */
  warn(pod: Pod, event: DnsEvent): void;
  /** Records a warning about the node. */
  warnNode?(event: DnsEvent): void;
  supportsGroupsPolicy?: boolean;
  /** Gives pods their users. */
  userNamespaces: Pick<UserNamespaces, 'of'>;
}

// Enough to remember which of a node's pods were warned about; the oldest are forgotten first.
const rememberedWarnings = 2000;

/** The builder; see the seam for what it promises. Throws plain Errors in upstream's words (event FailedCreatePodSandBox). */
export function createSandboxConfigBuilder(options: SandboxConfigOptions): SandboxConfigBuilder {
  const warned = new Set<string>();
  /** A config is built again for every container, but its warnings are recorded once per sandbox. */
  const warnOnce = (pod: Pod, attempt: number, events: readonly DnsEvent[]): void => {
    const key = `${pod.metadata?.uid}/${attempt}`;
    if (events.length === 0 || warned.has(key)) return;
    warned.add(key);
    for (const oldest of warned) {
      if (warned.size <= rememberedWarnings) break;
      warned.delete(oldest);
    }
    for (const event of events) {
      if (event.onNode) options.warnNode?.(event);
      else options.warn(pod, event);
    }
  };

  return {
    async build(pod, { attempt, cgroupParent, signal }): Promise<SandboxConfig> {
      const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
      const logDirectory = podLogDirectory(options.podLogsRoot, { namespace, name, uid });
      const [userns, text] = await Promise.all([
        options.userNamespaces.of(pod, signal),
        options.resolvConf === '' ? undefined : options.files.readFile(options.resolvConf),
        options.files.mkdir(logDirectory, { recursive: true, mode: 0o755 }),
      ]);
      const host = text && parseResolvConf(text.toString('utf8'));
      const { clusterDns, clusterDomain } = options;
      const dns = podDns(pod, { clusterDns, clusterDomain, host, nodeIPs: options.nodeIPs() });
      warnOnce(pod, attempt, dns.events);
      const hostname = pod.spec?.hostNetwork
        ? ''
        : kernelHostname(podHostname(pod, clusterDomain), pod.spec?.setHostnameAsFQDN);
      return {
        metadata: { name, namespace, uid, attempt },
        hostname,
        logDirectory,
        dnsConfig: dns.config,
        portMappings: portMappings(pod),
        labels: sandboxLabels(pod),
        annotations: sandboxAnnotations(pod),
        linux: { cgroupParent, sysctls: sysctls(pod), securityContext: sandboxSecurity(pod, options, userns) },
      };
    },
  };
}

/** Every port of the containers; one that is not mapped has hostPort 0. A name or an exact repetition counts once per container. */
function portMappings(pod: Pod): PortMapping[] {
  return (pod.spec?.containers ?? []).flatMap((container) => {
    const seen = new Set<string>();
    return (container.ports ?? []).flatMap((port) => {
      const protocol = port.protocol === 'UDP' || port.protocol === 'SCTP' ? port.protocol : 'TCP';
      const key = port.name || `${protocol}-${port.hostIP ?? ''}:${port.containerPort}:${port.hostPort ?? 0}`;
      if (seen.has(key)) return [];
      seen.add(key);
      const hostIp = port.hostIP ? { hostIp: port.hostIP } : {};
      return [{ protocol, containerPort: port.containerPort, hostPort: port.hostPort ?? 0, ...hostIp }];
    });
  });
}

function sysctls(pod: Pod): Record<string, string> {
  const entries = (pod.spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [dottedSysctl(name), value]);
  return Object.fromEntries(entries) as Record<string, string>;
}

/** The sandbox itself runs with the runtime's seccomp profile, so that containers may have stricter ones. */
function sandboxSecurity(pod: Pod, options: SandboxConfigOptions, userns: UserNamespace): SandboxSecurityContext {
  const context = pod.spec?.securityContext;
  const policy = groupsPolicy(context, options.supportsGroupsPolicy === true);
  const all = [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []),
    ...(pod.spec?.ephemeralContainers ?? []),
  ];
  return {
    privileged: all.some((container) => container.securityContext?.privileged === true),
    seccomp: { type: 'runtimeDefault' },
    namespaceOptions: namespaceOptions(pod, userns),
    supplementalGroups: supplementalGroups(context),
    ...(policy === undefined ? {} : { supplementalGroupsPolicy: policy }),
    ...(context?.runAsUser === undefined ? {} : { runAsUser: context.runAsUser }),
    ...(context?.runAsGroup === undefined ? {} : { runAsGroup: context.runAsGroup }),
    ...(context?.seLinuxOptions ? { selinuxOptions: context.seLinuxOptions } : {}),
  };
}
