// The node's pod network: CNI's bridge with addresses of the node's pod CIDR, masquerading to the outside by our own nft table, and taking it all down.

import { mkdir } from 'node:fs/promises';
import type { Processes } from '../lib/system.ts';
import { ipv4Range } from '../lib/ipv4-range.ts';
import { hostFiles } from './files.ts';
import type { Instance } from './instance.ts';
import { natTablesState } from './nat-tables.ts';
import { must } from './processes.ts';
import { joinSysctls } from './sysctls.ts';

export interface PodNetwork {
  /** The addresses of this node's pods: 10.42.0.0/24. */
  nodePodCidr: string;
  /** The addresses of all pods: traffic to them is never translated. */
  clusterPodCidr: string;
  mtu?: number;
}

/** The conflist that containerd reads: a bridge that is the pods' gateway, and hostPorts. */
export function cniConflist(instance: Instance, network: PodNetwork): object {
  return {
    cniVersion: '1.0.0',
    name: instance.cniNetwork,
    plugins: [
      {
        type: 'bridge',
        bridge: instance.bridge,
        isGateway: true,
        // The plugin would translate pod-to-pod traffic across nodes, too: our own table does it.
        ipMasq: false,
        hairpinMode: true,
        ...(network.mtu === undefined ? {} : { mtu: network.mtu }),
        ipam: {
          type: 'host-local',
          dataDir: instance.cniStateDir,
          ranges: [[{ subnet: network.nodePodCidr }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    ],
  };
}

/** The nft script that makes the instance's table anew in one step: what leaves the pods' network is masqueraded, the rest is not. */
export function nftScript(instance: Instance, network: PodNetwork): string {
  return [
    `table ip ${instance.nftTable}`,
    `delete table ip ${instance.nftTable}`,
    `table ip ${instance.nftTable} {`,
    '  chain postrouting {',
    '    type nat hook postrouting priority srcnat; policy accept;',
    `    ip saddr ${network.nodePodCidr} ip daddr != { ${network.clusterPodCidr}, 224.0.0.0/4 } oifname != "${instance.bridge}" masquerade`,
    '  }',
    '}',
    '',
  ].join('\n');
}

/** The first address of the node's range, which its bridge has: the gateway of its pods. */
export const gatewayOf = (nodePodCidr: string): string => ipv4Range(nodePodCidr).at(1);

/** Makes the bridge as CNI's plugin would for the first pod, so that the node can listen on its address before there is one. */
async function ensureBridge(
  processes: Processes,
  { bridge }: Instance,
  { nodePodCidr, mtu }: PodNetwork,
): Promise<void> {
  const found = await processes.run(['ip', 'link', 'show', bridge]);
  if (found.exitCode !== 0) await must(processes, ['ip', 'link', 'add', bridge, 'type', 'bridge']);
  if (mtu !== undefined) await must(processes, ['ip', 'link', 'set', bridge, 'mtu', String(mtu)]);
  // Set, it stays: else it is that of some pod's link, and when that pod goes the others do not find their gateway for a while.
  const mac = (await hostFiles.readFile(`/sys/class/net/${bridge}/address`)).toString().trim();
  await must(processes, ['ip', 'link', 'set', bridge, 'address', mac]);
  const address = `${gatewayOf(nodePodCidr)}/${nodePodCidr.split('/')[1]}`;
  await must(processes, ['ip', 'address', 'replace', address, 'dev', bridge]);
  await must(processes, ['ip', 'link', 'set', bridge, 'up']);
}

interface Endpoint {
  address: string;
  port: number;
}

/** The nft script that sends what pods of the instance, or the node itself, send to the API's service to the API. */
export function apiRedirectScript(instance: Instance, service: Endpoint, api: Endpoint): string {
  const rule = `ip daddr ${service.address} tcp dport ${service.port} dnat to ${api.address}:${api.port}`;
  const table = `table ip ${instance.nftTable}`;
  return [
    `add chain ip ${instance.nftTable} api-of-pods { type nat hook prerouting priority dstnat; policy accept; }`,
    `add chain ip ${instance.nftTable} api-of-node { type nat hook output priority -100; policy accept; }`,
    `flush chain ip ${instance.nftTable} api-of-pods`,
    `flush chain ip ${instance.nftTable} api-of-node`,
    `${table} {`,
    `  chain api-of-pods { iifname "${instance.bridge}" ${rule}; }`,
    `  chain api-of-node { ${rule}; }`,
    '}',
    '',
  ].join('\n');
}

/**
 * Makes the API reachable under its service's address, until there is a service proxy. The route goes with the bridge, the
 * rules with the instance's table. Idempotent.
 */
export async function redirectApi(
  processes: Processes,
  instance: Instance,
  service: Endpoint,
  api: Endpoint,
): Promise<void> {
  await must(processes, ['nft', '-f', '-'], { input: apiRedirectScript(instance, service, api) });
  // Without a route to it a packet of the node never comes to the rules.
  await must(processes, [
    'ip',
    'route',
    'replace',
    `${service.address}/32`,
    'dev',
    instance.bridge,
    'src',
    api.address,
  ]);
}

/** Writes the CNI configuration and sets up translation and forwarding. Idempotent; run at every start. */
export async function setUpPodNetwork(processes: Processes, instance: Instance, network: PodNetwork): Promise<void> {
  await joinSysctls(instance.id, undefined, undefined, [natTablesState(processes)]);
  await must(processes, ['nft', '-f', '-'], { input: nftScript(instance, network) });
  await ensureBridge(processes, instance, network);
  await mkdir(instance.cniStateDir, { recursive: true, mode: 0o700 });
  await mkdir(instance.cniConfDir, { recursive: true, mode: 0o700 });
  const text = JSON.stringify(cniConflist(instance, network), null, 2);
  const path = `${instance.cniConfDir}/10-peapod.conflist`;
  const before = await hostFiles.readFile(path).catch(() => Buffer.alloc(0));
  // containerd reloads the network on every change, so an unchanged file is left alone.
  if (before.toString() !== text) await hostFiles.writeFileAtomic(path, text, 0o600);
}

const linkNames = (json: string): string[] => {
  const parsed: unknown = JSON.parse(json === '' ? '[]' : json);
  if (!Array.isArray(parsed)) return [];
  return parsed.flatMap((link: unknown) =>
    typeof link === 'object' && link !== null && 'ifname' in link && typeof link.ifname === 'string'
      ? [link.ifname]
      : [],
  );
};

/** portmap's rules and chains that belong to the network, as iptables arguments that remove them, in order. `saved` is iptables-save's nat table. */
export function portmapLeftovers(saved: string, cniNetwork: string): string[][] {
  const lines = saved.split('\n');
  const mark = `dnat name: \\"${cniNetwork}\\"`;
  const jumps = lines.filter((line) => line.startsWith('-A CNI-HOSTPORT-DNAT ') && line.includes(mark));
  const chains = [...new Set(jumps.flatMap((line) => / -j (CNI-DN-\w+)/.exec(line)?.slice(1) ?? []))];
  const removals = [
    ...jumps.map(deletionOf),
    ...chains.flatMap((chain) => [
      ['-F', chain],
      ['-X', chain],
    ]),
  ];
  const others = lines.filter((line) => line.startsWith('-A CNI-HOSTPORT-DNAT ')).length - jumps.length;
  return others > 0 ? removals : [...removals, ...lastPortmapChains(lines)];
}

const portmapChains = ['CNI-HOSTPORT-DNAT', 'CNI-HOSTPORT-MASQ', 'CNI-HOSTPORT-SETMARK'];

/** portmap's common chains, once no network uses them. */
function lastPortmapChains(lines: readonly string[]): string[][] {
  const present = portmapChains.filter((chain) => lines.some((line) => line.startsWith(`:${chain} `)));
  const jumps = lines.filter((line) => present.some((chain) => line.endsWith(` -j ${chain}`)));
  return [...jumps.map(deletionOf), ...present.map((chain) => ['-F', chain]), ...present.map((chain) => ['-X', chain])];
}

/** `-A CHAIN rule` as the arguments of `-D CHAIN rule`; quoted words stay one argument. */
function deletionOf(line: string): string[] {
  const words = line.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? [];
  return [
    '-D',
    ...words.slice(1).map((word) => (word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, '$1') : word)),
  ];
}

/** Removes the instance's bridge with the veths on it, its nft table and its hostPort rules. What is not there is no error. */
export async function removePodNetwork(processes: Processes, instance: Instance): Promise<void> {
  const onBridge = await processes.run(['ip', '-json', 'link', 'show', 'master', instance.bridge]);
  for (const name of linkNames(onBridge.exitCode === 0 ? onBridge.stdout : ''))
    await processes.run(['ip', 'link', 'delete', name]);
  await processes.run(['ip', 'link', 'delete', instance.bridge]);
  await processes.run(['nft', 'delete', 'table', 'ip', instance.nftTable]);
  const saved = await processes.run(['iptables-save', '-t', 'nat']).catch(() => undefined);
  if (saved?.exitCode !== 0) return;
  for (const args of portmapLeftovers(saved.stdout, instance.cniNetwork))
    await processes.run(['iptables', '-t', 'nat', ...args]);
}
