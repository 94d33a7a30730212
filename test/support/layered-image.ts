// An importable image of as many layers as a test wants.
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { completeTree } from '../../src/host/oci-image.ts';
import { type TarEntry, tarArchive } from '../../src/host/tar.ts';

const digestOf = (data: Uint8Array): string => `sha256:${createHash('sha256').update(data).digest('hex')}`;

/** A tar in OCI layout of an image under its full name, one layer for each list of files (path to content, mode 0755). */
export function layeredImageTar(name: string, layers: readonly Record<string, string>[]): Buffer {
  const blobs: TarEntry[] = [];
  const add = (mediaType: string, data: Buffer): { mediaType: string; digest: string; size: number } => {
    const digest = digestOf(data);
    blobs.push({ kind: 'file', path: `blobs/${digest.replace(':', '/')}`, mode: 0o644, data });
    return { mediaType, digest, size: data.length };
  };
  const tars = layers.map((files) =>
    tarArchive(
      completeTree(
        Object.entries(files).map(([path, text]) => ({ kind: 'file', path, mode: 0o755, data: Buffer.from(text) })),
      ),
    ),
  );
  const described = tars.map((tar) => add('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(tar)));
  const config = add(
    'application/vnd.oci.image.config.v1+json',
    Buffer.from(
      JSON.stringify({
        architecture: process.arch === 'x64' ? 'amd64' : process.arch,
        os: 'linux',
        config: {},
        rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
      }),
    ),
  );
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = add(
    mediaType,
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: described })),
  );
  const manifests = [{ ...manifest, annotations: { 'io.containerd.image.name': name } }];
  const json = (path: string, value: object): TarEntry => ({
    kind: 'file',
    path,
    mode: 0o644,
    data: Buffer.from(JSON.stringify(value)),
  });
  return tarArchive(
    completeTree([
      json('oci-layout', { imageLayoutVersion: '1.0.0' }),
      json('index.json', { schemaVersion: 2, manifests }),
      ...blobs,
    ]),
  );
}
