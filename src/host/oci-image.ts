// Builds single-layer OCI images from files as one importable tar: sorted names, zero times, so the same input gives the same digests.

import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { type TarEntry, tarArchive } from './tar.ts';

/** The part of an OCI image config that runs. */
export interface ImageConfig {
  Entrypoint?: string[];
  Cmd?: string[];
  Env?: string[];
  WorkingDir?: string;
  User?: string;
  ExposedPorts?: Record<string, object>;
  StopSignal?: string;
  Labels?: Record<string, string>;
}

export interface ImageSource {
  /** Every full name that the image gets: docker.io/library/nginx:latest. */
  names: readonly string[];
  /** amd64, arm64. */
  architecture: string;
  config: ImageConfig;
  entries: readonly TarEntry[];
}

const byPath = (a: TarEntry, b: TarEntry): number => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** Sorts, drops duplicates (the last one wins) and adds the folders that are missing above an entry. */
export function completeTree(entries: readonly TarEntry[]): TarEntry[] {
  const all = new Map<string, TarEntry>();
  for (const entry of entries) {
    const parts = entry.path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const path = parts.slice(0, depth).join('/');
      if (!all.has(path)) all.set(path, { kind: 'directory', path, mode: 0o755 });
    }
    all.set(entry.path, entry);
  }
  return [...all.values()].toSorted(byPath);
}

/** Everything under a folder as entries owned by root; sockets and devices are left out. Paths come out below `prefix`. */
export async function entriesOfFolder(folder: string, prefix = ''): Promise<TarEntry[]> {
  const out: TarEntry[] = [];
  for (const name of (await readdir(folder)).toSorted()) {
    const from = `${folder}/${name}`;
    const path = prefix === '' ? name : `${prefix}/${name}`;
    const stat = await lstat(from);
    if (stat.isSymbolicLink()) out.push({ kind: 'symlink', path, target: await readlink(from) });
    else if (stat.isDirectory()) {
      out.push({ kind: 'directory', path, mode: stat.mode & 0o7777 });
      out.push(...(await entriesOfFolder(from, path)));
    } else if (stat.isFile()) out.push({ kind: 'file', path, mode: stat.mode & 0o7777, data: await readFile(from) });
  }
  return out;
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

/**
 * The image as a tar in OCI layout, which `ctr images import` and `peapod image load` take. The name of each entry of the
 * index is told twice: as containerd reads it and as the OCI layout says.
 */
export function ociImageTar(source: ImageSource): Buffer {
  const blobs = new Map<string, Buffer>();
  const add = (mediaType: string, data: Buffer): Descriptor => {
    const hash = sha256(data);
    blobs.set(hash, data);
    return { mediaType, digest: `sha256:${hash}`, size: data.length };
  };
  const addJson = (mediaType: string, value: object): Descriptor => add(mediaType, Buffer.from(JSON.stringify(value)));

  const layerTar = tarArchive(completeTree(source.entries));
  const layer = add('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(layerTar, { level: 6 }));
  const config = addJson('application/vnd.oci.image.config.v1+json', {
    created: '1970-01-01T00:00:00Z',
    architecture: source.architecture,
    os: 'linux',
    config: source.config,
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layerTar)}`] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'peapod' }],
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = addJson(mediaType, { schemaVersion: 2, mediaType, config, layers: [layer] });
  const manifests = source.names.map((name) => ({
    ...manifest,
    platform: { architecture: source.architecture, os: 'linux' },
    annotations: {
      'io.containerd.image.name': name,
      'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
    },
  }));
  const file = (path: string, data: Buffer): TarEntry => ({ kind: 'file', path, mode: 0o644, data });
  return tarArchive(
    completeTree([
      file('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')),
      file('index.json', Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }))),
      ...[...blobs].map(([hash, data]) => file(`blobs/sha256/${hash}`, data)),
    ]),
  );
}
