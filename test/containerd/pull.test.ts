// Pulls through a registry mirror on loopback: a public image, one behind a password, and one that is not there.
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pod, Secret } from '../../src/api/generated/types.ts';
import { hostProcesses, must } from '../../src/host/processes.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { createImageManager } from '../../src/kubelet/images/image-manager.ts';
import type { ImageManager } from '../../src/kubelet/seams.ts';
import { startTestNode, type TestNode, whyNoContainers } from './harness.ts';

const reason = await whyNoContainers();
if (reason) console.warn(`skipped: containers cannot run here: ${reason}`);

// Nobody listens there: what the mirror does not give is not looked for elsewhere on the network.
const host = '127.0.0.1:1';

interface Descriptor {
  digest: string;
  mediaType: string;
}

/** A read-only registry with one image under two names, of which library/private asks for me:secret. */
async function startRegistry(folder: string): Promise<{ server: Server; url: string; asked: string[] }> {
  await must(hostProcesses, ['tar', '-xf', 'fixtures/images/busybox.tar', '-C', folder]);
  const index = JSON.parse(await readFile(`${folder}/index.json`, 'utf8')) as { manifests: Descriptor[] };
  const manifest = index.manifests[0]!;
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://registry').pathname;
    asked.push(path);
    const [, name, kind, reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(path) ?? [];
    const deny = name === 'library/private' && request.headers.authorization !== `Basic ${btoa('me:secret')}`;
    if (deny) return void response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
    const known = name === 'library/public' || name === 'library/private';
    const digest = reference.startsWith('sha256:') ? reference : manifest.digest;
    if (path === '/v2/') return void response.writeHead(200).end();
    if (!known || (kind === 'manifests' && !reference.startsWith('sha256:') && reference !== '1'))
      return void response
        .writeHead(404, { 'content-type': 'application/json' })
        .end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
    void readFile(`${folder}/blobs/${digest.replace(':', '/')}`).then((data) => {
      const type = kind === 'manifests' ? manifest.mediaType : 'application/octet-stream';
      response.writeHead(200, { 'content-type': type, 'content-length': data.length, 'docker-content-digest': digest });
      response.end(request.method === 'HEAD' ? undefined : data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, asked };
}

describe.skipIf(reason !== undefined)('pulling', () => {
  let node: TestNode;
  let registry: Awaited<ReturnType<typeof startRegistry>>;
  let folder = '';
  let manager: ImageManager;
  const events: string[] = [];
  const auths = { [host]: { username: 'me', password: 'secret' } };
  const secret: Secret = {
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': btoa(JSON.stringify({ auths })) },
  };
  const sandboxConfig = { metadata: { name: 'p', uid: 'u', namespace: 'default', attempt: 0 } };
  const podOf = (...secrets: string[]): Pod => ({
    metadata: { name: 'p', namespace: 'default', uid: 'u' },
    spec: { containers: [], imagePullSecrets: secrets.map((name) => ({ name })) },
  });

  beforeAll(async () => {
    folder = await mkdtemp(`${tmpdir()}/peapod-registry-`);
    await mkdir(folder, { recursive: true });
    registry = await startRegistry(folder);
    node = await startTestNode('10.147.7.0/24', 'runc', new Map([[host, [registry.url]]]));
    manager = createImageManager({
      images: node.connection.images,
      clock: realClock,
      event: (_, type, why, message) => events.push(`${type} ${why} ${message}`),
      fieldPath: () => undefined,
      secret: async () => secret,
    });
  });
  afterAll(async () => {
    await node?.cleanUp();
    registry?.server.closeAllConnections();
    registry?.server.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('a public image comes through the mirror', async () => {
    const result = await manager.ensureImage(podOf(), { name: 'c', image: `${host}/library/public:1` }, sandboxConfig);
    expect(result).toEqual({ ok: true, imageRef: expect.stringMatching(/^sha256:/) });
    expect(events[0]).toBe(`Normal Pulling Pulling image "${host}/library/public:1"`);
    expect(events[1]).toMatch(
      /^Normal Pulled Successfully pulled image "127.0.0.1:1\/library\/public:1" in \d+m?s \(\d+m?s including waiting\)\. Image size: [1-9]\d+ bytes\.$/,
    );
    expect(registry.asked.some((path) => path.startsWith('/v2/library/public/manifests/'))).toBe(true);
    events.length = 0;
    await manager.ensureImage(podOf(), { name: 'c', image: `${host}/library/public:1` }, sandboxConfig);
    expect(events).toEqual([
      `Normal Pulled Container image "${host}/library/public:1" already present on machine and can be accessed by the pod`,
    ]);
  });

  test('a private image needs its secret', async () => {
    const image = { name: 'c', image: `${host}/library/private:1` };
    expect(await manager.ensureImage(podOf(), image, sandboxConfig)).toMatchObject({
      ok: false,
      reason: 'ErrImagePull',
    });
    expect(await manager.ensureImage(podOf(), image, sandboxConfig)).toMatchObject({
      ok: false,
      reason: 'ImagePullBackOff',
    });
    const other: Pod = { ...podOf('cred'), metadata: { name: 'q', namespace: 'default', uid: 'v' } };
    expect(await manager.ensureImage(other, image, sandboxConfig)).toMatchObject({ ok: true });
  });
});
