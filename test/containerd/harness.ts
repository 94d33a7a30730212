// Starts an instance's containerd with its network and images for a test, and takes everything away again.
import { existsSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { connectRuntime, type RuntimeConnection, waitForRuntime } from '../../src/cri/grpc/connect-runtime.ts';
import { openCgroups } from '../../src/host/cgroups.ts';
import { type Containerd, findCniPlugins, findProgram, startContainerd } from '../../src/host/containerd.ts';
import { type ImageStore, imageStoreOf } from '../../src/host/image-store.ts';
import { infraImage } from '../../src/host/infra-image.ts';
import { type Instance, instanceOf } from '../../src/host/instance.ts';
import { describeMachine, type Machine } from '../../src/host/machine.ts';
import { setUpPodNetwork } from '../../src/host/network.ts';
import { hostProcesses } from '../../src/host/processes.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { removeInstance } from '../../src/host/remove-instance.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { startedInFile } from '../support/in-file.ts';

/** Why containers cannot run here; undefined when they can. */
export async function whyNoContainers(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'not Linux';
  if (process.getuid?.() !== 0) return 'not root';
  for (const name of ['containerd', 'runc', 'nft', 'ip', 'catatonit'])
    if (!(await findProgram(name))) return `${name} is not installed`;
  if (!(await findCniPlugins())) return 'no CNI plugins';
  if (!existsSync('fixtures/images/busybox.tar')) return 'no fixture images: run `npm run fixtures`';
  return (await openCgroups()) ? undefined : 'no cgroups';
}

export interface TestNode {
  instance: Instance;
  machine: Machine;
  containerd: Containerd;
  connection: RuntimeConnection;
  images: ImageStore;
  /** Starts containerd again as a later life of Peapod would. */
  startAgain(): Promise<Containerd>;
  /** Safe to call twice. */
  cleanUp(): Promise<void>;
}

/** `podCidr` must differ between nodes that live at the same time. It is taken away with the test file at the latest. */
export const startTestNode = (
  podCidr: string,
  runtime: 'runc' | 'crun' = 'runc',
  mirrors: ReadonlyMap<string, string[]> = new Map(),
): Promise<TestNode> =>
  startedInFile(
    () => startOwn(podCidr, runtime, mirrors),
    (node) => node.cleanUp(),
  );

async function startOwn(
  podCidr: string,
  runtime: 'runc' | 'crun',
  mirrors: ReadonlyMap<string, string[]>,
): Promise<TestNode> {
  const dataDir = await realpath(await mkdtemp('/tmp/peapod-test-'));
  const instance = instanceOf(dataDir);
  const cleanUp = async (): Promise<void> => {
    await removeInstance(hostProcesses, instance);
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const machine = await describeMachine();
    const pause = await infraImage(machine.architecture);
    await setUpPodNetwork(hostProcesses, instance, { nodePodCidr: podCidr, clusterPodCidr: podCidr });
    const startAgain = (): Promise<Containerd> =>
      startContainerd({
        instance,
        machine,
        runtime,
        sandboxImage: pause.name,
        mirrors,
        clock: realClock,
        logger: silentLogger,
        ready: (socket, signal) => waitForRuntime(socket, realClock, { timeoutMs: 20_000, signal }),
      });
    const containerd = await startAgain();
    const images = imageStoreOf(hostProcesses, instance);
    await images.loadTar(pause.tar);
    const connection = connectRuntime(containerd.socketPath, realClock);
    let gone: Promise<void> | undefined;
    const takeAway = async (): Promise<void> => {
      connection.close();
      await node.containerd.release();
      await cleanUp();
    };
    const node: TestNode = {
      instance,
      machine,
      containerd,
      connection,
      images,
      startAgain,
      cleanUp: () => (gone ??= takeAway()),
    };
    return node;
  } catch (error) {
    await cleanUp();
    throw error;
  }
}
