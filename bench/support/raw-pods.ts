// The peer of the kubelet's benchmark: the bare CRI calls that a pod needs, against the same containerd, with nothing around
// them. The runtime is asked for what a kubelet asks of it for such a pod, the mounts included.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectRuntime } from '../../src/cri/grpc/connect-runtime.ts';
import type { ContainerConfig, RuntimeMount, RuntimeService, SandboxConfig } from '../../src/cri/runtime.ts';
import { instanceOf } from '../../src/host/instance.ts';
import { realClock } from '../../src/host/real-clock.ts';

export interface RawPod {
  sandbox: string;
  container: string;
}

export interface RawPods {
  runtime: RuntimeService;
  /** RunPodSandbox, CreateContainer, StartContainer. */
  start(): Promise<RawPod>;
  /** StopContainer, StopPodSandbox, RemovePodSandbox. */
  end(pod: RawPod): Promise<void>;
  close(): void;
}

/**
 * Raw pods in the containerd of a data folder (its real path). They carry none of the labels by which a kubelet knows its
 * own, so that it leaves them alone.
 */
export function rawPods(dataDir: string, image: string, command: string[]): RawPods {
  const instance = instanceOf(dataDir);
  const { runtime, close } = connectRuntime(instance.containerdSocket, realClock);
  const logs = join(dataDir, 'bench-logs');
  const files = join(dataDir, 'bench-files');
  let made = 0;
  /** What every container of a pod has: a hosts file, a termination log, and the token of its service account. */
  const mountsOf = (name: string): RuntimeMount[] => {
    const folder = join(files, name);
    mkdirSync(join(folder, 'token'), { recursive: true });
    for (const file of ['hosts', 'log', 'token/token']) writeFileSync(join(folder, file), '');
    return [
      { containerPath: '/etc/hosts', hostPath: join(folder, 'hosts'), selinuxRelabel: true },
      { containerPath: '/dev/termination-log', hostPath: join(folder, 'log'), selinuxRelabel: true },
      {
        containerPath: '/var/run/secrets/kubernetes.io/serviceaccount',
        hostPath: join(folder, 'token'),
        readonly: true,
      },
    ];
  };
  return {
    runtime,
    async start() {
      const name = `raw-${++made}`;
      const logDirectory = join(logs, name);
      mkdirSync(join(logDirectory, 'main'), { recursive: true });
      const sandboxConfig: SandboxConfig = {
        metadata: { name, namespace: 'bench', uid: `${name}-${process.pid}`, attempt: 0 },
        hostname: name,
        logDirectory,
        linux: {
          cgroupParent: `${instance.cgroupRoot}/bench`,
          securityContext: {
            seccomp: { type: 'runtimeDefault' },
            namespaceOptions: { network: 'pod', pid: 'container', ipc: 'pod' },
          },
        },
      };
      const config: ContainerConfig = {
        metadata: { name: 'main', attempt: 0 },
        image: { image },
        command,
        mounts: mountsOf(name),
        logPath: 'main/0.log',
        linux: {
          resources: { cpuShares: 2, oomScoreAdj: 1000 },
          securityContext: {
            seccomp: { type: 'unconfined' },
            namespaceOptions: { network: 'pod', pid: 'container', ipc: 'pod' },
          },
        },
      };
      const sandbox = await runtime.runPodSandbox(sandboxConfig);
      const container = await runtime.createContainer(sandbox, config, sandboxConfig);
      await runtime.startContainer(container);
      return { sandbox, container };
    },
    async end({ sandbox, container }) {
      await runtime.stopContainer(container, 30);
      await runtime.stopPodSandbox(sandbox);
      await runtime.removePodSandbox(sandbox);
    },
    close() {
      close();
      for (const folder of [logs, files]) rmSync(folder, { recursive: true, force: true });
    },
  };
}
