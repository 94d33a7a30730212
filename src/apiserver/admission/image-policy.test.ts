// What the webhook of ImagePolicyWebhook is asked about pods, and what its word comes to.
import { expect, test } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../../sim/virtual-clock.ts';
import type { PostReview } from '../review-exchange.ts';
import { outcome, startTestServer, verbs } from '../test-server.ts';
import type { AdmissionAttributes } from './admission.ts';
import { imagePolicy, type ImagePolicyWebhook } from './image-policy.ts';
import { pluginConfiguration } from './plugin-configuration.ts';
import { enabledPlugins } from './plugins.ts';

interface Spec {
  containers: { image: string }[];
  annotations?: object;
  namespace: string;
}

/** Denies images with `bad` in them, and answers 404 to those with `fail`. */
function webhook(more: Partial<ImagePolicyWebhook> = {}) {
  const asked: Spec[] = [];
  const post: PostReview = (body) => {
    const review = JSON.parse(body.toString()) as { spec: Spec };
    asked.push(review.spec);
    const has = (text: string): boolean => review.spec.containers.some(({ image }) => image.includes(text));
    if (has('fail')) return Promise.resolve({ status: 404, body: Buffer.from('nope') });
    const reason = has('why') ? { reason: 'bad image' } : {};
    const status = { allowed: !has('bad'), ...reason, auditAnnotations: { seen: 'yes' } };
    return Promise.resolve({ status: 200, body: Buffer.from(JSON.stringify({ ...review, status })) });
  };
  const times = { allowTtlMs: 300_000, denyTtlMs: 30_000, retryBackoffMs: 500 };
  const hook = { kubeConfigFile: 'hook', defaultAllow: false, ...times, post, ...more };
  return { asked, hook };
}

const pods = '/api/v1/namespaces/default/pods';
const pod = (name: string, image: string, more: object = {}) => ({
  metadata: { name, annotations: { 'a.image-policy.k8s.io/b': 'c', other: 'x' } },
  spec: { containers: [{ name: 'c', image }], ...more },
});

async function withServer(
  imagePolicyWebhook: ImagePolicyWebhook,
  use: (admin: ReturnType<typeof verbs>, clock: VirtualClock) => Promise<void>,
) {
  const clock = createVirtualClock();
  const { server, admin } = await startTestServer(clock, createSeededRandom(1), {
    admissionPlugins: enabledPlugins(['ImagePolicyWebhook'], ['ServiceAccount']),
    imagePolicyWebhook,
  });
  try {
    await use(verbs(admin), clock);
  } finally {
    await server.close();
  }
}

test('it sees the images and its own annotations, and its word counts', async () => {
  const { asked, hook } = webhook();
  await withServer(hook, async ({ post, get }) => {
    const initContainers = [{ name: 'i', image: 'first:1' }];
    expect(await outcome(post(pods, pod('good', 'good:1', { initContainers })))).toBe('ok');
    const annotations = { 'a.image-policy.k8s.io/b': 'c' };
    expect(asked).toEqual([
      { containers: [{ image: 'good:1' }, { image: 'first:1' }], annotations, namespace: 'default' },
    ]);
    expect(await outcome(post(pods, pod('no', 'bad:1')))).toBe(
      '403 pods "no" is forbidden: one or more images rejected by webhook backend',
    );
    expect(await outcome(post(pods, pod('no', 'bad-why:1')))).toBe(
      '403 pods "no" is forbidden: image policy webhook backend denied one or more images: bad image',
    );
    expect(await outcome(get(`${pods}/no`))).toMatch(/^404/);
  });
});

test('updates and ephemeral containers are looked at, status is not', async () => {
  const { asked, hook } = webhook();
  await withServer(hook, async ({ post, patch }) => {
    await post(pods, pod('p', 'good:1'));
    const ephemeralContainers = [{ name: 'e', image: 'bad:2' }];
    expect(
      await outcome(
        patch(`${pods}/p/ephemeralcontainers`, 'strategic-merge-patch+json', { spec: { ephemeralContainers } }),
      ),
    ).toBe('403 pods "p" is forbidden: one or more images rejected by webhook backend');
    expect(asked.at(-1)?.containers).toEqual([{ image: 'bad:2' }]);
    const image = { spec: { containers: [{ name: 'c', image: 'bad:3' }] } };
    expect(await outcome(patch(`${pods}/p`, 'strategic-merge-patch+json', image))).toMatch(/^403/);
    expect(asked).toHaveLength(3);
    await patch(`${pods}/p/status`, 'merge-patch+json', { status: { message: 'x' } });
    expect(asked).toHaveLength(3);
  });
});

test('what it said is kept for a while: yes for longer than no', async () => {
  const { asked, hook } = webhook();
  await withServer(hook, async ({ post }, clock) => {
    const ask = async (image: string): Promise<number> => {
      await outcome(post(pods, pod('x', image), { dryRun: 'All' }));
      return asked.length;
    };
    expect([await ask('good:1'), await ask('good:1'), await ask('bad:1'), await ask('bad:1')]).toEqual([1, 1, 2, 2]);
    await clock.advance(30_000);
    expect([await ask('good:1'), await ask('bad:1')]).toEqual([2, 3]);
    await clock.advance(270_000);
    expect(await ask('good:1')).toBe(4);
  });
});

test('where it cannot be asked, defaultAllow decides, and the pod tells of it', async () => {
  await withServer(webhook().hook, async ({ post }) => {
    expect(await outcome(post(pods, pod('x', 'fail:1')))).toBe(
      '403 pods "x" is forbidden: the server could not find the requested resource',
    );
  });
  await withServer(webhook({ defaultAllow: true }).hook, async ({ post }) => {
    const made = (await post(pods, pod('x', 'fail:1'))) as Pod;
    expect(made.metadata?.annotations?.['alpha.image-policy.k8s.io/failed-open']).toBe('true');
  });
});

test('the audit log is told', async () => {
  const annotations = new Map<string, string>();
  const at = (image: string): AdmissionAttributes =>
    ({
      operation: 'CREATE',
      subresource: '',
      namespace: 'default',
      resource: { kind: { group: '', resource: 'pods' } },
      object: pod('p', image),
      annotations,
    }) as unknown as AdmissionAttributes;
  const deps = { clock: createVirtualClock(), random: createSeededRandom(1), signal: new AbortController().signal };
  const plugin = imagePolicy(webhook({ defaultAllow: true }).hook, deps);
  await plugin.validate?.(at('good:1'));
  await plugin.validate?.(at('fail:1'));
  expect([...annotations]).toEqual([
    ['imagepolicywebhook.image-policy.k8s.io/seen', 'yes'],
    ['imagepolicywebhook.image-policy.k8s.io/failed-open', 'true'],
  ]);
});

const configured = (imagePolicySettings: object) =>
  pluginConfiguration(
    {
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AdmissionConfiguration',
      plugins: [{ name: 'ImagePolicyWebhook', configuration: { imagePolicy: imagePolicySettings } }],
    },
    () => undefined,
  ).imagePolicy;

test('its configuration is in seconds, and for the wait in milliseconds', () => {
  const usual = {
    kubeConfigFile: '',
    allowTtlMs: 300_000,
    denyTtlMs: 30_000,
    retryBackoffMs: 500,
    defaultAllow: false,
  };
  expect(configured({})).toEqual(usual);
  const said = { kubeConfigFile: 'f', allowTTL: 50, denyTTL: -1, retryBackoff: 100, defaultAllow: true };
  expect(configured(said)).toEqual({
    kubeConfigFile: 'f',
    allowTtlMs: 50_000,
    denyTtlMs: 0,
    retryBackoffMs: 100,
    defaultAllow: true,
  });
});

test.each([
  [{ allowTTL: 7200 }, 'valid value is between 1s and 30m0s, got 2h0m0s'],
  [{ denyTTL: -5 }, 'valid value is between 1s and 30m0s, got -5s'],
  [{ retryBackoff: 600_000 }, 'valid value is between 1ns and 5m0s, got 10m0s'],
  [{ allowTTL: '1m' }, 'imagePolicy.allowTTL must be an integer'],
])('%j is refused', (settings, message) => {
  expect(() => configured(settings)).toThrow(`plugin "ImagePolicyWebhook": ${message}`);
});
