// `peapod image load|list|pull|rm`: images of the real node, through its running containerd.

import { copyFile, mkdir } from 'node:fs/promises';
import { existsSync, realpathSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { readPidFile } from '../host/daemon.ts';
import { type ImageStore, imageStoreOf } from '../host/image-store.ts';
import { instanceOf } from '../host/instance.ts';
import { hostProcesses } from '../host/processes.ts';
import { dataDirPaths } from './data-dir.ts';
import { UserError } from './user-error.ts';

/** The store of images of a data folder whose containerd runs; undefined when it does not. */
async function runningStore(dataDir: string): Promise<ImageStore | undefined> {
  const { root } = dataDirPaths(dataDir);
  if (!existsSync(root)) return undefined;
  const instance = instanceOf(realpathSync(root));
  return (await readPidFile(instance.containerdPidFile)) ? imageStoreOf(hostProcesses, instance) : undefined;
}

async function neededStore(dataDir: string): Promise<ImageStore> {
  const store = await runningStore(dataDir);
  if (!store)
    throw new UserError(`no containers run on ${dataDirPaths(dataDir).root}: start it with "peapod up" first`);
  return store;
}

/** The last line of what went wrong: containerd's tool logs every host that it tried before it says why it gave up. */
function text(error: unknown): string {
  const [last = ''] = (error instanceof Error ? error.message : String(error)).trim().split('\n').slice(-1);
  return last.replace(/^ctr: /, '');
}

/** docker.io/library/nginx:latest for nginx: the form in which images are stored. */
export function fullName(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const path = hasHost ? image : `docker.io/${rest.length > 0 ? image : `library/${image}`}`;
  return /(@sha256:|:[^/]+$)/.test(path) ? path : `${path}:latest`;
}

/** Loads archives; where nothing runs yet they are put aside for the next start. */
export async function imageLoad({ dataDir, files }: { dataDir: string; files: string[] }): Promise<number> {
  const store = await runningStore(dataDir);
  const { images } = dataDirPaths(dataDir);
  let code = 0;
  for (const file of files) {
    try {
      if (store) {
        const names = await store.load(resolve(file));
        if (names.length === 0) throw new Error('it holds no image with a name');
        for (const name of names) console.log(`loaded ${name}`);
      } else {
        await mkdir(images, { recursive: true, mode: 0o700 });
        await copyFile(file, join(images, basename(file)));
        console.log(`${file} will be imported at the next start`);
      }
    } catch (error) {
      console.error(`peapod: ${file} could not be loaded: ${text(error)}`);
      code = 1;
    }
  }
  return code;
}

export async function imageList({ dataDir }: { dataDir: string }): Promise<number> {
  const store = await neededStore(dataDir);
  // Names with a digest stand beside the same image's tag.
  for (const name of await store.list()) if (!name.includes('@sha256:')) console.log(name);
  return 0;
}

export async function imagePull({ dataDir, image }: { dataDir: string; image: string }): Promise<number> {
  const store = await neededStore(dataDir);
  try {
    await store.pull(fullName(image));
    console.log(`pulled ${fullName(image)}`);
    return 0;
  } catch (error) {
    console.error(`peapod: ${fullName(image)} could not be pulled: ${text(error)}`);
    return 1;
  }
}

export async function imageRemove({ dataDir, images }: { dataDir: string; images: string[] }): Promise<number> {
  const store = await neededStore(dataDir);
  const known = new Set(await store.list());
  let code = 0;
  for (const image of images) {
    const name = fullName(image);
    if (known.has(name)) {
      await store.remove(name);
      console.log(`removed ${name}`);
    } else {
      console.error(`peapod: there is no image ${name}`);
      code = 1;
    }
  }
  return code;
}
