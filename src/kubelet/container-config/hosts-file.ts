// The content of a pod's /etc/hosts. Follows managedHostsFileContent and nodeHostsFileContent in pkg/kubelet/kubelet_pods.go of v1.36.

import type { HostAlias } from '../../api/generated/types.ts';

const header = '# Kubernetes-managed hosts file.\n';
const hostNetworkHeader = '# Kubernetes-managed hosts file (host network).\n';
const localEntries = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'fe00::0\tip6-mcastprefix',
  'fe00::1\tip6-allnodes',
  'fe00::2\tip6-allrouters',
];

const lines = (entries: readonly string[]): string => entries.map((entry) => `${entry}\n`).join('');

function aliasEntries(aliases: readonly HostAlias[]): string {
  if (aliases.length === 0) return '';
  const entries = aliases.map((alias) => [alias.ip, ...(alias.hostnames ?? [])].join('\t'));
  // Without names the address is still followed by its tab.
  const shown = entries.map((entry, i) => (aliases[i]?.hostnames?.length ? entry : `${entry}\t`));
  return `\n# Entries added by HostAliases.\n${lines(shown)}`;
}

/** For a pod with its own network: localhost, one line per pod IP, and the aliases. `domain` is empty without a subdomain. */
export function podHostsFile(
  podIPs: readonly string[],
  hostname: string,
  domain: string,
  aliases: readonly HostAlias[] = [],
): string {
  const names = domain === '' ? hostname : `${hostname}.${domain}\t${hostname}`;
  return header + lines(localEntries) + lines(podIPs.map((ip) => `${ip}\t${names}`)) + aliasEntries(aliases);
}

/** For a pod in the host's network: the host's own file and the aliases. */
export function hostNetworkHostsFile(nodeFile: string, aliases: readonly HostAlias[] = []): string {
  return hostNetworkHeader + nodeFile + aliasEntries(aliases);
}
