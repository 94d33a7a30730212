import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec } from '../../api/generated/types.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { findResolvConf } from './host-resolv-conf.ts';
import type { DnsEvent } from './pod-dns.ts';
import { createSandboxConfigBuilder, type SandboxConfigOptions } from './sandbox-config-builder.ts';

const podOf = (spec: Partial<PodSpec> = {}): Pod =>
  ({
    metadata: { name: 'web', namespace: 'shop', uid: 'u-1', labels: { app: 'web' }, annotations: { note: 'x' } },
    spec: { containers: [{ name: 'app' }], dnsPolicy: 'ClusterFirst', ...spec },
  }) as unknown as Pod;

async function builderWith(change: Partial<SandboxConfigOptions> = {}) {
  const files = createMemoryFiles();
  await files.mkdir('/etc');
  await files.writeFile('/etc/resolv.conf', 'nameserver 192.0.2.53\nsearch corp.example\n');
  const events: DnsEvent[] = [];
  const nodeEvents: DnsEvent[] = [];
  const builder = createSandboxConfigBuilder({
    files,
    podLogsRoot: '/logs/pods',
    clusterDns: ['10.43.0.10'],
    clusterDomain: 'cluster.local',
    resolvConf: '/etc/resolv.conf',
    nodeIPs: () => ['192.0.2.1'],
    warn: (_, event) => events.push(event),
    warnNode: (event) => nodeEvents.push(event),
    userNamespaces: { of: async () => nodeUsers },
    ...change,
  });
  return { files, events, nodeEvents, builder };
}
const nodeUsers = { mode: 'node' as const, uids: [], gids: [] };
const input = { attempt: 0, cgroupParent: '/kubepods/besteffort/podu-1' };

describe('createSandboxConfigBuilder', () => {
  it('builds a plain pod', async () => {
    const { builder, files } = await builderWith();
    expect(await builder.build(podOf(), { ...input, attempt: 2 })).toEqual({
      metadata: { name: 'web', namespace: 'shop', uid: 'u-1', attempt: 2 },
      hostname: 'web',
      logDirectory: '/logs/pods/shop_web_u-1',
      dnsConfig: {
        servers: ['10.43.0.10'],
        searches: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example'],
        options: ['ndots:5'],
      },
      portMappings: [],
      labels: {
        app: 'web',
        'io.kubernetes.pod.name': 'web',
        'io.kubernetes.pod.namespace': 'shop',
        'io.kubernetes.pod.uid': 'u-1',
      },
      annotations: { note: 'x' },
      linux: {
        cgroupParent: '/kubepods/besteffort/podu-1',
        sysctls: {},
        securityContext: {
          privileged: false,
          seccomp: { type: 'runtimeDefault' },
          namespaceOptions: { network: 'pod', ipc: 'pod', pid: 'container', userns: nodeUsers },
          supplementalGroups: [],
        },
      },
    });
    expect((await files.stat('/logs/pods/shop_web_u-1'))?.kind).toBe('directory');
  });

  it("has no hostname in the host's network", async () => {
    const { builder } = await builderWith();
    const config = await builder.build(podOf({ hostNetwork: true, hostname: 'x' }), input);
    expect(config.hostname).toBe('');
    expect(config.dnsConfig?.servers).toEqual(['192.0.2.53']);
    expect(config.linux?.securityContext?.namespaceOptions?.network).toBe('node');
  });

  it('is the FQDN where the pod asks for it', async () => {
    const { builder } = await builderWith();
    const config = await builder.build(podOf({ subdomain: 'cache', setHostnameAsFQDN: true }), input);
    expect(config.hostname).toBe('web.cache.shop.svc.cluster.local');
  });

  it('maps ports, security and sysctls', async () => {
    const { builder } = await builderWith();
    const config = await builder.build(
      podOf({
        containers: [
          {
            name: 'a',
            ports: [
              { containerPort: 80, hostPort: 8080, hostIP: '127.0.0.1', protocol: 'TCP' },
              { containerPort: 53, hostPort: 53, protocol: 'UDP' },
              { containerPort: 90, protocol: 'TCP' },
              { containerPort: 90, protocol: 'TCP' },
            ],
          },
        ],
        initContainers: [{ name: 'i', securityContext: { privileged: true } }],
        securityContext: {
          runAsUser: 1000,
          runAsGroup: 3000,
          fsGroup: 2000,
          supplementalGroups: [4000],
          sysctls: [
            { name: 'kernel.shm_rmid_forced', value: '1' },
            { name: 'net/ipv4/conf/eth0.1/rp_filter', value: '2' },
          ],
        },
      }),
      input,
    );
    expect(config.portMappings).toEqual([
      { protocol: 'TCP', containerPort: 80, hostPort: 8080, hostIp: '127.0.0.1' },
      { protocol: 'UDP', containerPort: 53, hostPort: 53 },
      { protocol: 'TCP', containerPort: 90, hostPort: 0 },
    ]);
    expect(config.linux?.securityContext).toMatchObject({
      privileged: true,
      runAsUser: 1000,
      runAsGroup: 3000,
      supplementalGroups: [2000, 4000],
    });
    expect(config.linux?.sysctls).toEqual({
      'kernel.shm_rmid_forced': '1',
      'net.ipv4.conf.eth0/1.rp_filter': '2',
    });
  });

  it('warns once per sandbox that no cluster DNS is served', async () => {
    const { builder, events, nodeEvents } = await builderWith({ clusterDns: [] });
    const config = await builder.build(podOf(), input);
    await builder.build(podOf(), input);
    expect(config.dnsConfig).toEqual({ servers: ['192.0.2.53'], searches: ['corp.example'], options: [] });
    expect(events.map((event) => event.reason)).toEqual(['MissingClusterDNS']);
    expect(nodeEvents).toHaveLength(1);
    await builder.build(podOf(), { ...input, attempt: 1 });
    expect(events).toHaveLength(2);
  });

  it('has the users that the pod is given, or fails as that does', async () => {
    const mapping = { hostId: 131_072, containerId: 0, length: 65_536 };
    const userns = { mode: 'pod' as const, uids: [mapping], gids: [mapping] };
    const { builder } = await builderWith({ userNamespaces: { of: async () => userns } });
    const config = await builder.build(podOf({ hostUsers: false }), input);
    expect(config.linux?.securityContext?.namespaceOptions?.userns).toEqual(userns);
    const refusing = await builderWith({ userNamespaces: { of: () => Promise.reject(new Error('no range')) } });
    await expect(refusing.builder.build(podOf({ hostUsers: false }), input)).rejects.toThrow('no range');
  });
});

describe('findResolvConf', () => {
  it.each([
    ['nameserver 192.0.2.1', undefined, '/etc/resolv.conf'],
    ['nameserver 127.0.0.53', 'nameserver 192.0.2.1', '/run/systemd/resolve/resolv.conf'],
    ['nameserver 127.0.0.1', undefined, '/etc/resolv.conf'],
    [undefined, undefined, ''],
  ])('%s and %s → %s', async (own, resolved, expected) => {
    const files = createMemoryFiles();
    await files.mkdir('/etc');
    await files.mkdir('/run/systemd/resolve', { recursive: true });
    if (own) await files.writeFile('/etc/resolv.conf', own);
    if (resolved) await files.writeFile('/run/systemd/resolve/resolv.conf', resolved);
    expect(await findResolvConf(files)).toBe(expected);
  });
});
