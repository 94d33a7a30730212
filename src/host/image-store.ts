// Images into and out of the instance's containerd by its own ctr, for what CRI has no call: importing tars.

import type { Processes } from '../lib/system.ts';
import { hostFiles } from './files.ts';
import type { Instance } from './instance.ts';
import { must } from './processes.ts';

export interface ImageStore {
  /** Imports a tar (OCI layout or docker save) and gives the names in it. */
  load(tarPath: string): Promise<string[]>;
  /** Imports a tar held in memory. */
  loadTar(tar: Uint8Array): Promise<string[]>;
  /** Names of all images, without those that are only digests. */
  list(): Promise<string[]>;
  remove(name: string): Promise<void>;
  /** Pulls by full name, through the registry mirrors. */
  pull(name: string): Promise<void>;
}

/** Names out of ctr's lines: "unpacking docker.io/library/x:y (sha256:…)...done". */
export function importedNames(output: string): string[] {
  return [...output.matchAll(/^unpacking (\S+) \(sha256:[0-9a-f]+\)/gm)].map(([, name]) => name ?? '');
}

/** The snapshotter that was chosen when the instance's containerd first started (see containerd.ts). */
async function snapshotterOf(instance: Instance): Promise<string> {
  const chosen = await hostFiles.readFile(`${instance.containerdRootDir}/snapshotter`).catch(() => 'overlayfs');
  return chosen.toString().trim();
}

/** The image store of an instance whose containerd runs. Failures are CommandErrors with ctr's words. */
export function imageStoreOf(processes: Processes, instance: Instance): ImageStore {
  const ctr = ['ctr', '--namespace', 'k8s.io', '--address', instance.containerdSocket, 'images'];
  const importFrom = async (source: string, input?: Uint8Array): Promise<string[]> => {
    const argv = [...ctr, 'import', '--snapshotter', await snapshotterOf(instance), source];
    return importedNames(await must(processes, argv, input === undefined ? {} : { input }));
  };
  return {
    load: (tarPath) => importFrom(tarPath),
    loadTar: (tar) => importFrom('-', tar),
    async list() {
      const names = (await must(processes, [...ctr, 'list', '--quiet'])).split('\n');
      return names.filter((name) => name !== '' && !name.startsWith('sha256:')).toSorted();
    },
    async remove(name) {
      await must(processes, [...ctr, 'remove', '--sync', name]);
    },
    async pull(name) {
      await must(processes, [
        ...ctr,
        'pull',
        '--snapshotter',
        await snapshotterOf(instance),
        '--hosts-dir',
        instance.registryDir,
        name,
      ]);
    },
  };
}
