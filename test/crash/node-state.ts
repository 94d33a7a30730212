// What an instance's pods have on the machine, and whether what the API says of them is true to the runtime.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeService } from '../../src/cri/runtime.ts';
import type { Instance } from '../../src/host/instance.ts';
import { shimsOf } from '../../src/host/shims.ts';
import { podPaths } from '../../src/kubelet/pod-paths.ts';
import { run } from '../support/run.ts';

interface ContainerState {
  running?: object;
  waiting?: { reason?: string };
  terminated?: { exitCode: number };
}

/** As much of a Pod as the chaos run looks at. */
export interface PodView {
  metadata: { name: string; uid: string; deletionTimestamp?: string };
  status: {
    phase: string;
    initContainerStatuses?: { name: string; containerID?: string; state: ContainerState }[];
    containerStatuses?: { name: string; containerID?: string; state: ContainerState }[];
  };
}

const processIds = (): string[] => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

/** The arguments of a process; none when it has ended. */
function argumentsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** The pid of the instance's containerd. */
export const containerdPid = ({ dataDir }: Instance): number | undefined =>
  processIds()
    .filter((pid) => {
      const argv = argumentsOf(pid);
      return /(^|\/)containerd$/.test(argv[0] ?? '') && argv.some((argument) => argument.includes(dataDir));
    })
    .map(Number)[0];

/** The folders below, `levels` deep; what disappears meanwhile is left out. */
function below(folder: string, levels: number): string[] {
  if (levels === 0) return [];
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) => [join(folder, name), ...below(join(folder, name), levels - 1)]);
  } catch {
    return [];
  }
}

/** Folders of pods' cgroups in every hierarchy, below the instance's own. */
function podCgroups({ cgroupRoot }: Instance): string[] {
  const roots = ['', ...readdirSync('/sys/fs/cgroup')].map((name) => join('/sys/fs/cgroup', name, cgroupRoot));
  return roots
    .filter((root) => existsSync(root))
    .flatMap((root) => below(root, 3))
    .filter((path) => /\/pod[0-9a-f-]{36}$/.test(path));
}

/** Pids of the processes in the containers of the instance's pods. */
export const containerProcesses = (instance: Instance): number[] => {
  const containers = podCgroups(instance).flatMap((folder) => below(folder, 1));
  const pids = containers.flatMap((folder) => {
    try {
      return readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n');
    } catch {
      // The container has ended in the meantime.
      return [];
    }
  });
  return [...new Set(pids)].filter((pid) => pid !== '' && pid !== '0').map(Number);
};

const entriesOf = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** All that pods leave on a machine, as lines; empty on a node without pods. */
export async function podTraces(instance: Instance, runtime: RuntimeService): Promise<string[]> {
  // One tmpfs holds what is secret of all pods, for as long as the instance lives.
  const inMemory = podPaths.memory(instance.kubeletDir);
  const [sandboxes, containers, links, rules] = await Promise.all([
    runtime.listPodSandbox(),
    runtime.listContainers(),
    run(['ip', '-o', 'link', 'show', 'master', instance.bridge]),
    run(['iptables-save']),
  ]);
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${instance.podsDir}/`) || path.startsWith(`${instance.containerdStateDir}/`))
    .filter((path) => path !== inMemory);
  const addresses = entriesOf(instance.cniStateDir)
    .flatMap((network) => entriesOf(join(instance.cniStateDir, network)))
    .filter((name) => /^\d+\.\d+\.\d+\.\d+$/.test(name));
  return [
    ...sandboxes.map(({ id, metadata }) => `sandbox ${id} of ${metadata.name}`),
    ...containers.map(({ id, metadata }) => `container ${id} ${metadata.name}`),
    ...links.stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => `link ${line}`),
    ...rules.stdout
      .split('\n')
      .filter((line) => line.includes(`"${instance.cniNetwork}"`))
      .map((line) => `rule ${line}`),
    ...mounts.map((path) => `mount ${path}`),
    ...addresses.map((address) => `address ${address}`),
    ...podCgroups(instance).map((path) => `cgroup ${path}`),
    ...[...entriesOf(instance.podsDir), ...entriesOf(inMemory)]
      .filter((name) => !name.startsWith('.'))
      .map((name) => `pod folder ${name}`),
    ...entriesOf(instance.podLogsDir).map((name) => `log folder ${name}`),
    ...(await shimsOf(instance)).map(({ pid, sandboxId }) => `shim ${pid} of ${sandboxId}`),
  ];
}

/** What the API says of the pods and the runtime does not bear out, as lines; and what the runtime holds that is of no pod. */
export async function contradictions(pods: readonly PodView[], runtime: RuntimeService): Promise<string[]> {
  const [sandboxes, containers] = await Promise.all([runtime.listPodSandbox(), runtime.listContainers()]);
  const found: string[] = [];
  const known = new Set(pods.map(({ metadata }) => metadata.uid));
  for (const { metadata } of sandboxes)
    if (!known.has(metadata.uid)) found.push(`a sandbox of ${metadata.name} ${metadata.uid}, which is no pod`);
  for (const { metadata, status } of pods) {
    const { name, uid } = metadata;
    if (metadata.deletionTimestamp !== undefined) found.push(`${name} is still being deleted`);
    const over = status.phase === 'Succeeded' || status.phase === 'Failed';
    const own = sandboxes.filter((sandbox) => sandbox.metadata.uid === uid);
    const ready = own.filter(({ state }) => state === 'ready').length;
    if (ready !== (over ? 0 : 1)) found.push(`${name} is ${status.phase} and has ${ready} ready sandboxes`);
    const ids = new Set(own.map(({ id }) => id));
    const running = containers.filter((c) => ids.has(c.sandboxId) && c.state === 'running');
    const told = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].filter(
      ({ state }) => state.running !== undefined,
    );
    for (const { name: container, containerID } of told)
      if (!running.some(({ id }) => containerID === `containerd://${id}`))
        found.push(`${name}/${container} is told to run as ${containerID}`);
    for (const { id, metadata: container } of running)
      if (!told.some(({ containerID }) => containerID === `containerd://${id}`))
        found.push(`${name}/${container.name} runs as ${id}, which is not told`);
  }
  return found;
}
