// The hostname and domain of a pod. Follows GeneratePodHostNameAndDomain in pkg/kubelet/kubelet_pods.go and
// GetNodenameForKernel in pkg/kubelet/util/util.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { goQuote } from '../../api/meta/go-format.ts';

export interface PodHostname {
  hostname: string;
  /** `<subdomain>.<namespace>.svc.<clusterDomain>`, or empty. */
  domain: string;
}

const maxHostname = 63;
const maxFqdn = 64;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

function checkLabel(field: string, value: string): void {
  if (value.length > 63 || !label.test(value)) {
    const reasons = [
      ...(value.length > 63 ? ['must be no more than 63 characters'] : []),
      ...(label.test(value)
        ? []
        : [
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
          ]),
    ];
    throw new Error(`pod ${field} ${goQuote(value)} is not a valid DNS label: ${reasons.join(';')}`);
  }
}

/** The first 63 characters, without a dash or dot at the end. */
function truncated(podName: string, hostname: string): string {
  if (hostname.length <= maxHostname) return hostname;
  const cut = hostname.slice(0, maxHostname).replace(/[-.]+$/, '');
  if (cut === '') throw new Error(`hostname for pod ${goQuote(podName)} was invalid: ${goQuote(hostname)}`);
  return cut;
}

/** What the pod calls itself in /etc/hosts. Throws for names that validation should have refused. */
export function podHostname(pod: Pod, clusterDomain: string): PodHostname {
  const { hostname, subdomain, hostnameOverride } = pod.spec ?? {};
  const podName = pod.metadata?.name ?? '';
  if (hostnameOverride !== undefined) return { hostname: truncated(podName, hostnameOverride), domain: '' };
  if (hostname) checkLabel('Hostname', hostname);
  if (subdomain) checkLabel('Subdomain', subdomain);
  return {
    hostname: truncated(podName, hostname || podName),
    domain: subdomain ? `${subdomain}.${pod.metadata?.namespace ?? ''}.svc.${clusterDomain}` : '',
  };
}

/** What the kernel of the sandbox says its name is: the FQDN with setHostnameAsFQDN, which must fit in 64 characters. */
export function kernelHostname(name: PodHostname, setHostnameAsFQDN: boolean | undefined): string {
  if (!setHostnameAsFQDN || name.domain === '') return name.hostname;
  const fqdn = `${name.hostname}.${name.domain}`;
  if (fqdn.length > maxFqdn) {
    throw new Error(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${fqdn} is too long (${maxFqdn} characters is the max, ${fqdn.length} characters requested)`,
    );
  }
  return fqdn;
}
