// Remembers on disk with which credentials images were pulled, so that a restarted kubelet knows it too.
// Follows pkg/kubelet/images/pullmanager (image_pull_manager.go, fs_pullrecords.go) of v1.36.

import { createHash } from 'node:crypto';
import { formatTime } from '../../api/meta/time.ts';
import { parseImageReference } from '../../api/pod/image-reference.ts';
import type { Clock } from '../../lib/clock.ts';
import { LruMap } from '../../lib/lru-map.ts';
import type { Files } from '../../lib/system.ts';
import { decidePull, grantAccess, type ImagePulledRecord } from './decide-pull.ts';
import type { PullCredential, SecretCredential } from './registry-credentials.ts';

export interface PullRecords {
  /** Whether the pod must pull an image that is there, for it has not shown that it may use it. */
  mustPull(image: string, imageRef: string, credentials: readonly PullCredential[]): Promise<boolean>;
  /** A pull begins. */
  begin(image: string): Promise<void>;
  /** It has given the image, with that secret or without any. */
  succeeded(image: string, imageRef: string, secret: SecretCredential | undefined): Promise<void>;
  failed(image: string): Promise<void>;
  /** Drops what is remembered of images that are no longer there. */
  prune(imageRefs: ReadonlySet<string>): Promise<void>;
}

export interface PullRecordsOptions {
  /** The kubelet's root; records are kept in `image_manager` below it. */
  root: string;
  files: Files;
  clock: Clock;
}

interface Kept {
  exists: boolean;
  record: ImagePulledRecord | undefined;
}

const mostKnown = 1000;

const fileName = (key: string): string => `sha256-${createHash('sha256').update(key).digest('hex')}`;

const isRecord = (value: unknown): value is ImagePulledRecord =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  value.kind === 'ImagePulledRecord' &&
  'credentialMapping' in value &&
  typeof value.credentialMapping === 'object';

/** The name without tag and digest, whole: docker.io/library/nginx. */
function repositoryOf(image: string): string {
  const reference = parseImageReference(image);
  return reference === undefined ? image : `${reference.domain}/${reference.path}`;
}

export function createPullRecords({ root, files, clock }: PullRecordsOptions): PullRecords {
  const [pulling, pulled] = [`${root}/image_manager/pulling`, `${root}/image_manager/pulled`];
  const begun = new Map<string, number>();
  /** What the files say, by image: nobody else writes them. */
  let known = new LruMap<string, Kept>(mostKnown);
  let writes: Promise<void> = Promise.resolve();

  /** Undefined where there is none, or none that can be read: then the image counts as pulled by somebody unknown. */
  const readFile = async (imageRef: string): Promise<Kept> => {
    const path = `${pulled}/${fileName(imageRef)}`;
    if ((await files.lstat(path)) === undefined) return { exists: false, record: undefined };
    try {
      const value: unknown = JSON.parse((await files.readFile(path)).toString('utf8'));
      return { exists: true, record: isRecord(value) ? value : undefined };
    } catch {
      return { exists: true, record: undefined };
    }
  };

  const read = async (imageRef: string): Promise<Kept> => {
    const kept = known.get(imageRef);
    if (kept !== undefined) return kept;
    const found = await readFile(imageRef);
    // What was written meanwhile is newer.
    const newest = known.get(imageRef) ?? found;
    known.set(imageRef, newest);
    return newest;
  };

  const grant = async (image: string, imageRef: string, secret: SecretCredential | undefined): Promise<void> => {
    const { record } = await read(imageRef);
    const repository = repositoryOf(image);
    const next: ImagePulledRecord = {
      kind: 'ImagePulledRecord',
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      lastUpdatedTime: formatTime(clock.now()),
      imageRef,
      credentialMapping: {
        ...record?.credentialMapping,
        [repository]: grantAccess(record?.credentialMapping[repository], secret),
      },
    };
    await files.mkdir(pulled, { recursive: true, mode: 0o700 });
    await files.writeFileAtomic(`${pulled}/${fileName(imageRef)}`, JSON.stringify(next));
    known.set(imageRef, { exists: true, record: next });
  };

  /** Writes come one after another, for each reads what the one before has written. */
  const inOrder = (write: () => Promise<void>): Promise<void> => {
    const done = writes.then(write);
    writes = done.catch(() => {});
    return done;
  };

  const end = async (image: string): Promise<void> => {
    const left = (begun.get(image) ?? 1) - 1;
    if (left > 0) return void begun.set(image, left);
    begun.delete(image);
    await files.unlink(`${pulling}/${fileName(image)}`).catch(() => {});
  };

  return {
    async mustPull(image, imageRef, credentials) {
      await writes;
      const { exists, record } = await read(imageRef);
      const intended = exists || begun.has(image) || (await files.lstat(`${pulling}/${fileName(image)}`)) !== undefined;
      const decision = decidePull(record, intended, repositoryOf(image), credentials);
      if (typeof decision === 'string') return decision === 'pull';
      await inOrder(() => grant(image, imageRef, decision.use));
      return false;
    },
    begin: (image) =>
      inOrder(async () => {
        begun.set(image, (begun.get(image) ?? 0) + 1);
        await files.mkdir(pulling, { recursive: true, mode: 0o700 });
        const intent = { kind: 'ImagePullIntent', apiVersion: 'kubelet.config.k8s.io/v1beta1', image };
        await files.writeFileAtomic(`${pulling}/${fileName(image)}`, JSON.stringify(intent));
      }),
    succeeded: (image, imageRef, secret) =>
      inOrder(async () => {
        await grant(image, imageRef, secret);
        await end(image);
      }),
    failed: (image) => inOrder(() => end(image)),
    prune: (imageRefs) =>
      inOrder(async () => {
        if ((await files.lstat(pulled)) === undefined) return;
        const kept = new Set([...imageRefs].map(fileName));
        known = new LruMap(mostKnown);
        for (const name of await files.readdir(pulled))
          if (name.startsWith('sha256-') && !kept.has(name)) await files.unlink(`${pulled}/${name}`);
      }),
  };
}
