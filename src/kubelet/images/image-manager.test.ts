import { expect, test } from 'vitest';
import type { Container, Pod, Secret } from '../../api/generated/types.ts';
import { type ImageService, type RegistryAuth, RuntimeError, type SandboxConfig } from '../../cri/runtime.ts';
import type { Clock } from '../../lib/clock.ts';
import { createImageManager } from './image-manager.ts';

const sandbox: SandboxConfig = { metadata: { name: 'p', uid: 'u', namespace: 'default', attempt: 0 } };
const pod: Pod = { metadata: { name: 'p', namespace: 'default', uid: 'u' }, spec: { containers: [] } };
const container = (image: string, imagePullPolicy?: Container['imagePullPolicy']): Container => ({
  name: 'c',
  image,
  ...(imagePullPolicy ? { imagePullPolicy } : {}),
});

function harness(secrets: Record<string, Secret> = {}) {
  let now = 0;
  const clock: Clock = { now: () => now, monotonic: () => now, after: () => ({ cancel() {} }) };
  const events: string[] = [];
  const present = new Map<string, number>();
  const pulls: (RegistryAuth | undefined)[] = [];
  const asked: string[] = [];
  let pull: (image: string, auth?: RegistryAuth) => Promise<string> = async (image) => {
    now += 1594.7;
    present.set(image, 1234);
    return `sha256:${image}`;
  };
  const images: ImageService = {
    listImages: async () => [],
    async imageStatus(image) {
      const name = typeof image === 'string' ? image : image.image;
      asked.push(name);
      const size = present.get(name) ?? present.get(name.replace(/:latest$/, ''));
      if (name === 'broken:1') throw new RuntimeError('Unknown', 'boom');
      return size === undefined
        ? undefined
        : { id: `sha256:${name}`, repoTags: [], repoDigests: [], size, username: '', pinned: false };
    },
    pullImage: (image, auth) => {
      pulls.push(auth);
      return pull(typeof image === 'string' ? image : image.image, auth);
    },
    removeImage: async () => {},
    imageFsInfo: async () => ({ image: [], container: [] }),
  };
  const manager = createImageManager({
    images,
    clock,
    event: (_, type, reason, message, path) => events.push(`${type} ${reason} ${message}${path ? ` @${path}` : ''}`),
    fieldPath: (_, name) => `spec.containers{${name}}`,
    secret: async (_, name) => {
      const found = secrets[name];
      if (!found) throw new Error('not found');
      return found;
    },
  });
  return {
    manager,
    events,
    present,
    pulls,
    asked,
    advance: (ms: number) => (now += ms),
    setPull: (next: typeof pull) => (pull = next),
  };
}

test('pulls a missing image and tells so in upstream words', async () => {
  const { manager, events } = harness();
  expect(await manager.ensureImage(pod, container('busybox', 'IfNotPresent'), sandbox)).toEqual({
    ok: true,
    imageRef: 'sha256:busybox',
  });
  expect(events).toEqual([
    'Normal Pulling Pulling image "busybox" @spec.containers{c}',
    'Normal Pulled Successfully pulled image "busybox" in 1.594s (1.594s including waiting). Image size: 1234 bytes. @spec.containers{c}',
  ]);
});

test('a present image is taken, pulled only by policy Always', async () => {
  const { manager, events, present, pulls } = harness();
  present.set('nginx:1.25', 7);
  expect(await manager.ensureImage(pod, container('nginx:1.25', 'IfNotPresent'), sandbox)).toMatchObject({ ok: true });
  expect(events).toEqual([
    'Normal Pulled Container image "nginx:1.25" already present on machine and can be accessed by the pod @spec.containers{c}',
  ]);
  await manager.ensureImage(pod, container('nginx:1.25', 'Always'), sandbox);
  expect(pulls).toHaveLength(1);
});

test('what a look ahead has seen is not asked for again; what it has not, is', async () => {
  const { manager, present, pulls, asked } = harness();
  expect(await manager.lookAhead(container('nginx:1.25'))).toBeUndefined();
  present.set('nginx:1.25', 7);
  const ensure = (seen?: string) =>
    manager.ensureImage(pod, container('nginx:1.25', 'IfNotPresent'), sandbox, undefined, seen);
  expect(await ensure()).toMatchObject({ ok: true });
  const seen = await manager.lookAhead(container('nginx:1.25'));
  expect(await ensure(seen)).toEqual({ ok: true, imageRef: seen });
  expect(asked).toHaveLength(3);
  expect(pulls).toEqual([]);
});

test('failures back off 10 s, 20 s … 300 s and say why they wait', async () => {
  const { manager, events, setPull, advance } = harness();
  setPull(async () => {
    throw new RuntimeError('NotFound', 'no such thing');
  });
  const ensure = () => manager.ensureImage(pod, container('nope:1', 'IfNotPresent'), sandbox);
  const error = 'rpc error: code = NotFound desc = no such thing';
  expect(await ensure()).toEqual({ ok: false, reason: 'ErrImagePull', message: error, retryAfterMs: 1000 });
  expect(events.at(-1)).toBe(`Warning Failed Failed to pull image "nope:1": ${error} @spec.containers{c}`);
  advance(4000);
  expect(await ensure()).toEqual({
    ok: false,
    reason: 'ImagePullBackOff',
    message: `Back-off pulling image "nope:1": ErrImagePull: ${error}`,
    retryAfterMs: 6000,
  });
  expect(events.at(-1)).toBe('Normal BackOff Back-off pulling image "nope:1" @spec.containers{c}');
  advance(6000);
  for (const wait of [20_000, 40_000, 80_000, 160_000, 300_000, 300_000]) {
    expect(await ensure()).toMatchObject({ reason: 'ErrImagePull' });
    expect(await ensure()).toMatchObject({ reason: 'ImagePullBackOff', retryAfterMs: wait });
    advance(wait);
  }
});

test.each([
  [
    'Bad:1',
    'InvalidImageName',
    `Failed to apply default image tag "Bad:1": couldn't parse image name "Bad:1": invalid reference format: repository name (library/Bad) must be lowercase`,
  ],
  [
    'a b',
    'InvalidImageName',
    `Failed to apply default image tag "a b": couldn't parse image name "a b": invalid reference format`,
  ],
  ['broken:1', 'ImageInspectError', 'Failed to inspect image "broken:1": rpc error: code = Unknown desc = boom'],
])('%s: %s', async (image, reason, message) => {
  const { manager, events } = harness();
  expect(await manager.ensureImage(pod, container(image), sandbox)).toEqual({ ok: false, reason, message });
  expect(events).toEqual([`Warning InspectFailed ${message} @spec.containers{c}`]);
});

test('Never fails when the image is not there', async () => {
  const { manager } = harness();
  expect(await manager.ensureImage(pod, container('x:1', 'Never'), sandbox)).toEqual({
    ok: false,
    reason: 'ErrImageNeverPull',
    message: 'Container image "x:1" is not present with pull policy of Never',
  });
});

test('parallel requests share a pull, and one that is aborted does not end it for the rest', async () => {
  const { manager, pulls, setPull } = harness();
  const gate = Promise.withResolvers<string>();
  setPull(() => gate.promise);
  const stop = new AbortController();
  const first = manager.ensureImage(pod, container('a:1', 'Always'), sandbox, stop.signal);
  const second = manager.ensureImage(
    { metadata: { uid: 'other' }, spec: { containers: [] } },
    container('a:1', 'Always'),
    sandbox,
  );
  await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await expect(first).rejects.toThrow();
  gate.resolve('sha256:done');
  expect(await second).toEqual({ ok: true, imageRef: 'sha256:done' });
  expect(pulls).toHaveLength(1);
});

test('pull secrets are tried for their registry, a missing one is an event', async () => {
  const config = {
    auths: {
      'https://index.docker.io/v1/': { auth: Buffer.from('me:pw').toString('base64') },
      'quay.io': { username: 'q', password: 'p' },
    },
  };
  const secret: Secret = {
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify(config)).toString('base64') },
  };
  const { manager, pulls, events } = harness({ cred: secret });
  const withSecrets: Pod = { ...pod, spec: { containers: [], imagePullSecrets: [{ name: 'gone' }, { name: 'cred' }] } };
  await manager.ensureImage(withSecrets, container('nginx', 'Always'), sandbox);
  await manager.ensureImage(withSecrets, container('example.com/x:1', 'Always'), sandbox);
  expect(pulls).toEqual([{ username: 'me', password: 'pw' }, undefined]);
  expect(events.filter((text) => text.includes('PullSecret'))).toEqual([]);
  await manager.checkPullSecrets(withSecrets);
  await manager.checkPullSecrets(pod);
  expect(events.at(-1)).toBe(
    'Warning FailedToRetrieveImagePullSecret Unable to retrieve some image pull secrets (gone); attempting to pull the image may not succeed.',
  );
});
