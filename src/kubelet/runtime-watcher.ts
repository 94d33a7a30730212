// Knows what the runtime holds of every pod, and notices changes: by the runtime's events at once, and by listing every second.
// Follows pkg/kubelet/pleg/generic.go of v1.36.

import type {
  RuntimeContainer,
  RuntimeContainerStatus,
  RuntimeService,
  Sandbox,
  SandboxStatus,
} from '../cri/runtime.ts';
import { isRuntimeError } from '../cri/runtime.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Files } from '../lib/system.ts';
import { containerRecordOf, ownerOf, podUidLabel } from './runtime-labels.ts';
import { type ContainerRecord, emptyRuntimePod, recordOf, type RuntimePod } from './runtime-pod.ts';
import { readTerminationMessage } from './container-config/termination-message.ts';

export interface RuntimeWatcher {
  /** Lists once; rejects when the runtime does not answer. Afterwards `uids` and `get` know every pod. */
  list(): Promise<void>;
  /** Follows events and lists again and again until the signal aborts. `list` comes first. */
  run(signal: AbortSignal): Promise<void>;
  /** Every pod of which the runtime holds something. */
  uids(): string[];
  /** As of the last inspection or note; undefined for a pod that the runtime holds nothing of. */
  get(uid: string): RuntimePod | undefined;
  /** Looks at the runtime now. Rejects when it does not answer. */
  inspect(pod: { uid: string; namespace: string; name: string }): Promise<RuntimePod>;
  /** Takes in a sandbox just made, without a further look. */
  noteSandbox(pod: { uid: string; namespace: string; name: string }, sandbox: SandboxStatus): void;
  /** Takes in the id of a container just made, so that its events find the pod. */
  noteId(uid: string, id: string): void;
  /** Looks at one container that was just started and takes it in. */
  noteContainer(pod: { uid: string; namespace: string; name: string }, name: string, id: string): Promise<void>;
  /** Why the runtime cannot be relied on, or undefined while it answers. */
  unhealthy(): string | undefined;
}

export interface RuntimeWatcherOptions {
  runtime: RuntimeService;
  files: Files;
  clock: Clock;
  logger: Logger;
  /** Called when a pod's containers or sandboxes are not as last seen. */
  onChange: (uid: string) => void;
  /** Called when the runtime answers again after it did not: anything may have failed or been missed meanwhile. */
  onRecovered?: () => void;
  /** True while a pod is being worked on, which then knows best itself: the listing leaves it for the next time. */
  isBusy?: (uid: string) => boolean;
  /** True while a pod is being ended: whoever stops its containers hears from the runtime itself that they have ended. */
  isEnding?: (uid: string) => boolean;
  /** False for a pod that nobody looks after: what the listing finds of it is taken in, so that `uids` tells of it. */
  isKnown?: (uid: string) => boolean;
  /** ms between listings. */
  relistMs?: number;
}

// CRI learns of an exit a little after the event is sent: look again soon, then ever later, for about four seconds.
const firstConfirmMs = 4;
const confirmFactor = 1.3;
const maxConfirmMs = 1000;

interface Held {
  pod: RuntimePod;
  /** The number of the look that it comes from. */
  look: number;
}

/** What distinguishes one look from another: ids and states. */
function fingerprint(
  sandboxes: readonly { id: string; state: string }[],
  containers: readonly { id: string; state: string }[],
): string {
  return [...sandboxes, ...containers]
    .map(({ id, state }) => `${id}:${state}`)
    .toSorted()
    .join(',');
}

/** What the runtime says of an end, then what the container left. */
async function lastWords(files: Files, status: RuntimeContainerStatus): Promise<string> {
  const { terminationMessagePath, terminationMessagePolicy } = containerRecordOf(status.annotations);
  const left = await readTerminationMessage(files, { status, terminationMessagePath, terminationMessagePolicy });
  return [status.message, left].filter((text) => text !== '').join(': ');
}

/** By creation, and where that is equal by attempt. */
const newestFirst = <T extends { createdAt: number; metadata: { attempt: number } }>(list: readonly T[]): T[] =>
  list.toSorted((a, b) => b.createdAt - a.createdAt || b.metadata.attempt - a.metadata.attempt);

export function createRuntimeWatcher({
  runtime,
  files,
  clock,
  logger,
  onChange,
  onRecovered,
  isBusy = () => false,
  isEnding = () => false,
  isKnown = () => true,
  relistMs = 1000,
}: RuntimeWatcherOptions): RuntimeWatcher {
  const held = new Map<string, Held>();
  const uidOfId = new Map<string, string>();
  let looks = 0;
  let failure: string | undefined;

  const keep = (pod: RuntimePod, look: number): void => {
    const before = held.get(pod.uid);
    if (before !== undefined && before.look > look) return;
    for (const { id } of before === undefined ? [] : [...before.pod.sandboxes, ...before.pod.containers])
      uidOfId.delete(id);
    if (pod.sandboxes.length === 0 && pod.containers.length === 0) {
      held.delete(pod.uid);
      return;
    }
    for (const { id } of [...pod.sandboxes, ...pod.containers]) uidOfId.set(id, pod.uid);
    held.set(pod.uid, { pod, look });
  };

  /** undefined when it has gone meanwhile. */
  const containerOf = async (listed: { id: string; name: string }): Promise<ContainerRecord | undefined> => {
    try {
      const status = await runtime.containerStatus(listed.id);
      return recordOf(listed.name, status, status.state === 'exited' ? await lastWords(files, status) : status.message);
    } catch (error) {
      if (isRuntimeError(error, 'NotFound')) return undefined;
      throw error;
    }
  };

  const sandboxOf = async (id: string): Promise<SandboxStatus | undefined> => {
    try {
      return await runtime.podSandboxStatus(id);
    } catch (error) {
      if (isRuntimeError(error, 'NotFound')) return undefined;
      throw error;
    }
  };

  const build = async (
    pod: { uid: string; namespace: string; name: string },
    listedSandboxes: readonly Sandbox[],
    listedContainers: readonly RuntimeContainer[],
  ): Promise<RuntimePod> => {
    const before = held.get(pod.uid)?.pod;
    const sandboxes = await Promise.all(
      newestFirst(listedSandboxes).map(async (s) => {
        const known = before?.sandboxes.find((b) => b.id === s.id && b.state === s.state);
        return known ?? sandboxOf(s.id);
      }),
    );
    const containers = await Promise.all(
      newestFirst(listedContainers).map(async (c) => {
        const known = before?.containers.find((b) => b.id === c.id && b.state === c.state);
        return known ?? containerOf({ id: c.id, name: ownerOf(c.labels)?.container ?? c.metadata.name });
      }),
    );
    const present = sandboxes.filter((s) => s !== undefined);
    const newest = present[0];
    const ips = newest?.state === 'ready' && newest.ips.length > 0 ? newest.ips : (before?.ips ?? []);
    return { ...emptyRuntimePod(pod), sandboxes: present, containers: containers.filter((c) => c !== undefined), ips };
  };

  const inspect = async (pod: { uid: string; namespace: string; name: string }): Promise<RuntimePod> => {
    const look = ++looks;
    const labelSelector = { [podUidLabel]: pod.uid };
    const [sandboxes, containers] = await Promise.all([
      runtime.listPodSandbox({ labelSelector }),
      runtime.listContainers({ labelSelector }),
    ]);
    const found = await build(pod, sandboxes, containers);
    keep(found, look);
    return found;
  };

  /** Everything in the runtime by pod. */
  const listAll = async (): Promise<
    Map<
      string,
      { pod: { uid: string; namespace: string; name: string }; sandboxes: Sandbox[]; containers: RuntimeContainer[] }
    >
  > => {
    const [sandboxes, containers] = await Promise.all([runtime.listPodSandbox(), runtime.listContainers()]);
    const pods = new Map<
      string,
      { pod: { uid: string; namespace: string; name: string }; sandboxes: Sandbox[]; containers: RuntimeContainer[] }
    >();
    const of = (labels: Record<string, string>) => {
      const owner = ownerOf(labels);
      if (owner === undefined) return undefined;
      let entry = pods.get(owner.uid);
      if (entry === undefined) {
        entry = {
          pod: { uid: owner.uid, namespace: owner.namespace, name: owner.name },
          sandboxes: [],
          containers: [],
        };
        pods.set(owner.uid, entry);
      }
      return entry;
    };
    for (const sandbox of sandboxes) of(sandbox.labels)?.sandboxes.push(sandbox);
    for (const container of containers) of(container.labels)?.containers.push(container);
    return pods;
  };

  const relist = async (): Promise<void> => {
    const lookedAt = looks;
    const pods = await listAll();
    const changed = [...pods]
      .filter(([uid, listed]) => {
        const known = held.get(uid);
        // A look newer than this listing knows better.
        if (known !== undefined && known.look > lookedAt) return false;
        return (
          known === undefined ||
          fingerprint(known.pod.sandboxes, known.pod.containers) !== fingerprint(listed.sandboxes, listed.containers)
        );
      })
      .map(([uid]) => uid);
    const vanished = [...held].filter(([uid, known]) => !pods.has(uid) && known.look <= lookedAt).map(([uid]) => uid);
    for (const uid of [...changed, ...vanished]) if (!isBusy(uid)) onChange(uid);
    for (const uid of changed) {
      const listed = pods.get(uid);
      if (listed !== undefined && !isKnown(uid)) await inspect(listed.pod);
    }
  };

  const relistSafely = async (): Promise<void> => {
    try {
      await relist();
      if (failure === undefined) return;
      failure = undefined;
      logger.info('the container runtime answers again');
      onRecovered?.();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (failure === undefined) logger.warn('the container runtime does not answer', { error: text });
      failure = text;
    }
  };

  /** After an exit event: waits until CRI says so too, then tells. */
  const confirmStop = async (uid: string, id: string, signal: AbortSignal): Promise<void> => {
    for (let wait = firstConfirmMs; wait <= maxConfirmMs && !signal.aborted; wait *= confirmFactor) {
      const isSandbox = held.get(uid)?.pod.sandboxes.some((s) => s.id === id) === true;
      const state = isSandbox ? (await sandboxOf(id))?.state : (await containerOf({ id, name: '' }))?.state;
      if (state !== 'running' && state !== 'ready') break;
      await sleep(clock, wait, signal);
    }
    onChange(uid);
  };

  const follow = async (signal: AbortSignal): Promise<void> => {
    // Of what is made and started the worker knows; what others do is seen by the next listing.
    for await (const event of runtime.events(signal, ['stopped'])) {
      if (event.type === 'resync') await relistSafely();
      if (event.type !== 'stopped') continue;
      const uid = uidOfId.get(event.id);
      if (uid === undefined || isEnding(uid)) continue;
      confirmStop(uid, event.id, signal).catch((error: unknown) => {
        if (!signal.aborted) logger.debug('could not confirm an exit', { id: event.id, error: String(error) });
        onChange(uid);
      });
    }
  };

  const listForever = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await sleep(clock, relistMs, signal);
      if (!signal.aborted) await relistSafely();
    }
  };

  return {
    async list() {
      const look = ++looks;
      const pods = await listAll();
      await Promise.all(
        [...pods.values()].map(async ({ pod, sandboxes, containers }) =>
          keep(await build(pod, sandboxes, containers), look),
        ),
      );
    },
    async run(signal) {
      await Promise.all([follow(signal), listForever(signal)]);
    },
    uids: () => [...held.keys()],
    get: (uid) => held.get(uid)?.pod,
    inspect,
    noteSandbox(pod, sandbox) {
      const before = held.get(pod.uid)?.pod ?? emptyRuntimePod(pod);
      const others = before.sandboxes.filter((s) => s.id !== sandbox.id);
      keep(
        { ...before, sandboxes: [sandbox, ...others], ips: sandbox.ips.length > 0 ? sandbox.ips : before.ips },
        ++looks,
      );
    },
    noteId: (uid, id) => void uidOfId.set(id, uid),
    async noteContainer(pod, name, id) {
      const record = await containerOf({ id, name });
      if (record === undefined) return;
      const before = held.get(pod.uid)?.pod ?? emptyRuntimePod(pod);
      keep({ ...before, containers: [record, ...before.containers.filter((c) => c.id !== id)] }, ++looks);
    },
    unhealthy: () => failure,
  };
}
