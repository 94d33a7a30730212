// The real containers of this machine: network, containerd, infra image and the image archives of the data folder.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { connectRuntime, type RuntimeConnection, waitForRuntime } from '../cri/grpc/connect-runtime.ts';
import type { RuntimeService } from '../cri/runtime.ts';
import { startContainerd } from '../host/containerd.ts';
import { hostFiles } from '../host/files.ts';
import { type ImageStore, imageStoreOf } from '../host/image-store.ts';
import { infraImage } from '../host/infra-image.ts';
import type { Instance } from '../host/instance.ts';
import { describeMachine, type Machine } from '../host/machine.ts';
import { removeLostNamespaces } from '../host/lost-namespaces.ts';
import { createHostMounts } from '../host/mounts.ts';
import { setUpPodNetwork } from '../host/network.ts';
import { hostProcesses } from '../host/processes.ts';
import { realClock } from '../host/real-clock.ts';
import { endLostShims } from '../host/shims.ts';
import { sleep } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';

export interface MachineRuntime {
  machine: Machine;
  connection: RuntimeConnection;
  images: ImageStore;
  /** The name of the image that holds pods' namespaces. */
  infraImage: string;
  /** 1.6.20 */
  version: string;
  /** Whether containerd ran already and was taken over. */
  adopted: boolean;
  /** Ends watching over containerd; it and its containers go on. */
  release(): Promise<void>;
}

export interface MachineRuntimeOptions {
  instance: Instance;
  /** The range of this node's pods. */
  nodePodCidr: string;
  clusterPodCidr: string;
  mirrors: Readonly<Record<string, string>>;
  logger: Logger;
}

const answersWithinMs = 30_000;

/** Tries again while containerd is away: it may be killed at any moment, and is brought back. */
async function whileAway<T>(work: () => Promise<T>): Promise<T> {
  const deadline = realClock.monotonic() + answersWithinMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (realClock.monotonic() > deadline) throw error;
    }
    await sleep(realClock, 200);
  }
}

/** The paths of the network namespaces that sandboxes have. Rejects where one cannot be asked: then nothing is known. */
async function networkNamespaces(runtime: RuntimeService): Promise<Set<string>> {
  const paths = new Set<string>();
  for (const { id } of await runtime.listPodSandbox()) {
    const { info } = await runtime.podSandboxStatus(id, { verbose: true });
    const { runtimeSpec } = JSON.parse(info?.['info'] ?? '{}') as {
      runtimeSpec?: { linux?: { namespaces?: { type: string; path?: string }[] } };
    };
    for (const { type, path } of runtimeSpec?.linux?.namespaces ?? [])
      if (type === 'network' && path !== undefined) paths.add(path);
  }
  return paths;
}

/** Starts (or takes over) the instance's containerd and waits until it can run pods. Idempotent. Needs root. */
export async function startMachineRuntime(options: MachineRuntimeOptions): Promise<MachineRuntime> {
  const { instance, logger } = options;
  const machine = await describeMachine();
  const [image] = await Promise.all([
    infraImage(machine.architecture),
    setUpPodNetwork(hostProcesses, instance, {
      nodePodCidr: options.nodePodCidr,
      clusterPodCidr: options.clusterPodCidr,
    }),
  ]);
  const released = new AbortController();
  const connection = connectRuntime(instance.containerdSocket, realClock);
  const sandboxes = async (): Promise<string[]> => (await connection.runtime.listPodSandbox()).map(({ id }) => id);
  let looking = new AbortController();
  const endLost = (): void => {
    looking.abort();
    looking = new AbortController();
    const signal = AbortSignal.any([looking.signal, released.signal]);
    void endLostShims(instance, sandboxes, realClock, logger, signal);
    void removeLostNamespaces(
      instance,
      () => networkNamespaces(connection.runtime),
      createHostMounts(hostProcesses),
      realClock,
      logger,
      signal,
    );
  };
  const containerd = await startContainerd({
    instance,
    machine,
    runtime: 'runc',
    sandboxImage: image.name,
    mirrors: new Map(Object.entries(options.mirrors).map(([host, url]) => [host, [url]])),
    clock: realClock,
    logger,
    ready: (socket, signal) => waitForRuntime(socket, realClock, { timeoutMs: answersWithinMs, signal }),
    onChange(up) {
      logger.warn(up ? 'containerd is back' : 'containerd ended; it is started again');
      if (up) endLost();
    },
  });
  endLost();
  const images = imageStoreOf(hostProcesses, instance);
  const { runtimeVersion } = await whileAway(async () => {
    if (!(await connection.images.imageStatus(image.name))) await images.loadTar(image.tar);
    return connection.runtime.version();
  });
  return {
    machine,
    connection,
    images,
    infraImage: image.name,
    version: runtimeVersion.replace(/[~+].*$/, ''),
    adopted: containerd.adopted,
    async release() {
      released.abort();
      connection.close();
      await containerd.release();
    },
  };
}

/**
 * Imports the archives of `folder` that were not imported before (told by name, size and time); `say` gets a line for each.
 * A broken archive is a line, not a failure.
 */
export async function importArchives(images: ImageStore, folder: string, say: (line: string) => void): Promise<void> {
  const names = (await readdir(folder).catch((): string[] => []))
    .filter((name) => /\.tar(\.gz)?$/.test(name))
    .toSorted();
  if (names.length === 0) return;
  const ledgerPath = join(folder, '.imported.json');
  const ledger = await hostFiles.readFile(ledgerPath).then(
    (text) => JSON.parse(text.toString()) as Record<string, string>,
    (): Record<string, string> => ({}),
  );
  for (const name of names) {
    const path = join(folder, name);
    const stat = await hostFiles.stat(path);
    const mark = `${stat?.size} ${stat?.mtimeMs}`;
    if (ledger[name] === mark) continue;
    try {
      say(`imported ${(await images.load(path)).join(', ')} from ${name}`);
      ledger[name] = mark;
    } catch (error) {
      say(`could not import ${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  await hostFiles.writeFileAtomic(ledgerPath, JSON.stringify(ledger));
}
