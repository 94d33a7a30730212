// The DNS settings of a pod, by its dnsPolicy and dnsConfig. Follows pkg/kubelet/network/dns/dns.go of v1.36.

import type { Pod, PodDNSConfig } from '../../api/generated/types.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import type { DnsConfig } from '../../cri/runtime.ts';
import { podDescription } from '../container-config/security-context.ts';

const maxNameservers = 3;
const maxSearches = 32;
const maxSearchLine = 2048;
const maxDomain = 253;

export interface DnsSettings {
  /** Addresses of the cluster's DNS; empty where none is served. */
  clusterDns: readonly string[];
  clusterDomain: string;
  /** What the node itself uses; undefined where pods get no outside DNS at all. */
  host: Required<DnsConfig> | undefined;
  nodeIPs: readonly string[];
}

/** An event to record about the pod (or, with `onNode`, about the node). */
export interface DnsEvent {
  reason: 'MissingClusterDNS' | 'DNSConfigForming';
  message: string;
  onNode?: boolean;
}

export interface PodDns {
  config: Required<DnsConfig>;
  events: DnsEvent[];
}

/** Reads a resolv.conf: nameservers add up, of search and options the last line counts. */
export function parseResolvConf(text: string): Required<DnsConfig> {
  const config: Required<DnsConfig> = { servers: [], searches: [], options: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === 'nameserver') {
      if (values[0] === undefined) throw new Error('nameserver list is empty ');
      config.servers.push(values[0]);
    } else if (keyword === 'search') {
      // The same domain with and without its last dot counts once; "." alone is the root and stays.
      config.searches = values.map((domain) => (domain === '.' ? domain : domain.replace(/\.$/, '')));
    } else if (keyword === 'options') config.options = values;
  }
  return config;
}

type DnsKind = 'cluster' | 'host' | 'none';

function dnsKind(pod: Pod): DnsKind {
  switch (pod.spec?.dnsPolicy) {
    case 'None':
      return 'none';
    case 'Default':
      return 'host';
    case 'ClusterFirstWithHostNet':
      return 'cluster';
    default:
      return pod.spec?.hostNetwork ? 'host' : 'cluster';
  }
}

const unique = (values: readonly string[]): string[] => [...new Set(values)];

function clusterConfig(pod: Pod, settings: DnsSettings): Required<DnsConfig> {
  const { clusterDomain: domain, host } = settings;
  const namespace = pod.metadata?.namespace ?? '';
  const own = domain === '' ? [] : [`${namespace}.svc.${domain}`, `svc.${domain}`, domain];
  return {
    servers: [...settings.clusterDns],
    searches: unique([...own, ...(host?.searches ?? [])]),
    options: ['ndots:5'],
  };
}

/** What the node has; without a resolv.conf the machine itself is asked, which in a pod disables look-ups. */
function hostConfig(settings: DnsSettings): Required<DnsConfig> {
  if (settings.host) return { ...settings.host };
  const loopback = settings.nodeIPs.map((ip) => (ip.includes(':') ? '::1' : '127.0.0.1'));
  return { servers: loopback.length > 0 ? loopback : ['127.0.0.1'], searches: ['.'], options: [] };
}

/** Options by name: the pod's replace those of the same name and keep their place. */
function mergeOptions(options: readonly string[], own: NonNullable<PodDNSConfig['options']>): string[] {
  const merged = new Map<string, string>();
  for (const option of options) {
    const colon = option.indexOf(':');
    if (colon < 0) merged.set(option, '');
    else merged.set(option.slice(0, colon), option.slice(colon + 1));
  }
  for (const option of own) merged.set(option.name ?? '', option.value ?? '');
  return [...merged].map(([name, value]) => (value === '' ? name : `${name}:${value}`));
}

function withPodConfig(config: Required<DnsConfig>, own: PodDNSConfig | undefined): Required<DnsConfig> {
  if (!own) return config;
  return {
    servers: unique([...config.servers, ...(own.nameservers ?? [])]),
    searches: unique([...config.searches, ...(own.searches ?? [])]),
    options: mergeOptions(config.options, own.options ?? []),
  };
}

function fitServers(servers: string[], events: DnsEvent[]): string[] {
  if (servers.length <= maxNameservers) return servers;
  const kept = servers.slice(0, maxNameservers);
  const message = `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${kept.join(' ')}`;
  events.push({ reason: 'DNSConfigForming', message });
  return kept;
}

function fitSearches(searches: string[], events: DnsEvent[]): string[] {
  const kept = searches.slice(0, maxSearches).filter((domain) => domain.length <= maxDomain);
  while (kept.join(' ').length > maxSearchLine) kept.pop();
  if (kept.length < searches.length) {
    const message = `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${kept.join(' ')}`;
    events.push({ reason: 'DNSConfigForming', message });
  }
  return kept;
}

function baseConfig(pod: Pod, settings: DnsSettings, events: DnsEvent[]): Required<DnsConfig> {
  const kind = dnsKind(pod);
  switch (kind) {
    case 'none':
      return { servers: [], searches: [], options: [] };
    case 'host':
      return hostConfig(settings);
    case 'cluster': {
      if (settings.clusterDns.length > 0) return clusterConfig(pod, settings);
      const message =
        'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.';
      events.push({ reason: 'MissingClusterDNS', message, onNode: true });
      events.push({ reason: 'MissingClusterDNS', message: `pod: ${goQuote(podDescription(pod))}. ${message}` });
      return hostConfig(settings);
    }
    default:
      return kind satisfies never;
  }
}

/** The settings for the pod's resolv.conf, within the resolver's limits, and the events to record. */
export function podDns(pod: Pod, settings: DnsSettings): PodDns {
  const events: DnsEvent[] = [];
  const merged = withPodConfig(baseConfig(pod, settings, events), pod.spec?.dnsConfig);
  return {
    config: {
      servers: fitServers(merged.servers, events),
      searches: fitSearches(merged.searches, events),
      options: merged.options,
    },
    events,
  };
}
