import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec } from '../../api/generated/types.ts';
import { type DnsSettings, parseResolvConf, podDns } from './pod-dns.ts';

const podOf = (spec: Partial<PodSpec> = {}): Pod =>
  ({
    metadata: { name: 'web', namespace: 'shop', uid: 'u-1' },
    spec: { containers: [], dnsPolicy: 'ClusterFirst', ...spec },
  }) as unknown as Pod;
const host = { servers: ['192.0.2.53'], searches: ['corp.example'], options: ['timeout:1'] };
const settings: DnsSettings = {
  clusterDns: ['10.43.0.10'],
  clusterDomain: 'cluster.local',
  host,
  nodeIPs: ['192.0.2.1'],
};
const cluster = {
  servers: ['10.43.0.10'],
  searches: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example'],
  options: ['ndots:5'],
};

it('parses resolv.conf as the resolver does', () => {
  const text = [
    '# comment',
    'nameserver 1.1.1.1 ignored',
    '  nameserver\t2001:db8::1',
    'search old.example',
    'search a.example. . b.example',
    'options ndots:1',
    'options timeout:3 rotate',
    'sortlist 1.2.3.4',
    '',
  ].join('\n');
  expect(parseResolvConf(text)).toEqual({
    servers: ['1.1.1.1', '2001:db8::1'],
    searches: ['a.example', '.', 'b.example'],
    options: ['timeout:3', 'rotate'],
  });
  expect(() => parseResolvConf('nameserver')).toThrow('nameserver list is empty');
});

describe('podDns', () => {
  it.each([
    ['ClusterFirst', {}, cluster],
    ['ClusterFirst on the host network', { hostNetwork: true }, host],
    ['ClusterFirstWithHostNet', { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }, cluster],
    ['Default', { dnsPolicy: 'Default' }, host],
    [
      'None',
      { dnsPolicy: 'None', dnsConfig: { nameservers: ['9.9.9.9'] } },
      { servers: ['9.9.9.9'], searches: [], options: [] },
    ],
  ] as [string, Partial<PodSpec>, unknown][])('%s', (_, spec, expected) => {
    expect(podDns(podOf(spec), settings)).toEqual({ config: expected, events: [] });
  });

  it('merges dnsConfig', () => {
    const dnsConfig = {
      nameservers: ['10.43.0.10', '9.9.9.9'],
      searches: ['svc.cluster.local', 'my.example'],
      options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
    };
    expect(podDns(podOf({ dnsConfig }), settings).config).toEqual({
      servers: ['10.43.0.10', '9.9.9.9'],
      searches: [...cluster.searches, 'my.example'],
      options: ['ndots:2', 'edns0'],
    });
  });

  it('falls back to the node where no cluster DNS is served, and says so', () => {
    const { config, events } = podDns(podOf(), { ...settings, clusterDns: [] });
    const message =
      'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.';
    expect(config).toEqual(host);
    expect(events).toEqual([
      { reason: 'MissingClusterDNS', message, onNode: true },
      { reason: 'MissingClusterDNS', message: `pod: "web_shop(u-1)". ${message}` },
    ]);
  });

  it('points at the machine itself where the node has no resolv.conf', () => {
    const without = { ...settings, host: undefined, nodeIPs: ['192.0.2.1', '2001:db8::1'] };
    expect(podDns(podOf({ dnsPolicy: 'Default' }), without).config).toEqual({
      servers: ['127.0.0.1', '::1'],
      searches: ['.'],
      options: [],
    });
  });

  it('keeps to the limits of the resolver', () => {
    const dnsConfig = {
      nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3'],
      searches: ['x'.repeat(254), ...Array.from({ length: 40 }, (_, i) => `d${i}.example`)],
    };
    const { config, events } = podDns(podOf({ dnsConfig }), settings);
    expect(config.servers).toEqual(['10.43.0.10', '1.1.1.1', '1.1.1.2']);
    expect(config.searches).toHaveLength(31);
    expect(events.map((event) => event.message)).toEqual([
      'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.43.0.10 1.1.1.1 1.1.1.2',
      `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${config.searches.join(' ')}`,
    ]);
    const wide = { searches: Array.from({ length: 20 }, (_, i) => `${'y'.repeat(200)}${i}`) };
    expect(podDns(podOf({ dnsConfig: wide }), settings).config.searches.join(' ').length).toBeLessThanOrEqual(2048);
  });
});
