import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ComponentOptions, componentSettings, imagePolicyWebhook } from './component-settings.ts';
import { UserError } from './user-error.ts';

const none: ComponentOptions = {
  enableAdmissionPlugins: [],
  disableAdmissionPlugins: [],
  allowPrivileged: true,
  controllers: '*',
  featureGates: '',
  runtimeConfig: '',
  maxRequestsInflight: 400,
  maxMutatingRequestsInflight: 200,
  requestTimeout: '1m0s',
  minRequestTimeout: 1800,
};

describe('componentSettings', () => {
  it('hands on what was asked for', () => {
    const found = componentSettings({
      ...none,
      disableAdmissionPlugins: ['ServiceAccount'],
      allowPrivileged: false,
      controllers: '*,-podgc',
      runtimeConfig: 'events.k8s.io/v1=false',
    });
    expect(found.admissionPlugins.has('ServiceAccount')).toBe(false);
    expect(found.kinds.some(({ group }) => group === 'events.k8s.io')).toBe(false);
    expect(found).toMatchObject({ allowPrivileged: false, controllers: '*,-podgc' });
  });

  it('hands on the feature gates', () => {
    const featureGates = 'ClusterTrustBundle=true,ClusterTrustBundleProjection=true';
    const runtimeConfig = 'certificates.k8s.io/v1beta1/clustertrustbundles=true';
    const { gates, kinds } = componentSettings({ ...none, featureGates, runtimeConfig });
    expect([...gates]).toEqual(['ClusterTrustBundle', 'ClusterTrustBundleProjection']);
    expect(kinds.filter(({ version }) => version === 'v1beta1').map(({ kind }) => kind)).toEqual([
      'ClusterTrustBundle',
    ]);
    expect(componentSettings(none).gates.size).toBe(0);
  });

  it('hands on the limits of the API server', () => {
    expect(componentSettings({ ...none, requestTimeout: '1m30s', minRequestTimeout: 5 }).limits).toEqual({
      maxRequestsInFlight: 400,
      maxMutatingRequestsInFlight: 200,
      requestTimeoutMs: 90_000,
      minRequestTimeoutMs: 5000,
    });
    for (const requestTimeout of ['soon', '-1s'])
      expect(() => componentSettings({ ...none, requestTimeout })).toThrow(/^--request-timeout: /);
  });

  it('reads what plugins are told from a file, and from others beside it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'peapod-admission-'));
    try {
      const limits =
        'apiVersion: eventratelimit.admission.k8s.io/v1alpha1\nkind: Configuration\nlimits: [{type: Server, qps: 1, burst: 2}]\n';
      const main =
        'apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n- name: EventRateLimit\n  path: limits.yaml\n';
      writeFileSync(join(folder, 'limits.yaml'), limits);
      writeFileSync(join(folder, 'main.yaml'), main);
      const options = {
        ...none,
        enableAdmissionPlugins: ['EventRateLimit'],
        admissionControlConfigFile: join(folder, 'main.yaml'),
      };
      expect(componentSettings(options).admissionConfiguration).toEqual({
        eventLimits: [{ type: 'Server', qps: 1, burst: 2 }],
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('reads how the webhook of images is reached, where its plugin runs', async () => {
    const imagePolicy = {
      kubeConfigFile: '/nowhere',
      allowTtlMs: 1,
      denyTtlMs: 1,
      retryBackoffMs: 1,
      defaultAllow: false,
    };
    const off = { ...componentSettings(none), admissionConfiguration: { imagePolicy } };
    expect(await imagePolicyWebhook(off)).toBeUndefined();
    const on = { ...off, admissionPlugins: new Set(['ImagePolicyWebhook'] as const) };
    await expect(imagePolicyWebhook(on)).rejects.toThrow(
      /^--admission-control-config-file: plugin "ImagePolicyWebhook": \/nowhere: ENOENT/,
    );
  });

  it.each<[Partial<ComponentOptions>, string]>([
    [{ enableAdmissionPlugins: ['X'] }, '--enable-admission-plugins: enable-admission-plugins plugin "X" is unknown'],
    [{ controllers: '*,-x' }, '--controllers: "x" is not in the list of known controllers'],
    [{ featureGates: 'X=true' }, '--feature-gates: unrecognized feature gate: X'],
    [{ runtimeConfig: 'x/v1=true' }, '--runtime-config: unknown api groups x'],
    [
      { enableAdmissionPlugins: ['EventRateLimit'] },
      '--enable-admission-plugins: EventRateLimit needs limits from --admission-control-config-file',
    ],
    [
      { enableAdmissionPlugins: ['ImagePolicyWebhook'] },
      '--enable-admission-plugins: ImagePolicyWebhook: no config specified',
    ],
  ])('says which option is wrong: %j', (options, message) => {
    expect(() => componentSettings({ ...none, ...options })).toThrow(new UserError(message));
  });
});
