// Makes a container's image present: pull policy, who may use what is there, back-off, and the events that tell of it.
// Follows pkg/kubelet/images/image_manager.go of v1.36.

import type { Container, Pod, Secret } from '../../api/generated/types.ts';
import { goDuration } from '../../api/meta/go-format.ts';
import { parseImageReference } from '../../api/pod/image-reference.ts';
import { type ImageService, isRuntimeError, type SandboxConfig } from '../../cri/runtime.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ImageManager, ImageResult } from '../seams.ts';
import type { PullRecords } from './pull-records.ts';
import { createPuller, type PullOutcome } from './puller.ts';
import { credentialsFor, type PullCredential } from './registry-credentials.ts';

export interface ImageManagerOptions {
  images: ImageService;
  clock: Clock;
  /** Records an event on a pod; the kubelet's PodEvents. */
  event(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void;
  /** The fieldPath of a container's events. */
  fieldPath(pod: Pod, container: string): string | undefined;
  /** Pull secrets; rejects when one cannot be had. */
  secret(namespace: string, name: string, signal?: AbortSignal): Promise<Secret>;
  /** Who may use images that were pulled; without it every pod may use what is there. */
  records?: PullRecords;
  /** Pulls at a time. Default 1, as --serialize-image-pulls has it. */
  parallelPulls?: number | undefined;
  /** Something that changes as long as a pull gets on: one that does not for a minute is given up. */
  pullProgress?: (() => Promise<string>) | undefined;
  /** Another time than that minute, ms. */
  pullProgressDeadlineMs?: number;
}

const firstBackoffMs = 10_000;
const maxBackoffMs = 300_000;
/** Upstream's next sync comes about a second after a failed pull (the new sandbox wakes it) and is what turns ErrImagePull to ImagePullBackOff. */
const lookAgainMs = 1000;

interface Backoff {
  delayMs: number;
  /** Monotonic. */
  since: number;
  /** Why the last pull failed, as `<reason>: <message>`. */
  failure: string;
}

const unavailable = 'RegistryUnavailable';
const badSignature = 'SignatureValidationFailed';

/** The waiting reason and message of a failed pull. The runtime tells the two special ones by how its message begins. */
function failureOf(
  image: string,
  error: string,
): { reason: 'ErrImagePull' | typeof unavailable | typeof badSignature; message: string } {
  const at = (prefix: string): string | undefined =>
    error.startsWith(prefix) ? error.slice(prefix.length) : undefined;
  const registry = at(unavailable);
  if (registry !== undefined)
    return {
      reason: unavailable,
      message: `image pull failed for ${image} because the registry is unavailable${registry}`,
    };
  const signature = at(badSignature);
  if (signature !== undefined)
    return {
      reason: badSignature,
      message: `image pull failed for ${image} because the signature validation failed${signature}`,
    };
  return { reason: 'ErrImagePull', message: error };
}

/** The repository of a name that is wrong only in its capitals, as the distribution library prints it. */
function requestedPath(image: string): string {
  const name = image.split('@')[0] ?? '';
  const untagged = name.lastIndexOf(':') > name.lastIndexOf('/') ? name.slice(0, name.lastIndexOf(':')) : name;
  return untagged.includes('/') ? untagged : `library/${untagged}`;
}

/** The name as the user wrote it but for the tag: which registry a short name means is the runtime's to say. */
function taggedName(image: string): string {
  const tagged = image.includes('@') || image.lastIndexOf(':') > image.lastIndexOf('/');
  return tagged ? image : `${image}:latest`;
}

const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Rejects when the signal aborts, leaving the work itself to go on for the others who wait for it. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** An ImageManager over a runtime's image service. */
export function createImageManager(options: ImageManagerOptions): ImageManager {
  const { images, clock } = options;
  const backoffs = new Map<string, Backoff>();
  const puller = createPuller({
    images,
    clock,
    parallel: options.parallelPulls ?? 1,
    progress: options.pullProgress,
    progressDeadlineMs: options.pullProgressDeadlineMs,
  });

  const inBackoff = (key: string): Backoff | undefined => {
    const entry = backoffs.get(key);
    return entry && clock.monotonic() - entry.since < entry.delayMs ? entry : undefined;
  };
  const punish = (key: string, failure: string): void => {
    const before = backoffs.get(key);
    const forgotten = !before || clock.monotonic() - before.since > 2 * maxBackoffMs;
    const delayMs = forgotten ? firstBackoffMs : Math.min(before.delayMs * 2, maxBackoffMs);
    backoffs.set(key, { delayMs, since: clock.monotonic(), failure });
  };
  const collectGarbage = (): void => {
    for (const [key, { since }] of backoffs) if (clock.monotonic() - since > 2 * maxBackoffMs) backoffs.delete(key);
  };

  const pullSecrets = async (pod: Pod, signal?: AbortSignal): Promise<{ found: Secret[]; missing: string[] }> => {
    const found: Secret[] = [];
    const missing: string[] = [];
    const names = (pod.spec?.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : []));
    const read = (name: string): Promise<Secret | undefined> =>
      options.secret(pod.metadata?.namespace ?? '', name, signal).catch(() => undefined);
    for (const [i, secret] of (await Promise.all(names.map(read))).entries()) {
      if (secret === undefined) missing.push(names[i] ?? '');
      else found.push(secret);
    }
    return { found, missing };
  };

  const credentialsOf = async (pod: Pod, image: string, signal?: AbortSignal): Promise<PullCredential[]> =>
    credentialsFor(image, (await pullSecrets(pod, signal)).found);

  /** A pull, with what is to be remembered of it. */
  const recordedPull = async (
    image: string,
    credentials: readonly PullCredential[],
    sandboxConfig: SandboxConfig,
  ): Promise<PullOutcome> => {
    const { records } = options;
    try {
      await records?.begin(image);
    } catch (error) {
      return {
        ok: false,
        error: `Failed to record image pull intent for container image ${JSON.stringify(image)}: ${errorText(error)}`,
      };
    }
    const outcome = await puller.pull(image, credentials, sandboxConfig);
    // A record that cannot be written lets the next pod pull again, and does no other harm.
    await (outcome.ok
      ? records?.succeeded(image, outcome.imageRef, outcome.credential?.secret)
      : records?.failed(image)
    )?.catch(() => {});
    return outcome;
  };

  /** Whether the pod has shown, or need not show, that it may use the image that is there. */
  const mayUse = async (pod: Pod, image: string, imageRef: string, signal?: AbortSignal): Promise<boolean> => {
    if (options.records === undefined) return true;
    const credentials = await credentialsOf(pod, image, signal);
    return !(await options.records.mustPull(image, imageRef, credentials).catch(() => true));
  };

  const pull = async (
    pod: Pod,
    container: Container,
    image: string,
    sandboxConfig: SandboxConfig,
    signal?: AbortSignal,
  ): Promise<ImageResult> => {
    const shown = JSON.stringify(image);
    const event = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
      options.event(pod, type, reason, message, options.fieldPath(pod, container.name));
    const key = `${pod.metadata?.uid ?? ''}_${image}`;
    const waiting = inBackoff(key);
    if (waiting) {
      const message = `Back-off pulling image ${shown}`;
      event('Normal', 'BackOff', message);
      const retryAfterMs = waiting.delayMs - (clock.monotonic() - waiting.since);
      return { ok: false, reason: 'ImagePullBackOff', message: `${message}: ${waiting.failure}`, retryAfterMs };
    }
    const started = clock.monotonic();
    const credentials = await credentialsOf(pod, image, signal);
    event('Normal', 'Pulling', `Pulling image ${shown}`);
    const outcome = await untilAborted(recordedPull(image, credentials, sandboxConfig), signal);
    if (!outcome.ok) {
      event('Warning', 'Failed', `Failed to pull image ${shown}: ${outcome.error}`);
      const { reason, message } = failureOf(image, outcome.error);
      punish(key, `${reason}: ${message}`);
      return { ok: false, reason, message, retryAfterMs: lookAgainMs };
    }
    const [took, waited] = [goDuration(outcome.pullMs), goDuration(clock.monotonic() - started)];
    const size = `Image size: ${outcome.size} bytes.`;
    event('Normal', 'Pulled', `Successfully pulled image ${shown} in ${took} (${waited} including waiting). ${size}`);
    backoffs.delete(key);
    collectGarbage();
    return { ok: true, imageRef: outcome.imageRef };
  };

  const referenceOf = async (image: string, signal?: AbortSignal): Promise<string | undefined> =>
    (await images.imageStatus({ image: taggedName(image), userSpecifiedImage: image }, signal))?.id;

  return {
    lookAhead: ({ image = '' }, signal) => referenceOf(image, signal).catch(() => undefined),
    // Follows kubelet_pods.go getPullSecretsForPod, which SyncPod calls each time before it looks at the containers.
    async checkPullSecrets(pod, signal) {
      const { missing } = await pullSecrets(pod, signal);
      signal?.throwIfAborted();
      if (missing.length === 0) return;
      const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`;
      options.event(pod, 'Warning', 'FailedToRetrieveImagePullSecret', message);
    },
    async ensureImage(pod, container, sandboxConfig, signal, seen) {
      const requested = container.image ?? '';
      const shown = JSON.stringify(requested);
      const event = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
        options.event(pod, type, reason, message, options.fieldPath(pod, container.name));
      const reference = parseImageReference(requested);
      if (!reference) {
        const lower = parseImageReference(requested.toLowerCase());
        const hint = lower ? `: repository name (${requestedPath(requested)}) must be lowercase` : '';
        const cause = `couldn't parse image name ${shown}: invalid reference format${hint}`;
        const message = `Failed to apply default image tag ${shown}: ${cause}`;
        event('Warning', 'InspectFailed', message);
        return { ok: false, reason: 'InvalidImageName', message };
      }
      const image = taggedName(requested);
      let present = seen;
      try {
        present ??= await referenceOf(requested, signal);
      } catch (error) {
        signal?.throwIfAborted();
        const message = `Failed to inspect image ${JSON.stringify(image)}: ${errorText(error)}`;
        event('Warning', 'InspectFailed', message);
        return {
          ok: false,
          reason: isRuntimeError(error, 'InvalidArgument') ? 'InvalidImageName' : 'ImageInspectError',
          message,
        };
      }
      const policy =
        container.imagePullPolicy ?? (reference.tag === 'latest' && !reference.digest ? 'Always' : 'IfNotPresent');
      if (policy !== 'Always' && present !== undefined && (await mayUse(pod, image, present, signal))) {
        event('Normal', 'Pulled', `Container image ${shown} already present on machine and can be accessed by the pod`);
        return { ok: true, imageRef: present };
      }
      signal?.throwIfAborted();
      if (policy !== 'Never') return pull(pod, container, requested, sandboxConfig, signal);
      const message = `Container image ${shown} is not present with pull policy of Never`;
      event('Warning', 'ErrImageNeverPull', message);
      return { ok: false, reason: 'ErrImageNeverPull', message };
    },
  };
}
