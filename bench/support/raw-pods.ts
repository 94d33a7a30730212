// The peer of the kubelet's benchmark: the bare CRI calls that a pod needs, against the same containerd, with nothing around them.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { connectRuntime } from '../../src/cri/grpc/connect-runtime.ts';
import type { ContainerConfig, RuntimeService, SandboxConfig } from '../../src/cri/runtime.ts';
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
  let made = 0;
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
      rmSync(logs, { recursive: true, force: true });
    },
  };
}
