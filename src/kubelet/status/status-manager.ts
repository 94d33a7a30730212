// Brings pod statuses to the API: one request at a time per pod, the newest status wins, an old one never overwrites a new one.
// Follows pkg/kubelet/status/status_manager.go of v1.36.

import type { Pod, PodStatus } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { isStaticPod } from '../../api/pod/static-pod.ts';
import type { Client, Resource } from '../../client/client.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { podIdentity } from '../runtime-pod.ts';
import { isEndedByKubelet, isOwnCondition } from './conditions.ts';
import { podStatusPatch } from './status-patch.ts';

export interface StatusManager {
  /** Takes a status to report; returns at once. The same status again costs nothing. */
  set(pod: Pod, status: PodStatus): void;
  /** The newest status taken, or undefined. */
  get(podUid: string): PodStatus | undefined;
  /**
   * Tells the status that the API holds, as the informer saw it, so that patches start from it and foreign conditions are
   * seen. A Ready condition that others have changed is put right at once, as status.NeedToReconcilePodReadiness has it.
   */
  observe(pod: Pod): void;
  /** A static pod has another mirror pod now, or none: what was taken for it is reported there. */
  mirrorChanged(podUid: string): void;
  /**
   * Reports what is left, then deletes the object (grace 0, this UID only). Resolves once it is gone; tries until then or
   * until the signal aborts. A static pod has no object of its own: nothing is done.
   */
  delete(pod: Pod, signal: AbortSignal): Promise<void>;
  /** Drops what is known of a pod that is gone. */
  forget(podUid: string): void;
  /** Resolves when nothing is under way for the pod. */
  flushed(podUid: string): Promise<void>;
}

interface Entry {
  /** Static: the object that is written is the mirror pod of the moment. */
  readonly isStatic: boolean;
  pod: Pod;
  /** What the API holds, as far as known, and the resource version that it is of. */
  base: PodStatus;
  baseVersion: number;
  /** What it shall hold. */
  wanted: PodStatus | undefined;
  sending: Promise<void> | undefined;
}

export interface StatusManagerOptions {
  client: Client;
  pods: Resource<Pod>;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
  /** The mirror pod of a static pod, while there is one. */
  mirrorOf(pod: Pod): Pod | undefined;
}

const firstRetryMs = 200;
const maxRetryMs = 10_000;

const versionOf = (pod: Pod): number => Number(pod.metadata?.resourceVersion ?? 0);

/** The name belongs to another pod by now; any other conflict is worth another try. */
const isOtherUid = (error: unknown): boolean => isApiError(error, 'Conflict') && /\buid\b/i.test(error.message);

/** What others own in the status is taken from what the API holds, so that a patch never touches it. */
function withForeign(base: PodStatus, status: PodStatus): PodStatus {
  const own = (status.conditions ?? []).filter((c) => isOwnCondition(c.type));
  // The kubelet's word on why it ended the pod comes before what others said.
  const ended = (status.conditions ?? []).filter(isEndedByKubelet);
  const foreign = (base.conditions ?? []).filter(
    ({ type }) => !isOwnCondition(type) && !ended.some((condition) => condition.type === type),
  );
  const { qosClass, nominatedNodeName, resourceClaimStatuses } = base;
  return {
    ...status,
    conditions: [...own, ...foreign, ...ended],
    ...(qosClass === undefined ? {} : { qosClass }),
    ...(nominatedNodeName === undefined ? {} : { nominatedNodeName }),
    ...(resourceClaimStatuses === undefined ? {} : { resourceClaimStatuses }),
  };
}

const readyOf = (status: PodStatus): string | undefined =>
  status.conditions?.find(({ type }) => type === 'Ready')?.status;

/** Makes a status manager that works until the signal aborts. */
export function createStatusManager(options: StatusManagerOptions): StatusManager {
  const { client, pods, clock, logger, signal } = options;
  const entries = new Map<string, Entry>();

  const entryOf = (pod: Pod): Entry => {
    const { uid } = podIdentity(pod);
    let entry = entries.get(uid);
    if (entry === undefined) {
      const held = { pod, base: pod.status ?? {}, baseVersion: versionOf(pod) };
      entry = { ...held, isStatic: isStaticPod(pod), wanted: undefined, sending: undefined };
      entries.set(uid, entry);
    }
    return entry;
  };

  const learn = (entry: Entry, pod: Pod): void => {
    if (versionOf(pod) < entry.baseVersion) return;
    // Of a static pod the entry keeps the pod itself, by which its mirror is found.
    if (!entry.isStatic) entry.pod = pod;
    entry.base = pod.status ?? {};
    entry.baseVersion = versionOf(pod);
  };

  /** One patch; true when it need not be tried again. */
  const patchOnce = async (entry: Entry, status: PodStatus): Promise<boolean> => {
    const object = entry.isStatic ? options.mirrorOf(entry.pod) : entry.pod;
    // Nobody to tell: once the mirror pod is there it is told.
    if (object === undefined) return true;
    const { uid, name, namespace } = podIdentity(object);
    const body = podStatusPatch(uid, entry.base, withForeign(entry.base, status));
    if (body === undefined) return true;
    try {
      learn(
        entry,
        await client.patch(pods, { name, namespace }, { type: 'strategic', body }, { subresource: 'status', signal }),
      );
      return true;
    } catch (error) {
      if (signal.aborted) return true;
      // The object is gone, or another pod has the name: nobody is left to tell.
      if (isApiError(error, 'NotFound') || isOtherUid(error)) return true;
      logger.warn('could not report pod status', { pod: name, namespace, error: String(error) });
      return isApiError(error, 'Invalid') || isApiError(error, 'BadRequest');
    }
  };

  const send = async (entry: Entry): Promise<void> => {
    let retryMs = firstRetryMs;
    try {
      while (entry.wanted !== undefined && !signal.aborted) {
        const status = entry.wanted;
        if (await patchOnce(entry, status)) {
          retryMs = firstRetryMs;
          if (entry.wanted === status) return;
        } else {
          await sleep(clock, retryMs, signal);
          retryMs = Math.min(retryMs * 2, maxRetryMs);
        }
      }
    } finally {
      // In one step with the last look at what is wanted: a status set right after it begins a request of its own.
      entry.sending = undefined;
    }
  };

  const kick = (entry: Entry): Promise<void> => {
    if (entry.sending !== undefined) return entry.sending;
    // What `send` would end with at once, before it could be remembered.
    if (entry.wanted === undefined || signal.aborted) return Promise.resolve();
    entry.sending = send(entry);
    return entry.sending;
  };

  const kickBehind = (entry: Entry): void => {
    kick(entry).catch((error: unknown) =>
      logger.error('reporting pod status broke', { pod: podIdentity(entry.pod).name, error: String(error) }),
    );
  };

  return {
    set(pod, status) {
      const entry = entryOf(pod);
      entry.wanted = status;
      kickBehind(entry);
    },
    get: (podUid) => entries.get(podUid)?.wanted,
    observe(pod) {
      const entry = entries.get(podIdentity(pod).uid);
      if (entry === undefined) return;
      learn(entry, pod);
      // Whoever took the node for dead has marked its pods as not ready.
      if (entry.wanted !== undefined && readyOf(entry.wanted) !== readyOf(entry.base)) kickBehind(entry);
    },
    mirrorChanged(podUid) {
      const entry = entries.get(podUid);
      const mirror = entry && options.mirrorOf(entry.pod);
      if (entry === undefined || mirror === undefined) return;
      learn(entry, mirror);
      kickBehind(entry);
    },
    async delete(pod, stop) {
      if (isStaticPod(pod)) return;
      const { uid, name, namespace } = podIdentity(pod);
      const entry = entryOf(pod);
      let retryMs = firstRetryMs;
      while (!stop.aborted) {
        await kick(entry);
        try {
          await client.delete(
            pods,
            { name, namespace },
            { gracePeriodSeconds: 0, preconditions: { uid }, signal: stop },
          );
          return;
        } catch (error) {
          if (isApiError(error, 'NotFound') || isOtherUid(error)) return;
          if (!stop.aborted) logger.warn('could not delete pod', { pod: name, namespace, error: String(error) });
        }
        await sleep(clock, retryMs, stop);
        retryMs = Math.min(retryMs * 2, maxRetryMs);
      }
    },
    forget(podUid) {
      const entry = entries.get(podUid);
      if (entry) entry.wanted = undefined;
      entries.delete(podUid);
    },
    flushed: async (podUid) => {
      await entries.get(podUid)?.sending;
    },
  };
}
