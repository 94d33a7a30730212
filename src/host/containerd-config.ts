// The config.toml and registry hosts files of an instance's own containerd. Pure.

import type { Instance } from './instance.ts';

export interface ContainerdSettings {
  /** Default runtime of pods that name no runtime class. */
  runtime: 'runc' | 'crun';
  /** Absolute paths of the programs that are there. */
  binaries: { runc?: string; crun?: string };
  cniBinDir: string;
  sandboxImage: string;
  snapshotter: string;
  appArmor: boolean;
  /** Least oom_score_adj that works for us; above -1000 negative values are clamped. */
  leastOomScoreAdj: number;
  /** Whether cgroups account for huge pages. */
  hugetlb: boolean;
}

// JSON strings are TOML basic strings.
const quote = (text: string): string => JSON.stringify(text);
const cri = 'plugins."io.containerd.grpc.v1.cri"';

function runtimeSection(name: string, binary: string): string[] {
  return [
    `[${cri}.containerd.runtimes.${name}]`,
    'runtime_type = "io.containerd.runc.v2"',
    `[${cri}.containerd.runtimes.${name}.options]`,
    `BinaryName = ${quote(binary)}`,
    'SystemdCgroup = false',
    '',
  ];
}

/** The text of config.toml, version 2 (containerd 1.6, 1.7 and 2.x take it). */
export function containerdConfig(instance: Instance, settings: ContainerdSettings): string {
  const { binaries } = settings;
  return [
    'version = 2',
    `root = ${quote(instance.containerdRootDir)}`,
    `state = ${quote(instance.containerdStateDir)}`,
    `oom_score = ${Math.max(settings.leastOomScoreAdj, -999)}`,
    'disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]',
    '',
    '[grpc]',
    `address = ${quote(instance.containerdSocket)}`,
    '',
    `[${cri}]`,
    `sandbox_image = ${quote(settings.sandboxImage)}`,
    'stream_server_address = "127.0.0.1"',
    'stream_server_port = "0"',
    'enable_tls_streaming = false',
    `disable_apparmor = ${!settings.appArmor}`,
    `restrict_oom_score_adj = ${settings.leastOomScoreAdj > -1000}`,
    `disable_hugetlb_controller = ${!settings.hugetlb}`,
    'tolerate_missing_hugetlb_controller = true',
    'netns_mounts_under_state_dir = true',
    '',
    `[${cri}.containerd]`,
    `snapshotter = ${quote(settings.snapshotter)}`,
    `default_runtime_name = ${quote(settings.runtime)}`,
    '',
    ...(binaries.runc === undefined ? [] : runtimeSection('runc', binaries.runc)),
    ...(binaries.crun === undefined ? [] : runtimeSection('crun', binaries.crun)),
    `[${cri}.cni]`,
    `bin_dir = ${quote(settings.cniBinDir)}`,
    `conf_dir = ${quote(instance.cniConfDir)}`,
    'max_conf_num = 1',
    '',
    `[${cri}.registry]`,
    `config_path = ${quote(instance.registryDir)}`,
    '',
  ].join('\n');
}

/**
 * hosts.toml for a registry whose pulls go to mirrors first and to the registry itself after them. Mirrors are URLs; plain
 * http is taken as the user wrote it. docker.io's own server is registry-1.docker.io.
 */
export function registryHosts(host: string, mirrors: readonly string[]): string {
  const server = host === 'docker.io' ? 'https://registry-1.docker.io' : `https://${host}`;
  const lines = [`server = ${quote(server)}`, ''];
  for (const mirror of mirrors) lines.push(`[host.${quote(mirror)}]`, 'capabilities = ["pull", "resolve"]', '');
  return lines.join('\n');
}

/** Parses the values of --registry-mirror, `HOST=URL`; several of one host are tried in order. Throws an Error that quotes a bad one. */
export function parseRegistryMirrors(values: readonly string[]): Map<string, string[]> {
  const mirrors = new Map<string, string[]>();
  for (const value of values) {
    const [, host, url] = /^([A-Za-z0-9.-]+(?::\d+)?)=(https?:\/\/[^\s"]+)$/.exec(value) ?? [];
    if (host === undefined || url === undefined || !URL.canParse(url))
      throw new Error(
        `invalid registry mirror ${JSON.stringify(value)}: expected HOST=URL, such as docker.io=http://127.0.0.1:5000`,
      );
    mirrors.set(host, [...(mirrors.get(host) ?? []), url.replace(/\/+$/, '')]);
  }
  return mirrors;
}
