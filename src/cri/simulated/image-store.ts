// Images of a simulated node: every name can be pulled unless the pod's script says otherwise; nothing is downloaded.

import { createHash } from 'node:crypto';
import { parseImageReference } from '../../api/pod/image-reference.ts';
import type { FilesystemUsage, ImageService, ImageSpec, RuntimeImage, SandboxConfig } from '../runtime.ts';
import { RuntimeError } from '../runtime.ts';
import { pullScript } from './script.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const nameOf = (image: string | ImageSpec): string => (typeof image === 'string' ? image : image.image);

/** The full form of a reference: nginx → docker.io/library/nginx:latest. Throws InvalidArgument on what is no reference. */
export function fullReference(image: string): string {
  const parsed = parseImageReference(image);
  if (!parsed) {
    throw new RuntimeError('InvalidArgument', `failed to parse image name "${image}": invalid reference format`);
  }
  const { domain, path, tag, digest } = parsed;
  return `${domain}/${path}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

export interface ImageStoreOptions {
  /** Waits that many ms. */
  delay(ms: number, signal: AbortSignal | undefined): Promise<void>;
  now(): number;
}

/** The ImageService of one simulated node. */
export class SimulatedImages implements ImageService {
  readonly #options: ImageStoreOptions;
  /** By full reference. */
  readonly #images = new Map<string, RuntimeImage>();
  /** Pulls so far, by pod and image, for scripts that fail only at first. Forgotten with the pod's sandboxes. */
  readonly #pulls = new Map<string, Map<string, number>>();

  constructor(options: ImageStoreOptions) {
    this.#options = options;
  }

  async listImages(image?: string): Promise<RuntimeImage[]> {
    if (image === undefined || image === '') return [...new Set(this.#images.values())];
    const found = this.find(image);
    return found ? [found] : [];
  }

  async imageStatus(image: string | ImageSpec): Promise<RuntimeImage | undefined> {
    return this.find(nameOf(image));
  }

  async pullImage(
    image: string | ImageSpec,
    _auth?: unknown,
    sandboxConfig?: SandboxConfig,
    signal?: AbortSignal,
  ): Promise<string> {
    const name = nameOf(image);
    const reference = fullReference(name);
    const script = this.#script(name, sandboxConfig);
    await this.#options.delay(script.delay, signal);
    if (script.failureMessage !== undefined) {
      throw new RuntimeError(
        'NotFound',
        script.failureMessage ||
          `failed to pull and unpack image "${reference}": failed to resolve reference "${reference}": ${reference}: not found`,
      );
    }
    return this.add(name).id;
  }

  async removeImage(image: string | ImageSpec): Promise<void> {
    const found = this.find(nameOf(image));
    for (const [reference, stored] of this.#images) if (stored === found) this.#images.delete(reference);
  }

  async imageFsInfo(): Promise<{ image: FilesystemUsage[]; container: FilesystemUsage[] }> {
    const usedBytes = [...this.#images.values()].reduce((sum, { size }) => sum + size, 0);
    const usage = {
      timestamp: this.#options.now(),
      mountpoint: '/var/lib/simulated',
      usedBytes,
      inodesUsed: this.#images.size,
    };
    return { image: [usage], container: [usage] };
  }

  /** By name, name with digest, or id; undefined also for what is no reference. */
  find(image: string): RuntimeImage | undefined {
    if (/^sha256:[0-9a-f]{64}$/.test(image)) return [...this.#images.values()].find(({ id }) => id === image);
    try {
      return this.#images.get(fullReference(image));
    } catch {
      return undefined;
    }
  }

  /** Puts an image there, as if it had been pulled. */
  add(image: string): RuntimeImage {
    const reference = fullReference(image);
    const known = this.#images.get(reference);
    if (known) return known;
    const digest = sha256(reference);
    const repository = reference.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
    const added: RuntimeImage = {
      id: `sha256:${sha256(digest)}`,
      repoTags: reference.includes('@') ? [] : [reference],
      repoDigests: [reference.includes('@') ? reference : `${repository}@sha256:${digest}`],
      // Between 1 and 64 MiB, the same for the same name everywhere.
      size: (1 + (Number.parseInt(digest.slice(0, 4), 16) % 64)) * 1024 * 1024,
      username: '',
      pinned: false,
    };
    this.#images.set(reference, added);
    return added;
  }

  forgetPod(uid: string): void {
    this.#pulls.delete(uid);
  }

  #script(image: string, config: SandboxConfig | undefined) {
    if (!config?.annotations) return pullScript({}, image, 0);
    const pulls = this.#pulls.get(config.metadata.uid) ?? new Map<string, number>();
    const attempt = pulls.get(image) ?? 0;
    const script = pullScript(config.annotations, image, attempt);
    if (script.failureMessage !== undefined) {
      pulls.set(image, attempt + 1);
      this.#pulls.set(config.metadata.uid, pulls);
    }
    return script;
  }
}
