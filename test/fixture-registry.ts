// A read-only image registry on loopback that serves the fixture tars: the mirror through which tests pull `:latest` images.
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

interface Blob {
  data: Buffer;
  mediaType: string;
}

export interface FixtureRegistry {
  /** http://127.0.0.1:PORT, for --registry-mirror HOST=URL; one registry may be mirror of several hosts. */
  url: string;
  /** Paths asked for so far. */
  requests: string[];
  close(): Promise<void>;
}

/** Files of a ustar archive by path. */
function untar(tar: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const text = (from: number, length: number): string =>
    tar.toString('utf8', from, from + length).replace(/\0.*$/s, '');
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8) || 0;
    const prefix = text(at + 345, 155);
    if (tar[at + 156] === 0x30)
      files.set((prefix ? `${prefix}/` : '') + text(at, 100), tar.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

interface Descriptor {
  digest: string;
  mediaType: string;
  annotations?: Record<string, string>;
}

/** Manifests by full name (docker.io/library/nginx:latest), and every blob and manifest by digest. */
async function readImages(folder: string): Promise<{ names: Map<string, string>; blobs: Map<string, Blob> }> {
  const names = new Map<string, string>();
  const blobs = new Map<string, Blob>();
  for (const name of (await readdir(folder)).filter((file) => file.endsWith('.tar'))) {
    const files = untar(await readFile(`${folder}/${name}`));
    for (const [path, data] of files)
      if (path.startsWith('blobs/sha256/'))
        blobs.set(`sha256:${path.slice(13)}`, { data, mediaType: 'application/octet-stream' });
    const index = JSON.parse(files.get('index.json')?.toString() ?? '{"manifests":[]}') as { manifests: Descriptor[] };
    for (const { digest, mediaType, annotations } of index.manifests) {
      const manifest = blobs.get(digest);
      if (manifest) blobs.set(digest, { ...manifest, mediaType });
      names.set(annotations?.['io.containerd.image.name'] ?? '', digest);
    }
  }
  return { names, blobs };
}

/**
 * Starts the registry. `passwords` maps full names without tag (docker.io/library/nginx) to user:password; all others are free.
 * A mirror is told whose image is wanted by the `ns` parameter; without it docker.io is meant.
 */
export async function startFixtureRegistry(
  options: { folder?: string; passwords?: Readonly<Record<string, string>> } = {},
): Promise<FixtureRegistry> {
  const { names, blobs } = await readImages(options.folder ?? 'fixtures/images');
  const requests: string[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', 'http://registry');
    requests.push(url.pathname);
    if (url.pathname === '/v2/') return void response.writeHead(200).end();
    const [, name = '', kind, reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(url.pathname) ?? [];
    const repository = `${url.searchParams.get('ns') ?? 'docker.io'}/${name}`;
    const password = options.passwords?.[repository];
    if (password !== undefined && request.headers.authorization !== `Basic ${btoa(password)}`)
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="fixtures"' }).end();
    const digest = reference.startsWith('sha256:') ? reference : (names.get(`${repository}:${reference}`) ?? '');
    const blob = kind === undefined ? undefined : blobs.get(digest);
    if (!blob)
      return void response
        .writeHead(404, { 'content-type': 'application/json' })
        .end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"not in the fixtures"}]}');
    const headers = {
      'content-type': blob.mediaType,
      'content-length': blob.data.length,
      'docker-content-digest': digest,
    };
    response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : blob.data);
  };
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the registry has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
