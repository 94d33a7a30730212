import { beforeEach, describe, expect, it } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import type { Files, Mounts } from '../../lib/system.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import type { ImageManager } from '../seams.ts';
import { createShownImages, pullImageVolumes, type ShownImages } from './image-volumes.ts';

const pod: Pod = {
  metadata: { name: 'p', namespace: 'n', uid: 'u' },
  spec: {
    containers: [],
    volumes: [
      { name: 'models', image: { reference: 'reg/models:1', pullPolicy: 'Always' } },
      { name: 'other', image: { reference: 'reg/other' } },
      { name: 'work', emptyDir: {} },
    ],
  },
};
const config = {} as never;

describe('pullImageVolumes', () => {
  const asked: unknown[] = [];
  const manager = (failing?: string): ImageManager => ({
    checkPullSecrets: async () => {},
    lookAhead: async () => undefined,
    async ensureImage(_, container) {
      asked.push(container);
      if (container.image === failing) return { ok: false, reason: 'ErrImagePull', message: 'no such image' };
      return { ok: true, imageRef: `sha256:${container.image}` };
    },
  });
  beforeEach(() => void asked.splice(0));
  const mounting = (...names: string[]) => ({ volumeMounts: names.map((name) => ({ name, mountPath: `/${name}` })) });

  it('pulls what the container mounts, by the policy of the volume, once', async () => {
    const pulled = await pullImageVolumes(manager(), pod, mounting('models', 'work', 'models'), config);
    expect(pulled).toEqual({ ok: true, images: new Map([['models', 'sha256:reg/models:1']]) });
    expect(asked).toEqual([{ name: '', image: 'reg/models:1', imagePullPolicy: 'Always' }]);
  });

  it('fails as a pull of the container would', async () => {
    const pulled = await pullImageVolumes(manager('reg/other'), pod, mounting('models', 'other'), config);
    expect(pulled).toEqual({ ok: false, reason: 'ErrImagePull', message: 'no such image' });
  });

  it('does nothing for the others', async () => {
    expect(await pullImageVolumes(manager(), pod, mounting('work'), config)).toEqual({ ok: true, images: new Map() });
    expect(await pullImageVolumes(manager(), pod, {}, config)).toEqual({ ok: true, images: new Map() });
    expect(asked).toEqual([]);
  });
});

describe('createShownImages', () => {
  let files: Files;
  let mounted: string[];
  let views: Set<string>;
  let shown: ShownImages;
  const mounts = {
    listUnder: async (path: string) => mounted.filter((point) => point === path || point.startsWith(`${path}/`)),
    async mountAll(path: string, _: unknown, options: readonly string[]) {
      expect(options).toEqual(['ro', 'noexec', 'nosuid', 'nodev']);
      mounted.push(path);
    },
    async unmount(...paths: string[]) {
      mounted = mounted.filter((point) => !paths.includes(point));
    },
  } as unknown as Mounts;
  beforeEach(() => {
    files = createMemoryFiles();
    mounted = [];
    views = new Set();
    shown = createShownImages({
      root: '/k',
      files,
      mounts,
      views: {
        async view(key) {
          views.add(key);
          return [{ type: 'bind', source: '/x', options: [] }];
        },
        remove: async (key) => void views.delete(key),
      },
    });
  });

  it('mounts an image once, and another one beside it', async () => {
    const first = await shown.show('u', 'v', 'sha256:aaaa');
    expect(first).toBe('/k/pods/u/volumes/kubernetes.io~image/v/aaaa');
    expect(await shown.show('u', 'v', 'sha256:aaaa')).toBe(first);
    expect(await shown.show('u', 'v', 'sha256:bbbb')).not.toBe(first);
    expect(mounted).toHaveLength(2);
    expect(views.size).toBe(2);
  });

  it('takes all of a pod down, also those that a reboot or a kill left half made, and no others', async () => {
    await shown.show('u', 'v', 'sha256:aaaa');
    await shown.show('u', 'w', 'sha256:aaaa');
    await shown.show('u2', 'v', 'sha256:aaaa');
    mounted.shift();
    await files.mkdir('/k/pods/u/volumes/kubernetes.io~image/x/cccc', { recursive: true });
    await shown.release('u');
    expect(mounted).toEqual(['/k/pods/u2/volumes/kubernetes.io~image/v/aaaa']);
    expect([...views]).toEqual(['peapod-volume/u2/v/aaaa']);
    await shown.release('u');
    await shown.release('never-seen');
  });
});
