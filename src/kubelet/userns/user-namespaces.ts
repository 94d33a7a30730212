// Gives pods with `hostUsers: false` users of their own: which IDs of the machine theirs are, kept on disk as long as the pod is.
// Follows pkg/kubelet/userns/userns_manager.go of v1.36; the file is upstream's.

import type { Pod } from '../../api/generated/types.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import type { IdMapping, NamespaceOption, RuntimeStatus } from '../../cri/runtime.ts';
import type { Random } from '../../lib/random.ts';
import type { Files } from '../../lib/system.ts';
import { goErrorText } from '../go-error.ts';
import { podPaths } from '../pod-paths.ts';
import type { RuntimeHandlers } from '../runtime-handlers.ts';
import { allSpareIds, createIdRanges, idsPerPod, type IdSpan } from './id-ranges.ts';

/** How a sandbox's users are told to the runtime. */
export type UserNamespace = NonNullable<NamespaceOption['userns']>;

export interface UserNamespaces {
  /** Notes what pods have from an earlier life, of those that have a folder. To be awaited before `of`; rejects for a file that tells of no range of ours. */
  load(podUids: readonly string[]): Promise<void>;
  /** The pod's users, the node's or its own; the same each time. Rejects in upstream's words where the runtime cannot, or no range is free. */
  of(pod: Pod, signal?: AbortSignal): Promise<UserNamespace>;
  /** Another pod may have the range. The pod's folder is gone. */
  release(podUid: string): void;
}

export interface UserNamespaceOptions {
  /** The kubelet's folder. */
  root: string;
  files: Pick<Files, 'readFile' | 'writeFileAtomic' | 'mkdir' | 'lstat'>;
  random: Pick<Random, 'float'>;
  /** Pods that the node takes at most. */
  mostPods: number;
  /** The IDs that may be given out; all but the machine's own when absent. */
  span?: IdSpan | undefined;
  handlers: RuntimeHandlers;
  /** What the runtime's handlers can. */
  features(signal?: AbortSignal): Promise<RuntimeStatus['handlers']>;
}

const nodeUsers: UserNamespace = { mode: 'node', uids: [], gids: [] };

/** Throws where `span` is too small or askew. */
export function createUserNamespaces(options: UserNamespaceOptions): UserNamespaces {
  const { root, files } = options;
  const ranges = createIdRanges(options.span ?? allSpareIds, options.mostPods, options.random);

  const recordFromDisk = async (podUid: string): Promise<void> => {
    const path = podPaths.userNamespace(root, podUid);
    if ((await files.lstat(path)) === undefined) return;
    ranges.record(podUid, parseMappings((await files.readFile(path)).toString('utf8')));
  };

  const create = async (podUid: string): Promise<void> => {
    const first = ranges.take(podUid);
    try {
      await files.mkdir(podPaths.pod(root, podUid), { recursive: true, mode: 0o750 });
      await files.writeFileAtomic(podPaths.userNamespace(root, podUid), mappingsText(first));
    } catch (error) {
      ranges.release(podUid);
      throw error;
    }
  };

  const refuseUnsupported = async (pod: Pod, signal: AbortSignal | undefined): Promise<void> => {
    const handler = await options.handlers(pod.spec?.runtimeClassName, signal);
    const known = (await options.features(signal)).find(({ name }) => name === handler);
    if (known?.userNamespaces === true) return;
    const who = handler === '' ? 'runtime' : `RuntimeClass handler ${goQuote(handler)}`;
    const why = known === undefined ? `: the handler ${goQuote(handler)} is not known` : '';
    throw new Error(`can't set \`spec.hostUsers: false\`, ${who} does not support user namespaces${why}`);
  };

  return {
    async load(podUids) {
      for (const uid of podUids) {
        await recordFromDisk(uid).catch((error: unknown) => {
          throw new Error(`record pod mappings for existing pod ${goQuote(uid)}: ${goErrorText(error)}`);
        });
      }
    },
    async of(pod, signal) {
      if (pod.spec?.hostUsers !== false) return nodeUsers;
      await refuseUnsupported(pod, signal);
      const uid = pod.metadata?.uid ?? '';
      if (ranges.of(uid) === undefined) {
        await create(uid).catch((error: unknown) => {
          throw new Error(`create user namespace: ${goErrorText(error)}`);
        });
      }
      const mapping: IdMapping = { hostId: ranges.of(uid) ?? 0, containerId: 0, length: idsPerPod };
      return { mode: 'pod', uids: [mapping], gids: [mapping] };
    },
    release: (podUid) => ranges.release(podUid),
  };
}

function mappingsText(hostId: number): string {
  const mapping = { hostId, containerId: 0, length: idsPerPod };
  return JSON.stringify({ uidMappings: [mapping], gidMappings: [mapping] });
}

const isMapping = (value: unknown): value is IdMapping =>
  typeof value === 'object' &&
  value !== null &&
  ['hostId', 'containerId', 'length'].every((field) => Number.isInteger(Reflect.get(value, field)));

function parseMappings(text: string): IdSpan {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`invalid user namespace mappings file: ${goErrorText(error)}`);
  }
  const [uids, gids] = ['uidMappings', 'gidMappings'].map((field): IdMapping[] => {
    const list: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined;
    return Array.isArray(list) && list.every(isMapping) ? list : [];
  });
  const invalid = (why: string): Error => new Error(`invalid user namespace configuration: ${why}`);
  const uid = uids?.[0];
  const gid = gids?.[0];
  if (uid === undefined || uids?.length !== 1) throw invalid('no more than one mapping allowed.');
  if (gids?.length !== 1) throw invalid('GID and UID mappings should be identical.');
  if (gid?.hostId !== uid.hostId || gid.containerId !== uid.containerId || gid.length !== uid.length)
    throw invalid('GID and UID mapping should be identical');
  if (uid.containerId !== 0) throw invalid('UID 0 must be mapped');
  return { first: uid.hostId, length: uid.length };
}
