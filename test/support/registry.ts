// A small OCI registry on loopback that serves the image fixtures, so that pulls really pull without a network.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

export interface Registry {
  url: string;
  /** Paths that were asked for, in order. */
  requests: string[];
  /** While true, requests are taken and not answered. */
  stalls: boolean;
  close(): Promise<void>;
}

/** The files of a tar archive (ustar, as the fixtures are), by name. */
function readTar(archive: Buffer): Map<string, Buffer> {
  const bytes = archive[0] === 0x1f && archive[1] === 0x8b ? gunzipSync(archive) : archive;
  const files = new Map<string, Buffer>();
  for (let at = 0; at + 512 <= bytes.length; ) {
    const text = (from: number, length: number): string =>
      bytes.toString('latin1', at + from, at + from + length).replace(/\0.*$/s, '');
    const name = text(0, 100);
    if (name === '') break;
    const size = Number.parseInt(text(124, 12).trim() || '0', 8);
    const prefix = text(345, 155);
    files.set((prefix ? `${prefix}/${name}` : name).replace(/^\.\//, ''), bytes.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

/**
 * Serves every image of the archives in `folder` under its repository path and tag, whatever its registry's name (as a mirror
 * does). With `auth`, asks for basic authentication, where `only` is given for that repository (library/debian) alone.
 */
export async function startRegistry(
  folder: string,
  auth?: { user: string; password: string; only?: string },
): Promise<Registry> {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, Descriptor>();
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.tar'))) {
    const files = readTar(readFileSync(join(folder, name)));
    for (const [path, bytes] of files)
      if (path.startsWith('blobs/sha256/')) blobs.set(`sha256:${path.slice(13)}`, bytes);
    const index = JSON.parse(String(files.get('index.json'))) as { manifests: Descriptor[] };
    for (const descriptor of index.manifests) {
      const image = descriptor.annotations?.['io.containerd.image.name'] ?? '';
      // docker.io/library/nginx:1.14.2 → library/nginx:1.14.2
      if (image) manifests.set(image.slice(image.indexOf('/') + 1), descriptor);
    }
  }
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://registry');
    requests.push(url.pathname);
    if (registry.stalls) return;
    const fail = (code: number, error: string): void => {
      response.writeHead(code, {
        'content-type': 'application/json',
        ...(code === 401 ? { 'www-authenticate': 'Basic realm="test"' } : {}),
      });
      response.end(JSON.stringify({ errors: [{ code: error, message: error.toLowerCase() }] }));
    };
    const wanted = auth && `Basic ${Buffer.from(`${auth.user}:${auth.password}`).toString('base64')}`;
    const isPrivate = auth?.only === undefined || url.pathname.startsWith(`/v2/${auth.only}/`);
    if (wanted && isPrivate && request.headers.authorization !== wanted) return fail(401, 'UNAUTHORIZED');
    const send = (bytes: Buffer, type: string): void => {
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      response.writeHead(200, {
        'content-type': type,
        'content-length': bytes.length,
        'docker-content-digest': digest,
      });
      response.end(request.method === 'HEAD' ? undefined : bytes);
    };
    if (url.pathname === '/v2/') return send(Buffer.from('{}'), 'application/json');
    const [, name = '', kind, reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(url.pathname) ?? [];
    const descriptor =
      kind === 'manifests'
        ? (manifests.get(`${name}:${reference}`) ?? [...manifests.values()].find((d) => d.digest === reference))
        : undefined;
    const blob = blobs.get(descriptor?.digest ?? reference);
    if (!blob) return fail(404, kind === 'manifests' ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN');
    return send(blob, descriptor?.mediaType ?? 'application/octet-stream');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const registry: Registry = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stalls: false,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return registry;
}
