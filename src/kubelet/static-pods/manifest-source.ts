// A pod source over a folder of manifests (or one file): read when something changes there, and every 20 seconds besides.
// Follows pkg/kubelet/config/file.go and file_linux.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { equalJson } from '../../api/meta/equal.ts';
import { formatTime } from '../../api/meta/time.ts';
import { configSeenAnnotation } from '../../api/pod/static-pod.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Files } from '../../lib/system.ts';
import type { PodEvents } from '../pod-events.ts';
import type { PodHandlers, PodSource } from '../pod-source.ts';
import { formatPod, podIdentity } from '../runtime-pod.ts';
import { ManifestError, readManifest } from './manifest.ts';

export interface ManifestSourceOptions {
  /** A folder or a single file; it need not be there yet. */
  path: string;
  nodeName: string;
  files: Files;
  clock: Clock;
  logger: Logger;
  events: PodEvents;
  /** ms between looks. Default 20 s, as --file-check-frequency. */
  checkEveryMs?: number;
}

const defaultCheckMs = 20_000;
/** Changes come in bursts (written, renamed); one look is enough for those of this many ms. */
const settleMs = 20;
const maxManifestBytes = 10 * 1024 * 1024;

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

/** The manifests' paths in order, dot files left out. Rejects when the folder cannot be read. */
async function manifestPaths(files: Files, path: string): Promise<string[]> {
  const stat = await files.stat(path);
  if (stat === undefined) return [];
  if (stat.kind === 'file') return [path];
  if (stat.kind !== 'directory') throw new Error('path is not a directory or file');
  return (await files.readdir(path))
    .filter((name) => !name.startsWith('.'))
    .toSorted()
    .map((name) => `${path}/${name}`);
}

/** Static pods out of a path. A folder that is not there is an empty one. */
export function manifestSource(options: ManifestSourceOptions): PodSource {
  return { subscribe: (handlers, signal) => void new Reader(options, handlers).run(signal) };
}

class Reader {
  readonly #options: ManifestSourceOptions;
  readonly #handlers: PodHandlers;
  readonly #path: string;
  /** The pods of the last look, by their files. */
  #byFile = new Map<string, Pod>();
  /** Those that were handed on, by uid. */
  #told = new Map<string, Pod>();
  /** Errors are logged once, as long as they stay the same. */
  readonly #errors = new Map<string, string>();
  #synced = false;

  constructor(options: ManifestSourceOptions, handlers: PodHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#path = options.path.replace(/(?<=.)\/+$/, '');
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, checkEveryMs = defaultCheckMs } = this.#options;
    let regular = true;
    while (!signal.aborted) {
      // Watched before it is read: what changes meanwhile is heard.
      const changed = new AbortController();
      const watcher = this.#watch(() => changed.abort());
      try {
        await this.#look(!regular);
      } catch (error) {
        this.#complain(this.#path, 'Unable to read manifest path', error);
      }
      await sleep(clock, checkEveryMs, AbortSignal.any([signal, changed.signal]));
      regular = !changed.signal.aborted;
      if (!regular) await sleep(clock, settleMs, signal);
      watcher?.close();
    }
  }

  #watch(onChange: () => void): { close(): void } | undefined {
    try {
      return this.#options.files.watch(this.#path, onChange);
    } catch (error) {
      if (!isMissing(error)) this.#complain(this.#path, 'Unable to watch manifest path', error);
      return undefined;
    }
  }

  #complain(path: string, what: string, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    if (this.#errors.get(path) === text) return;
    this.#errors.set(path, text);
    this.#options.logger.error(what, { path, error: text });
  }

  /** Reads everything. A file that is being written may be broken for a moment: with `keepBroken` its pod of before stays. */
  async #look(keepBroken: boolean): Promise<void> {
    const { files } = this.#options;
    const found = new Map<string, Pod>();
    for (const path of await manifestPaths(files, this.#path)) {
      try {
        const pod = await this.#read(path);
        if (pod === undefined) continue;
        found.set(path, pod);
        this.#errors.delete(path);
      } catch (error) {
        this.#complain(path, "Can't process manifest file", error);
        const before = this.#byFile.get(path);
        if (keepBroken && before !== undefined) found.set(path, before);
      }
    }
    this.#errors.delete(this.#path);
    this.#byFile = found;
    this.#tell(this.#withoutDuplicates(found.values()));
    if (this.#synced) return;
    this.#synced = true;
    this.#handlers.synced();
  }

  /** The pod of one file; undefined for what is no file, or is gone again. */
  async #read(path: string): Promise<Pod | undefined> {
    const { files, nodeName } = this.#options;
    const stat = await files.stat(path);
    if (stat === undefined) return undefined;
    if (stat.kind !== 'file')
      throw new ManifestError(stat.kind === 'directory' ? 'Not recursing' : 'Not a regular file');
    if (stat.size > maxManifestBytes) throw new ManifestError(`the file is longer than ${maxManifestBytes} bytes`);
    return readManifest((await files.readFile(path)).toString('utf8'), { path, nodeName });
  }

  /** Of several pods of one name the first counts. */
  #withoutDuplicates(found: Iterable<Pod>): Pod[] {
    const names = new Set<string>();
    return [...found].filter((pod) => {
      const { namespace, name, uid } = podIdentity(pod);
      const isFirst = !names.has(`${namespace}/${name}`);
      names.add(`${namespace}/${name}`);
      if (isFirst) return true;
      const shown = formatPod({ namespace, name, uid });
      const message = `Error validating pod ${shown} from file due to duplicate pod name ${JSON.stringify(name)}, ignoring`;
      this.#options.events.event(pod, 'Warning', 'FailedValidation', message);
      return false;
    });
  }

  /** Tells what is gone and what is new or different. */
  #tell(found: readonly Pod[]): void {
    const before = this.#told;
    this.#told = new Map(
      found.map((pod) => {
        const { uid } = podIdentity(pod);
        const since = before.get(uid)?.metadata?.annotations?.[configSeenAnnotation];
        return [uid, seenAt(pod, since ?? formatTime(this.#options.clock.now()))];
      }),
    );
    for (const [uid, pod] of before) if (!this.#told.has(uid)) this.#handlers.remove(pod);
    for (const [uid, pod] of this.#told) if (!equalJson(before.get(uid), pod)) this.#handlers.set(pod);
  }
}

const seenAt = (pod: Pod, time: string): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, annotations: { ...pod.metadata?.annotations, [configSeenAnnotation]: time } },
});
