// Pulls through a registry mirror on loopback: a public image, one behind a password, and one that gets stuck.
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pod, Secret } from '../../src/api/generated/types.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { createImageManager } from '../../src/kubelet/images/image-manager.ts';
import type { ImageManager } from '../../src/kubelet/seams.ts';
import { pullProgress } from '../../src/host/pull-progress.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { startTestNode, type TestNode, whyNoContainers } from './harness.ts';

const reason = await whyNoContainers();
if (reason) console.warn(`skipped: containers cannot run here: ${reason}`);

describe.skipIf(reason !== undefined)('pulling', () => {
  let node: TestNode;
  let registry: Registry;
  let manager: ImageManager;
  const events: string[] = [];
  const auths = { 'https://index.docker.io/v1/': { username: 'me', password: 'secret' } };
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
    registry = await startRegistry('fixtures/images', { user: 'me', password: 'secret', only: 'library/debian' });
    node = await startTestNode('10.147.7.0/24', 'runc', new Map([['docker.io', [registry.url]]]));
    // What the mirror does not give must not be looked for elsewhere on the network: nobody listens there.
    const hosts = `${node.instance.registryDir}/docker.io/hosts.toml`;
    const text = await readFile(hosts, 'utf8');
    await writeFile(hosts, text.replace('https://registry-1.docker.io', 'http://127.0.0.1:1'));
    manager = createImageManager({
      images: node.connection.images,
      clock: realClock,
      event: (_, type, why, message) => events.push(`${type} ${why} ${message}`),
      fieldPath: () => undefined,
      secret: async () => secret,
      pullProgress: () => pullProgress(node.instance),
      pullProgressDeadlineMs: 3000,
    });
  });
  afterAll(async () => {
    await node?.cleanUp();
    await registry?.close();
  });

  test('a public image comes through the mirror', async () => {
    const result = await manager.ensureImage(podOf(), { name: 'c', image: 'busybox' }, sandboxConfig);
    expect(result).toEqual({ ok: true, imageRef: expect.stringMatching(/^sha256:/) });
    expect(events[0]).toBe('Normal Pulling Pulling image "busybox"');
    expect(events[1]).toMatch(
      /^Normal Pulled Successfully pulled image "busybox" in \d+m?s \(\d+m?s including waiting\)\. Image size: [1-9]\d+ bytes\.$/,
    );
    expect(registry.requests.some((path) => path.startsWith('/v2/library/busybox/manifests/'))).toBe(true);
    events.length = 0;
    await manager.ensureImage(podOf(), { name: 'c', image: 'busybox', imagePullPolicy: 'IfNotPresent' }, sandboxConfig);
    expect(events).toEqual([
      'Normal Pulled Container image "busybox" already present on machine and can be accessed by the pod',
    ]);
  });

  test('a private image needs its secret', async () => {
    const image = { name: 'c', image: 'debian' };
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

  test('a pull that gets stuck is given up, and the next one does it', async () => {
    const image = { name: 'c', image: 'nginx:1.14.2' };
    registry.stalls = true;
    expect(await manager.ensureImage(podOf(), image, sandboxConfig)).toEqual({
      ok: false,
      reason: 'ErrImagePull',
      message: 'Cancel pulling image "nginx:1.14.2" because of no progress for 3s',
      retryAfterMs: 1000,
    });
    registry.stalls = false;
    const other: Pod = { ...podOf(), metadata: { name: 'r', namespace: 'default', uid: 'w' } };
    expect(await manager.ensureImage(other, image, sandboxConfig)).toMatchObject({ ok: true });
  });
});
